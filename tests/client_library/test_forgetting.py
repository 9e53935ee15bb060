"""Data keys that were forgotten are gone, also those that were being made, and in a forked process."""

import os
import warnings

import pytest

from tests.client_library.local_vaults import EUROPE, LocalVaults
from vaultportal_client import EnvelopeClient, aio
from vaultportal_client.errors import MalformedCiphertext
from vaultportal_client.wire_format import MAGIC, VERSION, parse_header


class Forgetting(LocalVaults):
    """Vaults that answer after everything was forgotten."""

    client = None

    def send(self, call):
        if self.client is not None:
            self.client.forget()
        return super().send(call)


def test_a_data_key_that_was_being_made_is_not_kept():
    vaults = Forgetting(EUROPE)
    client = EnvelopeClient([EUROPE], None)
    client._vaults, vaults.client = vaults, client
    ciphertext = client.encrypt(b"content")
    assert client._key is None
    vaults.client = None
    client.encrypt(b"content")
    assert client._key is not None
    assert client.decrypt(ciphertext) == b"content"


@pytest.mark.parametrize("kind", [EnvelopeClient, aio.EnvelopeClient])
def test_a_forked_process_has_no_data_key(kind):
    client = kind([EUROPE], None)
    client._key = object()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other tests may have threads
        child = os.fork()
    if not child:
        os._exit(client._key is not None)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert client._key is not None


def test_a_header_of_thousands_of_copies_is_refused():
    name = f"{EUROPE}/v1".encode()
    copy = b"\x02" + len(name).to_bytes(2, "big") + name + b"\x00\x01x"
    copies = copy * (65_000 // len(copy))
    header = MAGIC + bytes([VERSION]) + len(copies).to_bytes(2, "big") + copies + bytes(32)
    with pytest.raises(MalformedCiphertext, match="too many"):
        parse_header(header)
