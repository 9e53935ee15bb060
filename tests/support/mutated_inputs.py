"""Foreign inputs gone wrong: good certificates, containers, keys, names, tokens and JWKS, and ways to spoil bytes."""

import base64
import datetime as dt
import ipaddress
import json
from functools import cache

import jwt
from asn1crypto import pkcs12 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from apps.core.encoding import to_base64url
from apps.domain.certificates import pfx as container_order
from tests.support.foreign import (
    AUTHORITY_KEY,
    KEY,
    PASSWORD,
    certificate,
    der,
    key_pem,
    openssl,
    p7b,
    pem,
    pfx,
    with_subject_type,
)
from tests.support.mutated_requests import change, paths

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
TRIPLE_DES = (
    serialization.PrivateFormat.PKCS12.encryption_builder()
    .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
    .hmac_hash(hashes.SHA1())
    .build(PASSWORD.encode())
)
NAMES = [
    'CN=a, O="Contoso, Ltd.", S=WA, C=AU',
    "cn = a ; emailAddress=a@b.example, SERIALNUMBER=5",
    "OID.2.5.4.5=7+CN=#0C0161, DC=a,DC=b",
    'STREET="x ""y"""\\, z, CN=\\20a\\ ',
]
HOSTILE_PIECES = [
    b"", b"\0", b"\xff" * 9, b"\x30\x80", b"\x02\x04\x7f\xff\xff\xff", b"\x04\x84\xff\xff\xff\xff", b"-----BEGIN ", b"-----END ",
    b"=", b",", b'"', b"\\", b"+", b"#", b"{", b"[" * 50, b"\xed\xa0\x80", "\u202e".encode(), b"9999999999999999999999",
    b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c", b"991231235959Z", b"99991231235959Z", b"00000101000000Z",
]  # fmt: skip


def rich_certificate():
    """One with every extension that is read."""
    names = [
        x509.DNSName("a.example"),
        x509.RFC822Name("a@b.example"),
        x509.UniformResourceIdentifier("https://a.example/x"),
        x509.IPAddress(ipaddress.ip_address("10.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("2001:db8::1")),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x06a@b.de"),
        x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "d")])),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
    ]
    usage = dict.fromkeys(
        ("content_commitment", "data_encipherment", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        False,
    ) | {"digital_signature": True, "key_encipherment": True, "key_agreement": True}
    extensions = [
        x509.KeyUsage(**usage),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        x509.BasicConstraints(ca=True, path_length=3),
        x509.SubjectKeyIdentifier.from_public_key(KEY.public_key()),
        x509.NameConstraints([x509.DNSName("a.example")], None),
        x509.CRLDistributionPoints([x509.DistributionPoint([names[2]], None, None, None)]),
    ]
    return certificate(names=names, extensions=extensions, not_after=dt.datetime(2040, 1, 1, tzinfo=dt.UTC))


def algorithm_jwks():
    """JWKs of the key types with one parameter (RFC 8037, RFC 9964)."""
    ed, ml = ed25519.Ed25519PrivateKey.generate(), mldsa.MLDSA44PrivateKey.generate()
    for key, names in ((ed, ("OKP", "crv", "Ed25519", "x", "d")), (ml, ("AKP", "alg", "ML-DSA-44", "pub", "priv"))):
        key_type, parameter, value, public, private = names
        yield {
            "kty": key_type,
            parameter: value,
            public: to_base64url(key.public_key().public_bytes_raw()),
            private: to_base64url(key.private_bytes_raw()),
        }


def seeds():
    """Kind: good inputs of that kind, as bytes."""
    root, leaf, rich = certificate("root", key=AUTHORITY_KEY), certificate(), rich_certificate()
    rsa_leaf = certificate("rsa", key=RSA_KEY)
    encrypted = openssl("pkcs8", "-topk8", "-passout", f"pass:{PASSWORD}", data=key_pem())
    rsa_jwk = jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY, as_dict=True)
    ec_jwk = jwt.algorithms.ECAlgorithm.to_jwk(KEY, as_dict=True)
    public = [
        {**jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True), "kid": "one"},
        {**jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": "two", "alg": "ES256"},
    ]
    private = [
        {**rsa_jwk, "kid": "one", "use": "sig"},
        {**ec_jwk, "kid": "two"},
        {"kty": "oct", "k": "AAAA", "kid": "3"},
    ]
    claims = {"iss": "https://issuer.example", "sub": "s", "aud": "a", "exp": 4_000_000_000, "nbf": 1}
    return {
        "certificate": [der(rich), der(leaf), der(rsa_leaf), with_subject_type(0x14, b"caf\xe9")],
        "pfx": [
            pfx(leaf, [root, rich], password=None),
            pfx(leaf, [root]),
            pfx(rsa_leaf, [root], key=RSA_KEY, password=None),
            pfx(leaf, protection=TRIPLE_DES),
        ],
        "pem": [
            key_pem() + pem(leaf, root),
            b"Bag Attributes\n  friendlyName: x\n" + encrypted + pem(rich),
            key_pem(traditional=True, password=PASSWORD) + pem(leaf),
            key_pem(RSA_KEY, traditional=True) + pem(rsa_leaf),
        ],
        "x5c": [der(leaf), p7b(leaf, root), pem(leaf, root), p7b(leaf, root, encoding=Encoding.PEM)],
        "jwk": [
            json.dumps(rsa_jwk).encode(),
            json.dumps(ec_jwk).encode(),
            b'{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAA"}',
            *(json.dumps(jwk).encode() for jwk in algorithm_jwks()),
        ],
        "key": [key_pem(), key_pem(RSA_KEY), key_pem(ec.generate_private_key(ec.SECP521R1()), traditional=True)],
        "name": [name.encode() for name in NAMES],
        "jwks": [json.dumps({"keys": keys}).encode() for keys in (public, private)],
        "token": [
            jwt.encode(claims, RSA_KEY, algorithm="RS256", headers={"kid": "one", "x5t": "AAAA"}).encode(),
            jwt.encode(claims, KEY, algorithm="ES256", headers={"kid": "two"}).encode(),
        ],
    }


