"""No key and no content in representations, pickles, logs and tracebacks, also of those that show local variables."""

import copy
import pickle
import time
import traceback
from base64 import b64encode

import pytest

from tests.client_library.local_vaults import AMERICA, EUROPE, LocalVaults
from vaultportal_client import message
from vaultportal_client.envelope import Envelope, split_header
from vaultportal_client.errors import EnvelopeError, TamperedCiphertext
from vaultportal_client.limits import Limits
from vaultportal_client.message import DataKey, require_bytes
from vaultportal_client.secret_bytes import SecretBytes
from vaultportal_client.vault_calls import VaultCall, VaultReply

SECRET = b"a data key of thirty-two bytes.."


@pytest.mark.parametrize("make", [lambda: SecretBytes(SECRET), lambda: DataKey(SecretBytes(SECRET))])
def test_no_representation_and_no_copy(make):
    kept = make()
    for shown in (repr(kept), str(kept), f"{kept}", repr([kept])):
        assert "thirty-two" not in shown
        assert shown.strip("[]").startswith("<")
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            duplicate(kept)


def test_calls_and_replies_show_no_body():
    call = VaultCall(None, "POST", "keys/a/1/wrapkey", "A256KW", SecretBytes(SECRET))
    assert "secret" not in repr(call)
    assert repr(VaultReply(200, {"value": "dGhl"})) == "VaultReply(status=200)"


def flipped(ciphertext, position):
    changed = bytearray(ciphertext)
    changed[position] ^= 1
    return bytes(changed)


def test_no_traceback_of_a_refused_ciphertext_has_a_key(monkeypatch):
    """A byte in three of the ciphertext flipped in turn; local variables of all frames and of all causes are looked at."""
    secrets, made = [], []
    vaults = LocalVaults(EUROPE, AMERICA)
    envelope = Envelope([EUROPE, AMERICA], limits=Limits(), minimum_copies=1, clock=time.monotonic)
    monkeypatch.setattr("os.urandom", lambda size: made.append(b"%-16d" % len(made) * (size // 16)) or made[-1])
    key = vaults.run(envelope.new_key())
    secrets.append(made[0])
    ciphertext = key.data_key.encrypt(key.header, 1, b"the content", b"")
    message_id = bytes(split_header(ciphertext)[1][:24])
    secrets.append(key.data_key._derive(message._MESSAGE + message_id + message._MESSAGE_END)[:32])
    needles = [
        text for secret in secrets for text in (repr(secret)[2:-1], secret.hex(), b64encode(secret).decode()[:40])
    ]
    for position in range(0, len(ciphertext), 3):
        error = refusal(vaults, envelope, flipped(ciphertext, position))
        text = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        assert not [needle for needle in [*needles, "the content"] if needle in text], position


def refusal(vaults, envelope, ciphertext):
    try:
        header, body = split_header(ciphertext)
        vaults.run(envelope.open(header)).decrypt(body, b"")
    except EnvelopeError as error:
        return error
    return pytest.fail("it was decrypted")


def test_a_refused_ciphertext_tells_no_reason():
    """One sentence for a wrong header, commitment, segment and context."""
    vaults = LocalVaults(EUROPE)
    envelope = Envelope([EUROPE], limits=Limits(), minimum_copies=1, clock=time.monotonic)
    key = vaults.run(envelope.new_key())
    ciphertext = key.data_key.encrypt(key.header, 1, b"the content", b"")
    start = len(key.header)
    errors = [
        refusal(vaults, envelope, flipped(ciphertext, at)) for at in (start - 1, start - 40, start, start + 30, -1)
    ]
    assert {type(error) for error in errors} == {TamperedCiphertext}
    assert len({str(error) for error in errors}) == 1


@pytest.mark.parametrize("wrong", ["text", bytearray(b"x"), None, 7])
def test_what_is_no_bytes_is_refused_before_a_key_is_derived(wrong):
    with pytest.raises(TypeError, match="are bytes"):
        require_bytes(wrong, b"")
    with pytest.raises(TypeError, match="are bytes"):
        require_bytes(b"", wrong)
