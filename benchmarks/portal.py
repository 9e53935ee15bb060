"""Vault Portal under load: a real token, real authorisation, audit on, keys in the HSM."""

import hashlib
import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks import cpu, load
from benchmarks.https import Https
from benchmarks.proof import OAEP, base64url, demand, demand_es256, demand_rs256, from_base64url, p256_key, rsa_key
from benchmarks.scenarios import MANY, OBJECTS, SET_NAMES, Round

_API = "?api-version=7.6"
_DIGEST = hashlib.sha256(b"what is signed").digest()
_WRAPPED = os.urandom(32)
_VALUE = urlsafe_b64encode(os.urandom(768)).decode()  # 1 KB of text

Json = dict[str, Any]


class Portal:
    """The running system that the environment of `./portal env` names."""

    name = "Vault Portal"

    def __init__(self, scenarios: Collection[str]) -> None:
        """Make the objects of the named scenarios. Raises `WrongAnswer`."""
        authority = Path(os.environ["PORTAL_CA"])
        vault = urlsplit(os.environ["VAULT_URL"])
        self._host = vault.netloc
        # By address: names under localhost may resolve to ::1, where only one small web process listens.
        self._address = f"https://127.0.0.1:{vault.port}"
        self._vault = Https(os.environ["VAULT_URL"], authority=authority)
        self._vault.headers["Authorization"] = f"Bearer {self._token(authority)}"
        self._status = Path(os.environ["TEST_STATE_DIR"]) / "status.json"
        self._requests = self._prepare()
        if "ec-sign-many" in scenarios:
            self._requests["ec-sign-many"] = self._prepare_many()

    def offers(self, scenario: str) -> bool:
        return scenario in self._requests

    def measure(self, scenario: str, *, seconds: int, connections: int) -> Round:
        return load.run(
            self._address,
            self._requests[scenario],
            connections=connections,
            seconds=seconds,
            groups=self._groups(),
        )

    def _token(self, authority: Path) -> str:
        """An access token for the vaults, by client credentials (RFC 6749 section 4.4). It lasts an hour."""
        answer = Https(os.environ["PORTAL_AUTHORITY"], authority=authority).post_form(
            f"/{os.environ['AZURE_TENANT_ID']}/oauth2/v2.0/token",
            {
                "grant_type": "client_credentials",
                "client_id": os.environ["AZURE_CLIENT_ID"],
                "client_secret": os.environ["AZURE_CLIENT_SECRET"],
                "scope": f"https://{self._host.partition('.')[2]}/.default",  # the challenge's resource
            },
        )
        return str(answer["access_token"])

    def _groups(self) -> cpu.Groups:
        """Process ids by what they do, read anew: the supervisor may have restarted one."""
        groups: dict[str, list[int]] = {}
        for name, process in json.loads(self._status.read_text(encoding="utf-8"))["processes"].items():
            groups.setdefault(_group(name), []).append(process["pid"])
        return groups

    def _prepare(self) -> dict[str, list[bytes]]:
        """Make keys and secrets; try every request of every scenario's first object and check the answer."""
        rsa_keys = [self._create(f"bench-rsa-{number}", {"kty": "RSA-HSM"}) for number in range(OBJECTS)]
        ec_keys = [self._create(f"bench-ec-{number}", {"kty": "EC-HSM"}) for number in range(OBJECTS)]
        gets = [self._set(f"bench-get-{number}") for number in range(OBJECTS)]
        self._check(rsa_keys[0], ec_keys[0], gets[0])
        sign = {"alg": "RS256", "value": base64url(_DIGEST)}
        encrypt = {"alg": "RSA-OAEP-256", "value": base64url(_WRAPPED)}
        return {
            "rsa-sign": [self._post(key, "sign", sign) for key in rsa_keys],
            "ec-sign": [self._post(key, "sign", {**sign, "alg": "ES256"}) for key in ec_keys],
            "unwrap": [self._post(key, "unwrapkey", _wrapped_for(key)) for key in rsa_keys],
            "encrypt": [self._post(key, "encrypt", encrypt) for key in rsa_keys],
            "secret-get": [self._packet("GET", _path(secret["id"])) for secret in gets],
            "secret-set": [
                self._packet("PUT", f"/secrets/bench-set-{number}", {"value": _VALUE}) for number in range(SET_NAMES)
            ],
        }

    def _prepare_many(self) -> list[bytes]:
        with ThreadPoolExecutor(4) as pool:
            keys = list(pool.map(lambda number: self._create(f"bench-many-{number}", {"kty": "EC-HSM"}), range(MANY)))
        return [self._post(key, "sign", {"alg": "ES256", "value": base64url(_DIGEST)}) for key in keys]

    def _create(self, name: str, what: Json) -> Json:
        key: Json = self._vault.call("POST", f"/keys/{name}/create{_API}", what)["key"]
        return key

    def _set(self, name: str) -> Json:
        return self._vault.call("PUT", f"/secrets/{name}{_API}", {"value": _VALUE})

    def _check(self, rsa: Json, ec: Json, secret: Json) -> None:
        """Raises `WrongAnswer` unless each operation gives the right result."""
        use = self._user(rsa)
        signature = use("sign", {"alg": "RS256", "value": base64url(_DIGEST)})
        demand_rs256(_rsa_public(rsa), _DIGEST, signature)
        demand(use("unwrapkey", _wrapped_for(rsa)) == _WRAPPED, "unwrap gives another key")
        encrypted = use("encrypt", {"alg": "RSA-OAEP-256", "value": base64url(_WRAPPED)})
        decrypted = use("decrypt", {"alg": "RSA-OAEP-256", "value": base64url(encrypted)})
        demand(decrypted == _WRAPPED, "decrypt gives another plaintext")
        public = p256_key(x=from_base64url(ec["x"]), y=from_base64url(ec["y"]))
        signature = self._user(ec)("sign", {"alg": "ES256", "value": base64url(_DIGEST)})
        demand_es256(public, _DIGEST, signature)
        value = self._vault.call("GET", _path(secret["id"]) + _API)["value"]
        demand(value == _VALUE, "the secret has another value")

    def _user(self, key: Json) -> Callable[[str, Json], bytes]:
        def use(operation: str, body: Json) -> bytes:
            answer = self._vault.call("POST", f"{_path(key['kid'])}/{operation}{_API}", body)
            return from_base64url(answer["value"])

        return use

    def _post(self, key: Json, operation: str, body: Json) -> bytes:
        return self._packet("POST", f"{_path(key['kid'])}/{operation}", body)

    def _packet(self, method: str, path: str, body: Json | None = None) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        return load.packet(method, path + _API, host=self._host, headers=self._vault.headers, body=content)


def _group(process: str) -> str:
    """The group that a process of status.json is counted with."""
    if process.startswith("hsm-"):
        return "HSM lanes" if "-lane-" in process else "others"
    return {"web": "web", "web6": "web", "postgres": "PostgreSQL"}.get(process, "others")


def _path(identifier: str) -> str:
    return urlsplit(identifier).path


def _rsa_public(key: Json) -> Any:
    return rsa_key(modulus=from_base64url(key["n"]), exponent=from_base64url(key["e"]))


def _wrapped_for(key: Json) -> Json:
    return {"alg": "RSA-OAEP-256", "value": base64url(_rsa_public(key).encrypt(_WRAPPED, OAEP))}
