"""Keys that are imported in clear: which are accepted, and the messages for the others."""

import base64
import json
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, mlkem, rsa

from apps.core.encoding import to_base64url
from apps.core.errors import BadRequest
from apps.domain.keys.key_material import LARGEST_TEXT, parse_pem
from apps.domain.keys.rules import BadKeyParameter
from tests.support import foreign

FORMATS = [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL]
RSA = rsa.generate_private_key(65537, 2048)


def pem(key, form=FORMATS[0], secret=None):
    sealed = serialization.BestAvailableEncryption(secret) if secret else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, sealed).decode()


def number(value):
    return to_base64url(value.to_bytes((value.bit_length() + 7) // 8))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (RSA, ("RSA", "2048")),
        (ec.generate_private_key(ec.SECP256R1()), ("EC", "P-256")),
        (ec.generate_private_key(ec.SECP521R1()), ("EC", "P-521")),
        (ec.generate_private_key(ec.SECP256K1()), ("EC", "P-256K")),
    ],
    ids=["RSA", "P-256", "P-521", "P-256K"],
)
def test_pem_in_both_forms_is_the_same_key(key, kind, form):
    found = parse_pem(f"a line before\n{pem(key, form)}")
    assert (found.key_type, found.parameter) == kind
    again = serialization.load_der_private_key(found.material, None)
    assert again.private_numbers() == key.private_numbers()
    assert "material" not in repr(found)


def test_a_json_web_key_keeps_its_operations():
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    public = numbers.public_numbers
    jwk = {
        "kty": "EC-HSM",
        "crv": "P-256",
        "key_ops": ["sign"],
        "x": to_base64url(public.x.to_bytes(32)),
        "y": to_base64url(public.y.to_bytes(32)),
        "d": to_base64url(numbers.private_value.to_bytes(32)),
    }
    found = parse_pem(f"  {json.dumps(jwk)}")
    assert (found.key_type, found.parameter, found.operations) == ("EC", "P-256", ("sign",))
    assert parse_pem(json.dumps({"kty": "oct", "k": to_base64url(bytes(32))})).material == bytes(32)


NEWER = {
    ("OKP", "Ed25519"): ed25519.Ed25519PrivateKey.generate(),
    ("AKP", "ML-DSA-44"): mldsa.MLDSA44PrivateKey.generate(),
    ("AKP", "ML-DSA-65"): mldsa.MLDSA65PrivateKey.generate(),
    ("AKP", "ML-DSA-87"): mldsa.MLDSA87PrivateKey.generate(),
    ("AKP", "ML-KEM-768"): mlkem.MLKEM768PrivateKey.generate(),
    ("AKP", "ML-KEM-1024"): mlkem.MLKEM1024PrivateKey.generate(),
}


@pytest.mark.parametrize("kind", NEWER, ids=lambda kind: kind[1])
def test_a_key_with_one_algorithm_comes_as_pem_or_jwk(kind):
    """RFC 8037 section 2, RFC 9964 section 3; the PEM has PKCS#8 with the seed (RFC 8410, 9881, 9935)."""
    key, (key_type, parameter) = NEWER[kind], kind
    public, private = to_base64url(key.public_key().public_bytes_raw()), to_base64url(key.private_bytes_raw())
    parts = {"crv": parameter, "x": public, "d": private} if key_type == "OKP" else {
        "alg": parameter, "pub": public, "priv": private
    }  # fmt: skip
    for found in (parse_pem(pem(key)), parse_pem(json.dumps({"kty": key_type, **parts}))):
        assert (found.key_type, found.parameter) == kind
        assert serialization.load_der_private_key(found.material, None).private_bytes_raw() == key.private_bytes_raw()
    member = "x" if key_type == "OKP" else "pub"
    for wrong in (parts[member][:-4] + "AAAA", "", parts[member] + "AAAA"):
        with pytest.raises(BadKeyParameter, match="not consistent"):
            parse_pem(json.dumps({"kty": key_type, **parts, member: wrong}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "{",
        "{}",
        '{"kty": ["RSA"]}',
        '{"kty": "OKP", "crv": "Ed25519", "d": "AA"}',
        '{"kty": "OKP", "crv": "Ed25519", "d": "AA", "x": "AA"}',
        '{"kty": "OKP", "crv": "X25519", "d": "AA", "x": "AA"}',
        '{"kty": "AKP", "alg": "ML-DSA-65", "priv": "AA", "pub": "AA"}',
        '{"kty": "AKP", "alg": ["ML-DSA-65"], "priv": "AA", "pub": "AA"}',
        '{"kty": "AKP", "alg": "ML-KEM-512", "priv": "AA", "pub": "AA"}',
        f'{{"kty": "AKP", "alg": "ML-DSA-65", "priv": "{to_base64url(bytes(32))}"}}',
        f'{{"kty": "AKP", "alg": "ML-DSA-65", "priv": "{to_base64url(bytes(32))}", "pub": "AA"}}',
        '{"kty": "oct", "k": "AA"}',
        '{"kty": "oct"}',
        '{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAA", "key_ops": "sign"}',
        '{"kty": "oct", "kty": "RSA"}',
        '{"a": "\ud800"}',
        "{" * 5000,
        "\ud800",
        "x" * (LARGEST_TEXT + 1),
        pem(rsa.generate_private_key(65537, 1024)),
        pem(ec.generate_private_key(ec.SECP224R1())),
        pem(ed448.Ed448PrivateKey.generate()),
        pem(dsa.generate_private_key(1024)),
        pem(RSA).replace("A", "B"),
        RSA.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    ],
    ids=lambda text: repr(text[:24]),
)
def test_what_is_no_such_key_is_refused(text):
    with pytest.raises(BadRequest):
        parse_pem(text)


