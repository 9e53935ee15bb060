"""An attestation issuer that speaks TLS, and what a released key holds (wire-contract.md section 11)."""

import base64
import contextlib
import json
import os
import time
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap_with_padding

from tests.support import programs
from tests.support.https_server import Handler, HttpsServer


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
                    "/generate-test-token": {
                        "token": issuer.token(issuer.key.public_key())
                    },  # as Microsoft's tests ask
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


@contextlib.contextmanager
def trusted_issuer(stack):
    """An issuer that security operations trust."""
    issuer = Issuer()
    try:
        code, _, errors = programs.manage("trust_authority", issuer.url, "--ca", stack.ca)
        assert code == 0, errors
        yield issuer
    finally:
        issuer.close()


def policy_of(url, **claims):
    """The policy of keys that an issuer's tokens with these claims release."""
    wanted = [{"claim": name, "equals": value} for name, value in (claims or {"sdk-test": True}).items()]
    return {"version": "1.0.0", "anyOf": [{"authority": url + "/", "allOf": wanted}]}


def material(statement, recipient, digest):
    """(what the answer says, the private key that its `key_hsm` holds as PKCS#8)."""
    payload = json.loads(base64.urlsafe_b64decode(statement.split(".")[1] + "=="))
    file = json.loads(base64.urlsafe_b64decode(payload["response"]["key"]["key"]["key_hsm"] + "=="))
    blob = base64.urlsafe_b64decode(file["ciphertext"] + "==")
    oaep = padding.OAEP(mgf=padding.MGF1(digest), algorithm=digest, label=None)
    der = aes_key_unwrap_with_padding(recipient.decrypt(blob[:256], oaep), blob[256:])
    size = 4 + int.from_bytes(der[2:4])
    return payload, serialization.load_der_private_key(der[:size], password=None)


class Environment:
    """An attested environment for programs: it has a key of its own, to which keys are released.

    `variables`: the issuer, a token about this environment, and the policy that demands one.
    """

    def __init__(self, issuer):
        self._recipient = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.variables = {
            "RELEASE_POLICY": json.dumps(policy_of(issuer.url)),
            "RELEASE_TOKEN": issuer.token(self._recipient.public_key()),
        }

    def check(self, printed):
        """A program printed `released NAME STATEMENT` for each release: each has the private key of that name."""
        released = [line.split()[1:] for line in printed.splitlines() if line.startswith("released ")]
        assert released
        for name, statement in released:
            payload, private = material(statement, self._recipient, hashes.SHA1())
            shown = payload["response"]["key"]["key"]
            assert f"/keys/{name}/" in shown["kid"]
            assert private.public_key().public_numbers().n == int.from_bytes(
                base64.urlsafe_b64decode(shown["n"] + "==")
            )
