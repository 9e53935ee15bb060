"""Requests gone wrong: good bodies of every operation, and the ways in which a client or an attacker spoils them."""

import base64
import copy
import json
import random

HOSTILE = [
    "", "\u0000", "\ud800", "x" * 5000, "../../etc/passwd", "' OR 1=1 --", "\u202e\U0001f600", "-1", "1e999", "null",
    "%00", "A" * 43, "P1Y", "https://169.254.169.254/", "\r\nX-Injected: 1", "{}", "[]",
]  # fmt: skip
NUMBERS = [0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 1.5, 1e308, True, None]
STRUCTURES = [[], {}, [[[]]], {"a": {"b": {"c": {}}}}, "text", 7]
METHODS = ["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS"]
QUERIES = [
    "api-version=7.4", "api%2Dversion=7.4", "api-version=2026-04-01", "api-version=", "", "api-version=7.4&maxresults=0",
    "api-version=7.4&maxresults=26", "api-version=7.4&maxresults=x", "api-version=7.4&$skiptoken=x",
    "api-version=7.4&includePending=perhaps", "api-version=7.4&outContentType=x", "api-version=7.4&request_id=%00",
    "api-version=7.4&api-version=1", "api-version=7.4&" + "x=y&" * 50,
]  # fmt: skip

_BLOB = base64.urlsafe_b64encode(b"VaultPortalBackup1\n" + bytes(200)).decode().rstrip("=")
_DIGEST = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
_POLICY = {
    "key_props": {"kty": "EC", "crv": "P-256", "exportable": True, "reuse_key": False},
    "secret_props": {"contentType": "application/x-pkcs12"},
    "x509_props": {
        "subject": "CN=x",
        "sans": {"dns_names": ["a.example"], "ipAddresses": ["10.0.0.1"]},
        "ekus": ["1.3.6.1.5.5.7.3.1"],
        "key_usage": ["digitalSignature"],
        "validity_months": 12,
        "basic_constraints": {"ca": False},
    },
    "issuer": {"name": "Self"},
    "lifetime_actions": [{"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "AutoRenew"}}],
}
_JWK = {"kty": "EC", "crv": "P-256", "x": _DIGEST, "y": _DIGEST, "d": _DIGEST, "key_ops": ["sign"]}

# Operation -> a body that is right in form; the rest are given an empty object.
BODIES = {
    "KeyCreate": {"kty": "EC", "crv": "P-256", "key_ops": ["sign"], "attributes": {"enabled": True, "exp": 4781870437}, "tags": {"a": "b"}},
    "KeyImport": {"key": _JWK, "Hsm": False, "attributes": {"nbf": 1}, "release_policy": {"data": "e30", "contentType": "x"}},
    "KeyUpdate": {"key_ops": ["sign"], "attributes": {"enabled": True}, "tags": {"a": "b"}},
    "KeyRestore": {"value": _BLOB},
    "SecretRestore": {"value": _BLOB},
    "CertificateRestore": {"value": _BLOB},
    "KeyRotationPolicySet": {
        "lifetimeActions": [{"trigger": {"timeAfterCreate": "P90D"}, "action": {"type": "Rotate"}}],
        "attributes": {"expiryTime": "P1Y"},
    },
    "KeyRelease": {"target": "e30.e30.e30", "nonce": "n", "enc": "CKM_RSA_AES_KEY_WRAP"},
    "KeySecureWrap": {"alg": "A256KW"},
    "KeySecureUnwrap": {"alg": "A256KW", "value": _DIGEST, "target": "e30.e30.e30"},
    "RandomBytesGet": {"count": 16},
    "SecretSet": {"value": "v", "contentType": "t", "attributes": {"enabled": True}, "tags": {"a": "b"}},
    "SecretUpdate": {"contentType": "t", "attributes": {"exp": 4781870437}, "tags": {"a": "b"}},
    "CertificateCreate": {"policy": _POLICY, "attributes": {"enabled": True}, "tags": {"a": "b"}},
    "CertificateImport": {"value": "MIIB", "pwd": "x", "policy": _POLICY},
    "CertificateUpdate": {"policy": _POLICY, "attributes": {"enabled": True}},
    "CertificatePolicyUpdate": _POLICY,
    "CertificatePendingUpdate": {"cancellation_requested": True},
    "CertificatePendingMerge": {"x5c": ["MIIB"], "attributes": {"enabled": True}},
    "CertificateIssuerSet": {"provider": "Test", "credentials": {"account_id": "x", "pwd": "y"}, "org_details": {"admin_details": [{"email": "a"}]}},
    "CertificateIssuerUpdate": {"attributes": {"enabled": False}},
    "CertificateContactsSet": {"contacts": [{"email": "a@example.com", "name": "A"}]},
}  # fmt: skip
for _verb in ("Sign", "Verify", "Encrypt", "Decrypt", "Wrap", "Unwrap"):
    BODIES[f"Key{_verb}"] = {
        "alg": "ES256",
        "value": _DIGEST,
        "digest": _DIGEST,
        "iv": "AAAA",
        "aad": "AA",
        "tag": "AA",
    }


def spoiled(rng: random.Random, body):
    """The body with one to three things wrong, as bytes."""
    body = copy.deepcopy(body)
    for _ in range(rng.randint(1, 3)):
        path = rng.choice(list(paths(body)) or [()])
        if path:
            change(rng, body, path)
    try:
        data = json.dumps(body).encode()
    except ValueError:
        data = b"{"
    return spoiled_bytes(rng, data)


def paths(node, prefix=()):
    """Every place in the body."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*prefix, key)
        yield from paths(value, (*prefix, key))


def change(rng, body, path):
    node = body
    for key in path[:-1]:
        node = node[key]
        if not isinstance(node, dict | list):
            return
    if isinstance(node, dict) and rng.random() < 0.15:
        node.pop(path[-1], None)
    elif isinstance(node, dict) and rng.random() < 0.1:
        node[rng.choice(HOSTILE)] = node.get(path[-1])
    else:
        try:
            node[path[-1]] = rng.choice(
                [rng.choice(HOSTILE), rng.choice(NUMBERS), copy.deepcopy(rng.choice(STRUCTURES))]
            )
        except (IndexError, TypeError):
            return


def spoiled_bytes(rng, data):
    chance = rng.random()
    if chance < 0.06:
        return data[: rng.randrange(len(data) + 1)]
    if chance < 0.12 and data:
        flipped = bytearray(data)
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        return bytes(flipped)
    if chance < 0.14:
        return data + data
    if chance < 0.16:
        return rng.randbytes(rng.randrange(64))
    if chance < 0.17:
        return b"[" * rng.choice([10, 40, 5000])
    return data


def spoiled_path(rng, path):
    chance = rng.random()
    if chance < 0.05:
        return path + "/"
    if chance < 0.1:
        return path.replace("/", "//", rng.randint(1, 3))
    if chance < 0.15:
        return path + rng.choice(
            ["/%00", "/..", "/%2e%2e%2f", "/\u00e9".encode().hex(), "/" + "a" * 300, "/create", "?x"]
        )
    if chance < 0.2:
        return path.replace("object", rng.choice(["obj%20ect", "%F0%9F%98%80", "a" * 200, "-", "OBJECT"]))
    return path
