"""Ed25519, ML-DSA and ML-KEM keys over the data plane, with real requests (docs/key-types.md)."""

import base64
import hashlib
import json

import pytest
from azure.keyvault.keys import KeyClient
from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa, mlkem

from tests.support import records
from tests.support.sdk import remote

pytestmark = pytest.mark.stack

OKP = {"kty": "OKP", "crv": "Ed25519"}
PUBLIC = {
    "ML-DSA-44": mldsa.MLDSA44PublicKey,
    "ML-DSA-65": mldsa.MLDSA65PublicKey,
    "ML-DSA-87": mldsa.MLDSA87PublicKey,
    "ML-KEM-768": mlkem.MLKEM768PublicKey,
    "ML-KEM-1024": mlkem.MLKEM1024PublicKey,
}
ML_DSA = [name for name in PUBLIC if name.startswith("ML-DSA")]
ML_KEM = [name for name in PUBLIC if name.startswith("ML-KEM")]


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def raw(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def akp(algorithm):
    return {"kty": "AKP", "alg": algorithm}


@pytest.fixture(scope="module")
def ask(stack):
    """(status, body) of a request to the demo's vault, or to another."""
    http, token = stack.http(), stack.token()

    def send(method, path, body=None, *, url=None):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body)
        answer = http.request(method, f"{url or stack.vault_url}/{path}?api-version=7.4", body=data, headers=headers)
        return answer.status, answer.json() if answer.data else {}

    return send


@pytest.fixture(scope="module")
def make(ask):
    """A new key by its properties."""

    def make(name, body):
        status, made = ask("POST", f"keys/{name}/create", body)
        assert status == 200, made
        return made

    return make


def refused(answer, *texts, status=400, code="BadParameter"):
    given, body = answer
    assert (given, body["error"]["code"]) == (status, code), body
    for text in texts:
        assert text in body["error"]["message"]


def test_an_ed25519_key_signs_messages_that_others_verify(ask, make, name):
    key = make(name, OKP)["key"]
    assert (key["kty"], key["crv"], key["key_ops"]) == ("OKP", "Ed25519", ["sign", "verify"])
    assert set(key) == {"kid", "kty", "key_ops", "crv", "x"}
    for algorithm in ("EdDSA", "Ed25519"):
        status, signed = ask("POST", f"keys/{name}/sign", {"alg": algorithm, "value": b64(b"hello")})
        assert (status, signed["kid"]) == (200, key["kid"])
        ed25519.Ed25519PublicKey.from_public_bytes(raw(key["x"])).verify(raw(signed["value"]), b"hello")
        verify = {"alg": algorithm, "digest": b64(b"hello"), "value": signed["value"]}
        assert ask("POST", f"keys/{name}/verify", verify) == (200, {"value": True})
        assert ask("POST", f"keys/{name}/verify", verify | {"digest": b64(b"hullo")}) == (200, {"value": False})
        assert ask("POST", f"keys/{name}/verify", verify | {"value": ""}) == (200, {"value": False})


@pytest.mark.parametrize("algorithm", ML_DSA)
def test_an_ml_dsa_key_signs_as_azures_preview_has_it(ask, make, name, algorithm):
    """`alg` is the key's only one and may be left out; a context; an external mu (FIPS 204 section 6.2)."""
    key = make(name, akp(algorithm) | {"key_ops": ["sign", "verify"]})["key"]
    assert set(key) == {"kid", "kty", "key_ops", "alg", "pub"} and (key["kty"], key["alg"]) == ("AKP", algorithm)
    public = PUBLIC[algorithm].from_public_bytes(raw(key["pub"]))
    mu = hashlib.shake_256(hashlib.shake_256(raw(key["pub"])).digest(64) + b"\0\x02v1hello").digest(64)
    for body in ({"alg": algorithm}, {}):
        status, signed = ask("POST", f"keys/{name}/sign", body | {"value": b64(b"hello")})
        assert status == 200
        public.verify(raw(signed["value"]), b"hello")
    _, with_context = ask("POST", f"keys/{name}/sign", {"value": b64(b"hello"), "context": b64(b"v1")})
    _, with_mu = ask("POST", f"keys/{name}/sign", {"external_mu": b64(mu)})
    for signed in (with_context, with_mu):
        public.verify(raw(signed["value"]), b"hello", b"v1")
        for sent, valid in (
            ({"digest": b64(b"hello"), "context": b64(b"v1")}, True),
            ({"external_mu": b64(mu)}, True),
            ({"alg": algorithm, "digest": b64(b"hello")}, False),
        ):
            assert ask("POST", f"keys/{name}/verify", {**sent, "value": signed["value"]}) == (200, {"value": valid})
    recent = records.running("operation = 'KeySign' AND at > now() - interval '1 minute'")
    object_id = f"keys/{name}/{key['kid'][-32:]}"
    algorithms = [row["properties"]["algorithm"] for row in recent if row["object_id"] == object_id]
    assert algorithms == [algorithm] * 4, "the record names the algorithm that a request left out"