def test_a_huge_or_broken_rsa_key_is_refused_before_its_primes_are_looked_at():
    """No primes at all: looking for them in 12 000 bits would take a while."""
    p, q = 2**6000 + 1, 2**6000 + 3
    huge = der_integers(0, p * q, 65537, 3, p, q, 5, 7, 11)
    start = time.monotonic()
    with pytest.raises(BadKeyParameter, match="2048, 3072 or 4096 bits"):
        parse_pem(as_pem(huge))
    assert time.monotonic() - start < 1
    p, q = 2**1023 + 1, 2**1024 - 1
    with pytest.raises(BadKeyParameter, match="neither a private key"):
        parse_pem(as_pem(der_integers(0, p * q, 65537, 3, p, q, 5, 7, 11)))


def der_integers(*values):
    """A DER SEQUENCE of INTEGERs: RSAPrivateKey of RFC 8017."""

    def tagged(tag, body):
        if len(body) < 128:
            return bytes([tag, len(body)]) + body
        size = len(body).to_bytes((len(body).bit_length() + 7) // 8)
        return bytes([tag, 0x80 | len(size)]) + size + body

    return tagged(0x30, b"".join(tagged(2, value.to_bytes(value.bit_length() // 8 + 1)) for value in values))


def as_pem(der):
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----\n"


def test_a_password_is_not_tried():
    with pytest.raises(BadKeyParameter, match="encrypted"):
        parse_pem(pem(RSA, secret=b"a password"))


def without_small_factors(bits):
    """An odd number that no trial division finds composite, so that a test for primes takes its time."""
    number = (1 << bits) + 1
    while any(number % factor == 0 for factor in range(3, 2000, 2)):
        number += 2
    return number


def test_factors_that_are_longer_than_the_modulus_are_refused_before_they_are_looked_at():
    p, modulus = without_small_factors(60_000), (1 << 2047) + 1
    started = time.thread_time()
    with pytest.raises(BadKeyParameter, match="not consistent"):
        parse_pem(as_pem(der_integers(0, modulus, 65537, 3, p, p + 2, 5, 7, 11)))
    numbers = {"n": modulus, "e": 65537, "d": 3, "p": (1 << 4159) + 1, "q": 3, "dp": 5, "dq": 7, "qi": 11}
    with pytest.raises(BadKeyParameter, match="not consistent"):
        parse_pem(json.dumps({"kty": "RSA", **{name: number(value) for name, value in numbers.items()}}))
    assert time.thread_time() - started < 2  # of the processor: what one request may take


def test_a_file_with_text_and_certificates_gives_its_key_and_one_with_two_keys_none():
    text = f"Bag Attributes\n  friendlyName: ENCRYPTED\n{pem(RSA)}subject=CN = x\n{certificate_pem()}"
    assert parse_pem(text).parameter == "2048"
    with pytest.raises(BadKeyParameter, match="2 private keys"):
        parse_pem(pem(RSA) + pem(RSA))


def certificate_pem():
    return foreign.pem(foreign.certificate()).decode()
