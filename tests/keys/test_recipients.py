"""The key to which a release encrypts, as an attestation names it."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.core.encoding import to_base64url
from apps.domain.keys.operations.key_release import _recipient
from apps.domain.keys.release_policy import ReleaseDenied

PUBLIC = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
KEY = {**jwt.algorithms.RSAAlgorithm.to_jwk(PUBLIC, as_dict=True), "kid": "recipient", "key_use": "enc"}


def recipient(*keys):
    return _recipient({"x-ms-runtime": {"keys": list(keys)}})


def test_the_first_key_that_encrypts_is_the_recipient():
    kid, spki = recipient(7, {**KEY, "key_use": "sig"}, KEY, {**KEY, "kid": "later"})
    assert kid == "recipient"
    assert len(spki) > 256


@pytest.mark.parametrize(
    "changes",
    [
        {"kid": "\ud800"},  # no message to the HSM worker holds it
        {"kid": 7},
        {"kty": "EC"},
        {"n": to_base64url(b"\xff" * 40_000)},
        {"n": 5},
        {"e": None},
        {"n": "AQAB"},
    ],
    ids=lambda changes: str(changes)[:30].encode("ascii", "backslashreplace").decode(),
)
def test_a_key_that_nothing_can_be_encrypted_to_is_no_recipient(changes):
    with pytest.raises(ReleaseDenied):
        recipient({**KEY, **changes})