@pytest.mark.parametrize("algorithm", ML_KEM)
def test_an_ml_kem_key_wraps_a_fresh_key(ask, make, name, algorithm):
    key = make(name, akp(algorithm))["key"]
    assert (key["alg"], key["key_ops"]) == (algorithm, ["wrapKey", "unwrapKey"])
    status, wrapped = ask("POST", f"keys/{name}/wrapkey", {"alg": algorithm})
    assert status == 200 and set(wrapped) == {"kid", "value", "shared_secret"}
    assert len(raw(wrapped["shared_secret"])) == 32
    unwrapped = ask("POST", f"keys/{name}/unwrapkey", {"alg": algorithm, "value": wrapped["value"]})
    assert unwrapped == (200, {"kid": key["kid"], "value": wrapped["shared_secret"]})
    secret, ciphertext = PUBLIC[algorithm].from_public_bytes(raw(key["pub"])).encapsulate()
    unwrapped = ask("POST", f"keys/{name}/unwrapkey", {"alg": algorithm, "value": b64(ciphertext)})
    assert raw(unwrapped[1]["value"]) == secret, "a client encapsulates without the vault"
    refused(ask("POST", f"keys/{name}/wrapkey", {"alg": algorithm, "value": b64(bytes(32))}), "shared_secret")
    for wrong in (ciphertext[:-1], b"", bytes(256)):
        body = {"alg": algorithm, "value": b64(wrong)}
        refused(ask("POST", f"keys/{name}/unwrapkey", body), "The parameter is incorrect")


