"""The peer under load: OpenBao's transit and kv-v2 engines.

What differs from us, so that a reader can judge: transit keys and the key of the barrier are in the process's memory,
not in an HSM; the audit file is written, but not synchronised to disk before the answer leaves; a `kv put` is.
"""

import hashlib
import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Collection
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from benchmarks import load
from benchmarks.openbao_server import Server
from benchmarks.proof import base64, demand, demand_es256, demand_rs256, from_base64, from_base64url
from benchmarks.scenarios import LARGE, MANY, OBJECTS, SET_NAMES, Round, WrongAnswer

_DIGEST = hashlib.sha256(b"what is signed").digest()
_PLAIN = {"plaintext": base64(os.urandom(32))}
_VALUE = {"data": {"value": urlsafe_b64encode(os.urandom(768)).decode()}}  # 1 KB of text
_LARGE = {"data": {"value": urlsafe_b64encode(os.urandom(LARGE * 3 // 4)).decode()}}
_RSA_SIGN = {"input": base64(_DIGEST), "prehashed": True, "signature_algorithm": "pkcs1v15"}
_EC_SIGN = {"input": base64(_DIGEST), "prehashed": True, "marshaling_algorithm": "jws"}  # r || s, as ours
# A token with a policy, as our application has role assignments: the root token would skip the check.
_POLICY = """
path "transit/*" { capabilities = ["create", "read", "update"] }
path "kv/*" { capabilities = ["create", "read", "update"] }
"""

Json = dict[str, Any]


class OpenBao:
    """A running server, filled with keys and values."""

    name = "OpenBao"

    def __init__(self, server: Server, scenarios: Collection[str]) -> None:
        """Make the objects of the named scenarios. Raises `WrongAnswer`."""
        self._server = server
        self.version = str(server.https.call("GET", "/v1/sys/health")["version"])
        self._make_objects()
        policy = {"policy": _POLICY}
        server.https.call("PUT", "/v1/sys/policies/acl/bench", policy)
        token = server.https.call("POST", "/v1/auth/token/create", {"policies": ["bench"], "ttl": "4h"})
        server.https.headers["X-Vault-Token"] = token["auth"]["client_token"]
        self._requests = self._prepare()
        for name, prepare in {"ec-sign-many": self._prepare_many, "secret-get-many": self._prepare_gets}.items():
            if name in scenarios:
                self._requests[name] = prepare()

    def offers(self, scenario: str) -> bool:
        return scenario in self._requests

    def measure(self, scenario: str, *, seconds: int, connections: int) -> Round:
        return load.run(
            self._server.url,
            self._requests[scenario],
            connections=connections,
            seconds=seconds,
            groups={"OpenBao": [self._server.pid]},
        )

    def _make_objects(self) -> None:
        self._call("sys/mounts/transit", {"type": "transit"})
        self._call("sys/mounts/kv", {"type": "kv", "options": {"version": "2"}})
        for number in range(OBJECTS):
            rsa_key = self._call(f"transit/keys/rsa-{number}", {"type": "rsa-2048"})
            ec_key = self._call(f"transit/keys/ec-{number}", {"type": "ecdsa-p256"})
            self._call(f"transit/keys/aes-{number}", {"type": "aes256-gcm96"})
            if number == 0:
                self._rsa, self._ec = _public(rsa_key), _public(ec_key)

    def _prepare(self) -> dict[str, list[bytes]]:
        """Try every request of every scenario's first object and check the answer; give them all."""
        self._write_values()
        wrapped = [self._call(f"transit/encrypt/rsa-{number}", _PLAIN)["ciphertext"] for number in range(OBJECTS)]
        self._check(wrapped[0])
        keys = range(OBJECTS)
        signs = [self._packet("POST", f"transit/sign/rsa-{key}/sha2-256", _RSA_SIGN) for key in keys]
        ec_signs = [self._packet("POST", f"transit/sign/ec-{key}/sha2-256", _EC_SIGN) for key in keys]
        encrypts = [self._packet("POST", f"transit/encrypt/aes-{key}", _PLAIN) for key in keys]
        return {
            # All keys of the peer are software-protected: the rows of our software keys compare with the same requests.
            **dict.fromkeys(("rsa-sign", "rsa-sign-software"), signs),
            **dict.fromkeys(("ec-sign", "ec-sign-software"), ec_signs),
            **dict.fromkeys(("aes-encrypt", "aes-encrypt-software"), encrypts),
            "key-get": [self._packet("GET", f"transit/keys/ec-{key}") for key in keys],
            "secret-get-large": [self._packet("GET", "kv/data/large")],
            "secret-set-large": [self._packet("POST", f"kv/data/large-{name}", _LARGE) for name in range(SET_NAMES)],
            "secret-set-many": [self._packet("POST", f"kv/data/set-{name}", _VALUE) for name in range(MANY)],
            "unwrap": [
                self._packet("POST", f"transit/decrypt/rsa-{key}", {"ciphertext": wrapped[key]}) for key in keys
            ],
            "encrypt": [self._packet("POST", f"transit/encrypt/rsa-{key}", _PLAIN) for key in keys],
            "secret-get": [self._packet("GET", f"kv/data/get-{key}") for key in keys],
            "secret-set": [self._packet("POST", f"kv/data/set-{name}", _VALUE) for name in range(SET_NAMES)],
        }

    def _prepare_many(self) -> list[bytes]:
        for number in range(MANY):
            self._call(f"transit/keys/many-{number}", {"type": "ecdsa-p256"})
        return [self._packet("POST", f"transit/sign/many-{number}/sha2-256", _EC_SIGN) for number in range(MANY)]

    def _prepare_gets(self) -> list[bytes]:
        for number in range(MANY):
            self._call(f"kv/data/many-{number}", _VALUE)
        return [self._packet("GET", f"kv/data/many-{number}") for number in range(MANY)]

    def _write_values(self) -> None:
        self._call("kv/data/large", _LARGE)
        for number in range(OBJECTS):
            self._call(f"kv/data/get-{number}", _VALUE)

    def _check(self, wrapped: str) -> None:
        """Raises `WrongAnswer` unless each operation gives the right result."""
        signature = self._call("transit/sign/rsa-0/sha2-256", _RSA_SIGN)["signature"]
        if not isinstance(self._rsa, rsa.RSAPublicKey) or not isinstance(self._ec, ec.EllipticCurvePublicKey):
            raise WrongAnswer("OpenBao made keys of another type")
        demand_rs256(self._rsa, _DIGEST, from_base64(signature.removeprefix("vault:v1:")))
        signature = self._call("transit/sign/ec-0/sha2-256", _EC_SIGN)["signature"]
        demand_es256(self._ec, _DIGEST, from_base64url(signature.removeprefix("vault:v1:")))
        demand(self._call("transit/decrypt/rsa-0", {"ciphertext": wrapped}) == _PLAIN, "decrypt gives another key")
        answer = self._server.https.call("GET", "/v1/kv/data/get-0")["data"]
        demand(answer["data"] == _VALUE["data"], "the secret has another value")

    def _call(self, path: str, body: Json) -> Json:
        found: Json = self._server.https.call("POST", f"/v1/{path}", body).get("data") or {}
        return found

    def _packet(self, method: str, path: str, body: Json | None = None) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        host = self._server.url.removeprefix("https://")
        return load.packet(method, f"/v1/{path}", host=host, headers=self._server.https.headers, body=content)


def _public(key: Json) -> Any:
    return load_pem_public_key(key["keys"]["1"]["public_key"].encode())
