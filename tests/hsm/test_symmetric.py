"""AES and HMAC keys: one answer for whatever is wrong, lengths checked before the HSM, one purpose a handle."""

import os

import pytest

from apps.hsm.errors import BadCiphertext, BadParameter, BindingMismatch, UnsupportedAlgorithm
from apps.hsm.types import Custody, KeyType
from tests.hsm.conftest import binding
from tests.support.known_answers import OCT_OPERATIONS


@pytest.fixture(scope="module", params=list(Custody))
def key(hsm, vault_key, request):
    return hsm.generate(binding(request.param, KeyType.OCT, "256", operations=OCT_OPERATIONS), vault_key=vault_key)


def flipped(data, at=-1):
    return bytes([*data[: at % len(data)], data[at] ^ 1, *data[at % len(data) + 1 :]])


def test_every_wrong_ciphertext_has_one_answer(hsm, vault_key, key):
    def answer(algorithm, ciphertext, **others):
        with pytest.raises(BadCiphertext) as error:
            hsm.decrypt(key, algorithm=algorithm, ciphertext=ciphertext, vault_key=vault_key, **others)
        return str(error.value), error.value.args

    made = hsm.encrypt(key, algorithm="A256GCM", plaintext=b"data", aad=b"context", vault_key=vault_key)
    gcm = {
        answer("A256GCM", ciphertext, iv=iv, aad=aad, tag=tag)
        for ciphertext, iv, aad, tag in (
            (flipped(made.ciphertext), made.iv, b"context", made.tag),
            (made.ciphertext, flipped(made.iv), b"context", made.tag),
            (made.ciphertext, made.iv, b"other", made.tag),
            (made.ciphertext, made.iv, b"", made.tag),
            (made.ciphertext, made.iv, b"context", flipped(made.tag, 0)),
            (b"", made.iv, b"context", made.tag),
        )
    }
    padded = hsm.encrypt(key, algorithm="A256CBCPAD", plaintext=b"data", iv=bytes(16), vault_key=vault_key).ciphertext
    cbc = {
        answer("A256CBCPAD", ciphertext, iv=iv)
        for ciphertext, iv in ((padded, flipped(bytes(16))), (padded[:-1], bytes(16)), (b"", bytes(16)))
    }
    wrapped = hsm.encrypt(key, algorithm="A256KW", plaintext=bytes(32), vault_key=vault_key).ciphertext
    kw = {answer("A256KW", part) for part in (flipped(wrapped), flipped(wrapped, 0), wrapped[:-8], wrapped[:-1], b"")}
    assert len(gcm | cbc | kw) == 1


def test_a_gcm_iv_is_the_vaults_own_and_never_twice(hsm, vault_key, key):
    made = {
        hsm.encrypt(key, algorithm="A256GCM", plaintext=b"", iv=bytes(12), vault_key=vault_key).iv for _ in range(500)
    }
    assert len(made) == 500
    assert bytes(12) not in made


@pytest.mark.parametrize(
    ("algorithm", "plaintext", "iv"),
    [("A256CBC", b"", bytes(16)), ("A256CBC", b"x", b""), ("A256CBCPAD", b"x", bytes(12)), ("A256KW", bytes(8), b""), ("A256KW", bytes(17), b"")],
)  # fmt: skip
def test_lengths_that_cannot_be_are_refused_first(hsm, vault_key, key, algorithm, plaintext, iv):
    with pytest.raises(BadParameter):
        hsm.encrypt(key, algorithm=algorithm, plaintext=plaintext, iv=iv, vault_key=vault_key)


def test_the_algorithm_fits_the_size(hsm, vault_key, key):
    for algorithm in ("A128GCM", "A192KW", "RSA-OAEP", "none"):
        with pytest.raises(UnsupportedAlgorithm):
            hsm.encrypt(key, algorithm=algorithm, plaintext=bytes(16), vault_key=vault_key)
    with pytest.raises(UnsupportedAlgorithm):
        hsm.sign(key, algorithm="ES256", digest=bytes(32), vault_key=vault_key)


@pytest.mark.parametrize("custody", list(Custody))
def test_a_key_does_what_it_is_bound_to(hsm, vault_key, custody):
    key = hsm.generate(binding(custody, KeyType.OCT, "128", operations=("wrapKey",)), vault_key=vault_key)
    assert len(hsm.encrypt(key, algorithm="A128KW", plaintext=bytes(16), vault_key=vault_key).ciphertext) == 24
    for act in (
        lambda: hsm.decrypt(key, algorithm="A128KW", ciphertext=os.urandom(24), vault_key=vault_key),
        lambda: hsm.sign(key, algorithm="HS256", digest=b"x", vault_key=vault_key),
    ):
        with pytest.raises(BindingMismatch):
            act()


def test_a_vault_key_is_no_customers_key(hsm, vault_key):
    with pytest.raises(BindingMismatch):
        hsm.encrypt(vault_key, algorithm="A256GCM", plaintext=b"x")