def test_wrong_combinations_are_refused_in_azures_shape(ask, make, name):
    make(f"{name}-ed", OKP)
    make(f"{name}-dsa", akp("ML-DSA-44"))
    make(f"{name}-kem", akp("ML-KEM-768"))
    make(f"{name}-rsa", {"kty": "RSA"})
    hello = {"value": b64(b"hello")}
    sign = "keys/{}-{}/sign"
    refused(ask("POST", sign.format(name, "ed"), hello), "'alg' is required")
    refused(ask("POST", sign.format(name, "rsa"), {"value": b64(bytes(32))}), "'alg' is required")
    refused(ask("POST", sign.format(name, "ed"), hello | {"alg": "ES256"}), "does not fit")
    refused(ask("POST", sign.format(name, "dsa"), hello | {"alg": "ML-DSA-65"}), "does not fit")
    refused(ask("POST", sign.format(name, "dsa"), hello | {"alg": "ML-KEM-768"}), "not supported for sign")
    refused(ask("POST", sign.format(name, "ed"), hello | {"alg": "EdDSA", "context": b64(b"x")}), "ML-DSA")
    refused(ask("POST", sign.format(name, "rsa"), {"external_mu": b64(bytes(64))}), "'alg' is required")
    refused(ask("POST", sign.format(name, "dsa"), {"external_mu": b64(bytes(63))}), "64")
    refused(ask("POST", sign.format(name, "dsa"), {"external_mu": b64(bytes(64)), **hello}), "must not be set")
    refused(ask("POST", sign.format(name, "dsa"), {"external_mu": b64(bytes(64)), "context": b64(b"x")}), "context")
    refused(ask("POST", sign.format(name, "dsa"), hello | {"context": b64(bytes(256))}), "255")
    refused(ask("POST", sign.format(name, "dsa"), {"value": b64(bytes(8193))}), "8192")
    refused(ask("POST", f"keys/{name}-kem/wrapkey", {}), "'alg' is required")
    forbidden = {"status": 403, "code": "Forbidden"}
    refused(ask("POST", sign.format(name, "kem"), hello | {"alg": "ML-KEM-768"}), "not permitted", **forbidden)
    refused(ask("POST", f"keys/{name}-dsa/wrapkey", {"alg": "ML-KEM-768"}), "not permitted", **forbidden)
    refused(ask("POST", f"keys/{name}-ed/encrypt", hello | {"alg": "RSA-OAEP"}), "not permitted", **forbidden)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"kty": "AKP"}, "'alg' is required"),
        (akp("ML-KEM-512"), "cannot be 'ML-KEM-512'"),
        (akp("ES256"), "cannot be"),
        ({"kty": "OKP", "crv": "X25519"}, "cannot be 'X25519'"),
        (akp("ML-DSA-44") | {"key_ops": ["wrapKey"]}, "has no operation 'wrapKey'. Use sign, verify"),
        (akp("ML-KEM-768") | {"key_ops": ["sign"]}, "has no operation 'sign'. Use wrapKey, unwrapKey"),
        (akp("ML-KEM-1024") | {"key_ops": ["import"]}, "ML-KEM-768"),
        (OKP | {"key_ops": ["import"]}, "stands alone"),
        ({"kty": "OKP-HSM"}, "cannot protect a key of type OKP"),
        (akp("ML-DSA-65") | {"kty": "AKP-HSM"}, "Use 'AKP' for a software-protected key"),
        (OKP | {"attributes": {"exportable": True}, "release_policy": {"data": "e30"}}, ""),
        ({"kty": "XYZ"}, "is not supported"),
    ],
    ids=lambda value: "-".join(map(str, value.values()))[:40] if isinstance(value, dict) else "",
)
def test_a_key_that_cannot_be_is_refused_and_nothing_is_made(ask, name, body, text):
    refused(ask("POST", f"keys/{name}/create", body), text)
    assert ask("GET", f"keys/{name}")[0] == 404


@pytest.mark.parametrize("body", [OKP, akp("ML-DSA-65"), akp("ML-KEM-768")], ids=["OKP", "ML-DSA", "ML-KEM"])
def test_the_life_of_a_key(ask, make, stack, keys, credential, name, body):
    """Versions, rotation, lists, deletion, recovery, purge, backup and restore."""
    first = make(name, body | {"tags": {"a": "b"}})
    status, second = ask("POST", f"keys/{name}/rotate", {})
    assert status == 200 and second["key"]["kid"] != first["key"]["kid"]
    kind = {part: first["key"][part] for part in ("kty", "key_ops", *(set(body) - {"kty"}))}
    assert {part: second["key"][part] for part in kind} == kind
    assert second["attributes"]["hsmPlatform"] == "0", "the answer claims no HSM"
    assert len(ask("GET", f"keys/{name}/versions")[1]["value"]) == 2
    assert keys.get_key(name).key_type == body["kty"], "the SDK reads a type that it does not know"
    blob = ask("POST", f"keys/{name}/backup")[1]["value"]
    assert ask("DELETE", f"keys/{name}")[0] == 200
    assert ask("GET", f"deletedkeys/{name}")[1]["key"] == second["key"]
    assert ask("POST", f"deletedkeys/{name}/recover")[0] == 200
    refused(ask("POST", "keys/restore", {"value": blob}, url=stack.vault2_url), "security world")
    ask("DELETE", f"keys/{name}")
    assert ask("DELETE", f"deletedkeys/{name}")[0] in (200, 204)
    status, restored = ask("POST", "keys/restore", {"value": blob})
    assert status == 200 and restored["key"] == second["key"]
    old = first["key"]["kid"].partition("/keys/")[2]
    if body.get("alg") == "ML-KEM-768":
        wrapped = ask("POST", f"keys/{old}/wrapkey", {"alg": "ML-KEM-768"})[1]
        opened = remote(first["key"]["kid"], credential).unwrap_key("ML-KEM-768", raw(wrapped["value"]))
        assert b64(opened.key) == wrapped["shared_secret"], "the SDK unwraps"
        return
    algorithm = body.get("alg", "EdDSA")
    signed = ask("POST", f"keys/{old}/sign", {"alg": algorithm, "value": b64(b"hello")})[1]["value"]
    client = remote(first["key"]["kid"], credential)
    assert client.verify(algorithm, b"hello", raw(signed)).is_valid, "the SDK verifies"
    assert client.sign(algorithm, b"hello").signature