def spoiled(rng, data, others):
    """The bytes with one to four things wrong; also inside base64, where an encoding is in text."""
    for _ in range(rng.randint(1, 4)):
        data = _spoiled_once(rng, data, others)
    return data[:200_000]


def spoiled_pfx(rng, data, others):
    """The same, for a PFX: where it has no password, half is changed behind its MAC (RFC 7292 section 4), made anew."""
    password = _mac_password(data)
    if rng.random() < 0.5 or password is None:
        return spoiled(rng, data, others)
    container = asn1.Pfx.load(data)
    safe = spoiled(rng, bytes(container["auth_safe"]["content"].native), others)
    container["auth_safe"] = {"content_type": "data", "content": safe}
    container["mac_data"]["mac"]["digest"] = container_order._mac(container, safe, password)
    return bytes(container.dump(force=True))


@cache
def _mac_password(pfx):
    """What the MAC of a PFX without a password is made with; None for one with a password."""
    try:
        return container_order._mac_password(asn1.Pfx.load(pfx))
    except StopIteration:
        return None


def spoiled_json(rng, data, others):
    """The same, for JSON: half of it changed in its values, which then are of any type."""
    if rng.random() < 0.5:
        return spoiled(rng, data, others)
    value = json.loads(data)
    for _ in range(rng.randint(1, 3)):
        change(rng, value, rng.choice(list(paths(value)) or [("x",)]))
    return json.dumps(value).encode()


def _spoiled_once(rng, data, others):
    changed = bytearray(data)
    at = rng.randrange(len(changed) + 1)
    chance = rng.random()
    if chance < 0.3 and changed:
        changed[at % len(changed)] ^= 1 << rng.randrange(8)
    elif chance < 0.5 and changed:
        changed[at % len(changed)] = rng.choice(
            [0, 1, 2, 3, 4, 6, 0x0C, 0x13, 0x14, 0x1E, 0x30, 0x31, 0x7F, 0x80, 0x84, 0xA0, 0xFF]
        )
    elif chance < 0.6:
        del changed[at : at + rng.randint(1, 16)]
    elif chance < 0.75:
        changed[at:at] = rng.choice(HOSTILE_PIECES)
    elif chance < 0.83:
        other = rng.choice(others)
        start = rng.randrange(len(other) + 1)
        changed[at:at] = other[start : start + rng.randint(1, 200)]
    elif chance < 0.9:
        changed[at:at] = changed[at : at + rng.randint(1, 400)] * rng.randint(1, 3)
    elif chance < 0.95:
        del changed[at:]
    else:
        return _inside_base64(rng, bytes(changed), others)
    return bytes(changed)


def _inside_base64(rng, data, others):
    """The body of the first block of PEM, or a part of a token, spoiled before it is encoded again."""
    parts = data.split(b"-----") if b"-----" in data else data.split(b".")
    at = 2 if len(parts) > 2 and b"-----" in data else 0
    try:
        decoded = base64.b64decode(parts[at] + b"==", validate=False)
    except ValueError:
        return data
    encoded = base64.b64encode(_spoiled_once(rng, decoded, others) if rng.random() < 0.9 else decoded)
    parts[at] = b"\n" + encoded + b"\n" if at else base64.urlsafe_b64encode(base64.b64decode(encoded)).rstrip(b"=")
    return (b"-----" if at else b".").join(parts)
