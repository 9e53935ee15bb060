"""Keys of issuers: the public half of each that verifies a signature, and nothing else of a foreign document."""

import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from apps.core.encoding import to_base64url
from apps.domain.identity.issuer_keys import parse_jwks, public_half, readable_keys

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_JWK = jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True)
EC_JWK = jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True)
LONG = to_base64url(b"\xff" * 20_000)


def test_a_private_key_is_read_as_its_public_half():
    private = [
        {**jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True), "kid": "rsa"},
        {**jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY, as_dict=True), "kid": "ec"},
    ]
    keys = parse_jwks({"keys": private})
    assert keys["rsa"].public_numbers() == RSA_KEY.public_key().public_numbers()
    assert keys["ec"].public_numbers() == EC_KEY.public_key().public_numbers()


def test_private_parts_cost_no_time_however_long_they_are():
    started = time.thread_time()
    huge = [{**RSA_JWK, "d": LONG, "kid": str(number)} for number in range(10)]
    longer = [{**RSA_JWK, "n": LONG, "kid": "n"}, {**RSA_JWK, "e": LONG, "kid": "e"}]
    assert len(readable_keys({"keys": huge + longer})) == 10
    assert time.thread_time() - started < 0.5


@pytest.mark.parametrize("more", [{"x5c": 10**30}, {"note": "\ud800"}, {"a": {"b": [1.5, None]}}, {"d": []}])
def test_what_no_message_can_hold_is_left_out(more):
    assert readable_keys({"keys": [{**RSA_JWK, **more, "kid": "one"}]}) == {
        "one": {"kty": "RSA", "n": RSA_JWK["n"], "e": RSA_JWK["e"]}
    }


@pytest.mark.parametrize("kid", ["", "\ud800", "a\nb", "x" * 600, 10**30, 1.5, None, [], {}])
def test_a_key_without_a_printable_name_is_left_out(kid):
    assert readable_keys({"keys": [{**RSA_JWK, "kid": kid}, {**EC_JWK, "kid": 7}]}).keys() == {"7"}


@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        "text",
        {"kty": "oct", "k": "AAAA"},
        {"kty": ["RSA"]},
        {**RSA_JWK, "alg": "HS256"},
        {**RSA_JWK, "alg": "ES256"},
        {**RSA_JWK, "alg": ["RS256"]},
        {**RSA_JWK, "n": "AQ"},
        {**EC_JWK, "y": EC_JWK["x"]},
        {**EC_JWK, "crv": "secp256k1"},
        {**EC_JWK, "crv": "P-521"},
    ],
    ids=lambda entry: json.dumps(entry)[:40],
)
def test_what_verifies_no_signature_is_no_key(entry):
    assert public_half(entry) is None