def importable():
    seed = bytes(range(32))
    edwards = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    yield OKP | {"x": b64(edwards.public_key().public_bytes_raw()), "d": b64(seed)}
    for algorithm, kind in (("ML-DSA-65", mldsa.MLDSA65PrivateKey), ("ML-KEM-1024", mlkem.MLKEM1024PrivateKey)):
        private = kind.from_seed_bytes(seed if "DSA" in algorithm else seed + seed)
        pub = b64(private.public_key().public_bytes_raw())
        yield akp(algorithm) | {"pub": pub, "priv": b64(private.private_bytes_raw())}


@pytest.mark.parametrize("jwk", list(importable()), ids=["Ed25519", "ML-DSA-65", "ML-KEM-1024"])
def test_a_json_web_key_is_imported_and_comes_back_without_its_private_part(ask, name, jwk):
    status, made = ask("PUT", f"keys/{name}", {"key": jwk})
    assert status == 200, made
    public = {part: value for part, value in jwk.items() if part not in ("d", "priv")}
    assert {part: made["key"][part] for part in public} == public
    assert not {"d", "priv"} & set(made["key"])
    private = "d" if "d" in jwk else "priv"
    other = "x" if "x" in jwk else "pub"
    refused(ask("PUT", f"keys/{name}", {"key": jwk | {private: b64(bytes(31))}}), "length")
    refused(ask("PUT", f"keys/{name}", {"key": jwk | {other: b64(bytes(32))}}), "not consistent")
    refused(ask("PUT", f"keys/{name}", {"key": {k: v for k, v in jwk.items() if k != private}}), "required")
    refused(ask("PUT", f"keys/{name}", {"key": jwk, "Hsm": True}), "cannot protect")
    assert len(ask("GET", f"keys/{name}/versions")[1]["value"]) == 1


def test_operations_of_a_key_change_within_its_algorithm(ask, make, name):
    version = make(name, akp("ML-KEM-768"))["key"]["kid"].partition("/keys/")[2]
    assert ask("PATCH", f"keys/{version}", {"key_ops": ["unwrapKey"]})[0] == 200
    refused(ask("POST", f"keys/{name}/wrapkey", {"alg": "ML-KEM-768"}), status=403, code="Forbidden")
    refused(ask("PATCH", f"keys/{version}", {"key_ops": ["sign"]}), "has no operation 'sign'")
    refused(ask("PATCH", f"keys/{version}", {"key_ops": ["import"]}), "stays one")


def test_a_certificate_takes_no_such_key(ask, name):
    policy = {"key_props": {"kty": "OKP"}, "x509_props": {"subject": "CN=x"}, "issuer": {"name": "Self"}}
    assert ask("POST", f"certificates/{name}/create", {"policy": policy})[0] == 400


def test_the_stranger_uses_none(stack, make, name):
    make(name, OKP)
    from azure.core.exceptions import HttpResponseError

    with stack.sdk(KeyClient, stranger=True) as keys, pytest.raises(HttpResponseError) as error:
        keys.get_key(name)
    assert error.value.status_code == 403
