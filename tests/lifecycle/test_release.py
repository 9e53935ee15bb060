"""Secure key release against a small attestation issuer that speaks TLS (wire-contract.md section 11)."""

import base64
import json
import os
import time
from pathlib import Path

import jwt
import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.keys import KeyReleasePolicy
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap_with_padding

from tests.support import programs
from tests.support.https_server import Handler, HttpsServer

pytestmark = pytest.mark.stack


class Issuer:
    """Discovery document, keys and tokens. The certificate is this installation's own, for names under localhost."""

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        tls = Path(os.environ["TEST_STATE_DIR"]) / "tls"
        issuer = self

        class Documents(Handler):
            def do_GET(self):
                jwk = jwt.algorithms.RSAAlgorithm.to_jwk(issuer.key.public_key(), as_dict=True)
                documents = {
                    "/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/certs"},
                    "/certs": {"keys": [{**jwk, "kid": "issuer-1", "alg": "RS256"}]},
                }
                self.answer(200, json.dumps(documents[self.path]).encode())

        server = HttpsServer(Documents, tls / "server.pem", tls / "server.key")
        self.url = f"https://attest.vault.localhost:{server.port}"
        self.close = server.close

    def token(self, recipient, *, key=None, kid="issuer-1", algorithm="RS256", **changes):
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(recipient, as_dict=True)
        claims = {
            "iss": self.url,
            "iat": int(time.time()),
            "exp": int(time.time()) + 300,
            "sdk-test": True,
            "x-ms-runtime": {"keys": [{**jwk, "kid": "tee-1", "key_ops": ["encrypt"]}]},
        } | changes
        return jwt.encode(claims, key or self.key, algorithm=algorithm, headers={"kid": kid})


@pytest.fixture(scope="module")
def issuer(stack):
    made = Issuer()
    code, _, errors = programs.manage("trust_authority", made.url, "--ca", stack.ca)
    assert code == 0, errors
    yield made
    made.close()


@pytest.fixture(scope="module")
def recipient():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def policy_of(url, **claims):
    wanted = [{"claim": name, "equals": value} for name, value in (claims or {"sdk-test": True}).items()]
    policy = {"version": "1.0.0", "anyOf": [{"authority": url + "/", "allOf": wanted}]}
    return KeyReleasePolicy(json.dumps(policy).encode())


def material(statement, recipient, digest):
    """The PKCS#8 that the answer's `key_hsm` holds."""
    payload = json.loads(base64.urlsafe_b64decode(statement.split(".")[1] + "=="))
    file = json.loads(base64.urlsafe_b64decode(payload["response"]["key"]["key"]["key_hsm"] + "=="))
    blob = base64.urlsafe_b64decode(file["ciphertext"] + "==")
    oaep = padding.OAEP(mgf=padding.MGF1(digest), algorithm=digest, label=None)
    der = aes_key_unwrap_with_padding(recipient.decrypt(blob[:256], oaep), blob[256:])
    size = 4 + int.from_bytes(der[2:4])
    return payload, serialization.load_der_private_key(der[:size], password=None)


@pytest.mark.parametrize(
    ("hardware", "algorithm"),
    [(True, "CKM_RSA_AES_KEY_WRAP"), (False, "CKM_RSA_AES_KEY_WRAP"), (False, "RSA_AES_KEY_WRAP_256"), (False, "RSA_AES_KEY_WRAP_384")],
)  # fmt: skip
def test_an_attested_environment_gets_the_key(stack, management, keys_of, issuer, recipient, hardware, algorithm):
    keys = keys_of(management.vault())
    key = keys.create_rsa_key("key", hardware_protected=hardware, exportable=True, release_policy=policy_of(issuer.url))
    answer = keys.release_key("key", issuer.token(recipient.public_key()), algorithm=algorithm, nonce="once").value
    digest = {"KEY_WRAP": hashes.SHA1(), "256": hashes.SHA256(), "384": hashes.SHA384()}[
        "KEY_WRAP" if algorithm.startswith("CKM") else algorithm[-3:]
    ]
    payload, private = material(answer, recipient, digest)
    assert private.public_key().public_numbers().n.to_bytes(256) == key.key.n
    assert payload["request"]["nonce"] == "once"
    assert payload["response"]["key"]["key"]["kid"] == key.id
    jwks = stack.http().request("GET", f"{stack.authority}/{stack.tenant}/discovery/v2.0/keys").json()["keys"]
    header = jwt.get_unverified_header(answer)
    signer = next(jwt.PyJWK(one).key for one in jwks if one["kid"] == header["kid"])
    assert jwt.decode(answer, signer, algorithms=["ES256"]) == payload
    # and it is no access token
    refused = stack.http().request(
        "GET", f"{stack.vault_url}/keys?api-version=7.4", headers={"Authorization": f"Bearer {answer}"}
    )
    assert refused.status == 401


def test_nobody_else_gets_it(management, keys_of, issuer, recipient):
    keys = keys_of(management.vault())
    keys.create_ec_key("key", hardware_protected=True, exportable=True, release_policy=policy_of(issuer.url))
    public, stranger = recipient.public_key(), rsa.generate_private_key(public_exponent=65537, key_size=2048)
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    good = issuer.token(public)
    for target in (
        issuer.token(public, **{"sdk-test": False}),
        issuer.token(public, **{"sdk-test": None}),
        issuer.token(public, exp=int(time.time()) - 1),
        issuer.token(public, nbf=int(time.time()) + 3600),
        issuer.token(public, iss="https://evil.example"),
        issuer.token(public, key=stranger),
        issuer.token(public, kid="unknown"),
        issuer.token(small),
        issuer.token(public, **{"x-ms-runtime": {"keys": []}}),
        issuer.token(public, **{"x-ms-runtime": "x"}),
        issuer.token(public, key=b"x" * 64, algorithm="HS256"),
        good.rsplit(".", 1)[0] + ".",
        good[:-8] + "AAAAAAAA",
        "x.y.z",
        "",
    ):
        with pytest.raises(HttpResponseError) as refused:
            keys.release_key("key", target)
        assert refused.value.status_code in (400, 403), target
    assert keys.release_key("key", good).value


def test_an_issuer_that_is_not_trusted_is_never_asked(management, keys_of, recipient, issuer):
    keys = keys_of(management.vault())
    url = "https://169.254.169.254"
    keys.create_ec_key("key", exportable=True, release_policy=policy_of(url))
    with pytest.raises(HttpResponseError) as refused:
        keys.release_key("key", issuer.token(recipient.public_key(), iss=url))
    assert refused.value.status_code == 403
    assert "not trusted" in refused.value.message


def test_a_key_that_is_not_exportable_or_disabled_is_not_released(management, keys_of, issuer, recipient):
    keys = keys_of(management.vault())
    keys.create_ec_key("plain")
    keys.create_ec_key("off", exportable=True, release_policy=policy_of(issuer.url), enabled=False)
    for name, inner in (("plain", "KeyOperationForbidden"), ("off", "KeyDisabled")):
        with pytest.raises(HttpResponseError) as refused:
            keys.release_key(name, issuer.token(recipient.public_key()))
        assert (refused.value.status_code, refused.value.error.innererror["code"]) == (403, inner)
