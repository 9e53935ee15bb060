"""Vault Portal under load: a real token, real authorisation, audit on, keys in the HSM."""

import hashlib
import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from benchmarks import cpu, load
from benchmarks.https import Https
from benchmarks.proof import OAEP, base64url, demand, demand_es256, demand_rs256, from_base64url, p256_key, rsa_key
from benchmarks.scenarios import LARGE, MANY, OBJECTS, SET_NAMES, VERSIONS, Round

_API = "?api-version=7.6"
_TOKEN_PATH = f"/{os.environ.get('AZURE_TENANT_ID', '')}/oauth2/v2.0/token"
_DIGEST = hashlib.sha256(b"what is signed").digest()
_WRAPPED = os.urandom(32)
_VALUE = urlsafe_b64encode(os.urandom(768)).decode()  # 1 KB of text
_LARGE = urlsafe_b64encode(os.urandom(LARGE * 3 // 4)).decode()

Json = dict[str, Any]

_SIGN_RSA: Json = {"alg": "RS256", "value": base64url(_DIGEST)}
_SIGN_EC: Json = {"alg": "ES256", "value": base64url(_DIGEST)}
_ENCRYPT_RSA: Json = {"alg": "RSA-OAEP-256", "value": base64url(_WRAPPED)}
_ENCRYPT_AES: Json = {"alg": "A256GCM", "value": base64url(_WRAPPED)}
_AES_HSM: Json = {"kty": "oct-HSM", "key_size": 256, "key_ops": ["encrypt", "decrypt"]}
_AES: Json = {**_AES_HSM, "kty": "oct"}
_CHANGES: list[Json] = [{"tags": {"a": "b"}}, {"tags": {"a": "c"}}]


class Portal:
    """The running system that the environment of `./portal env` names."""

    name = "Vault Portal"

    def __init__(self, scenarios: Collection[str], *, vault: str = "") -> None:
        """Make the objects of the named scenarios in a vault, by its URL. Raises `WrongAnswer`."""
        url = vault or os.environ["VAULT_URL"]
        authority = Path(os.environ["PORTAL_CA"])
        parts = urlsplit(url)
        self._host = parts.netloc
        # By address: names under localhost may resolve to ::1, where only one small web process listens.
        self._address = f"https://127.0.0.1:{parts.port}"
        self._vault = Https(url, authority=authority)
        self._vault.headers["Authorization"] = f"Bearer {self._token(authority)}"
        self._status = Path(os.environ["TEST_STATE_DIR"]) / "status.json"
        self._requests = self._prepare(scenarios)

    def offers(self, scenario: str) -> bool:
        return scenario in self._requests

    def sign_with(self, scenario: str, identifiers: Iterable[str]) -> None:
        """Let a scenario sign with these P-256 keys in turn; they may be in other vaults."""
        body, places = json.dumps(_SIGN_EC).encode(), map(urlsplit, identifiers)
        self._requests[scenario] = [
            load.packet("POST", f"{at.path}/sign{_API}", host=at.netloc, headers=self._vault.headers, body=body)
            for at in places
        ]

    def repeat(self, scenario: str, other: str, number: int) -> None:
        """Let a scenario send the first requests of another one."""
        self._requests[scenario] = self._requests[other][:number]

    def measure(
        self, scenario: str, *, seconds: int, connections: int, refusals_allowed: bool = False, first: int = 0
    ) -> Round:
        """One round. `first`: the number of the request with which it begins."""
        return load.run(
            self._address,
            self._requests[scenario],
            connections=connections,
            seconds=seconds,
            groups=self._groups(),
            refusals_allowed=refusals_allowed,
            first=first,
        )

    def _token(self, authority: Path) -> str:
        """An access token for the vaults, by client credentials (RFC 6749 section 4.4). It lasts an hour."""
        answer = Https(os.environ["PORTAL_AUTHORITY"], authority=authority).post_form(_TOKEN_PATH, self._credentials())
        return str(answer["access_token"])

    def _credentials(self) -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "client_id": os.environ["AZURE_CLIENT_ID"],
            "client_secret": os.environ["AZURE_CLIENT_SECRET"],
            "scope": f"https://{self._host.partition('.')[2]}/.default",  # the challenge's resource
        }

    def _token_packet(self) -> bytes:
        host = urlsplit(os.environ["PORTAL_AUTHORITY"]).netloc
        form = urlencode(self._credentials()).encode()
        return load.packet("POST", _TOKEN_PATH, host=host, headers={}, body=form, content_type=load.FORM)

    def _groups(self) -> cpu.Groups:
        """Process ids by what they do, read anew: the supervisor may have restarted one."""
        groups: dict[str, list[int]] = {}
        for name, process in json.loads(self._status.read_text(encoding="utf-8"))["processes"].items():
            groups.setdefault(_group(name), []).append(process["pid"])
        return groups

    def _prepare(self, scenarios: Collection[str]) -> dict[str, list[bytes]]:
        """Try one request of each operation and check its answer; then make the objects of the scenarios."""
        self._rsa_keys = self._keys("rsa", {"kty": "RSA-HSM"})
        self._ec_keys = self._keys("ec", {"kty": "EC-HSM"})
        self._secrets = [self._set(f"bench-get-{number}") for number in range(OBJECTS)]
        self._check(self._rsa_keys[0], self._ec_keys[0], self._secrets[0])
        makers: dict[str, Callable[[], list[bytes]]] = {
            "rsa-sign": lambda: self._uses(self._rsa_keys, "sign", _SIGN_RSA),
            "rsa-sign-software": lambda: self._uses(self._keys("rsa-software", {"kty": "RSA"}), "sign", _SIGN_RSA),
            "ec-sign": lambda: self._uses(self._ec_keys, "sign", _SIGN_EC),
            "ec-sign-software": lambda: self._uses(self._keys("ec-software", {"kty": "EC"}), "sign", _SIGN_EC),
            "ec-sign-many": lambda: self._uses(self._keys("many", {"kty": "EC-HSM"}, MANY), "sign", _SIGN_EC),
            "unwrap": lambda: [self._post(key, "unwrapkey", _wrapped_for(key)) for key in self._rsa_keys],
            "encrypt": lambda: self._uses(self._rsa_keys, "encrypt", _ENCRYPT_RSA),
            "aes-encrypt": lambda: self._uses(self._keys("aes", _AES_HSM), "encrypt", _ENCRYPT_AES),
            "aes-encrypt-software": lambda: self._uses(self._keys("aes-software", _AES), "encrypt", _ENCRYPT_AES),
            "secret-get": lambda: self._gets([secret["id"] for secret in self._secrets]),
            "secret-get-many": lambda: self._gets(self._many(lambda number: self._set(f"bench-many-{number}")["id"])),
            "secret-get-large": lambda: self._gets([self._set("bench-large", _LARGE)["id"]]),
            "secret-set": lambda: self._sets("set", SET_NAMES, _VALUE),
            "secret-set-many": lambda: self._sets("set-many", MANY, _VALUE),
            "secret-set-large": lambda: self._sets("set-large", SET_NAMES, _LARGE),
            "key-get": lambda: self._gets([key["kid"] for key in self._ec_keys]),
            "key-list": lambda: [self._packet("GET", "/keys")],
            "key-versions": lambda: [self._versions("versions")],
            "key-update": lambda: self._updates(
                [key["kid"] for key in self._keys("update", {"kty": "EC-HSM"}, SET_NAMES)]
            ),
            "secret-list": self._secret_list,
            "secret-update": lambda: self._updates(
                [self._set(f"bench-update-{number}")["id"] for number in range(SET_NAMES)]
            ),
            "key-create": lambda: [
                self._packet("POST", f"/keys/bench-new-{number}/create", {"kty": "EC-HSM"})
                for number in range(SET_NAMES)
            ],
            "token": lambda: [self._token_packet()],
        }
        return {name: makers[name]() for name in scenarios} | {"warm-up": makers["encrypt"]()}

    def _keys(self, name: str, what: Json, number: int = OBJECTS) -> list[Json]:
        return self._many(lambda count: self.create(f"bench-{name}-{count}", what), number)

    def _many(self, make: Callable[[int], Any], number: int = MANY) -> list[Any]:
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(make, range(number)))

    def _uses(self, keys: list[Json], operation: str, body: Json) -> list[bytes]:
        return [self._post(key, operation, body) for key in keys]

    def _gets(self, identifiers: list[str]) -> list[bytes]:
        return [self._packet("GET", _path(identifier)) for identifier in identifiers]

    def _sets(self, name: str, number: int, value: str) -> list[bytes]:
        return [self._packet("PUT", f"/secrets/bench-{name}-{count}", {"value": value}) for count in range(number)]

    def _updates(self, identifiers: list[str]) -> list[bytes]:
        """Requests that each change something, if they are sent in turn."""
        return [self._packet("PATCH", _path(one), change) for change in _CHANGES for one in identifiers]

    def _versions(self, name: str) -> bytes:
        for _ in range(VERSIONS):
            self.create(f"bench-{name}", {"kty": "EC-HSM"})
        return self._packet("GET", f"/keys/bench-{name}/versions")

    def _secret_list(self) -> list[bytes]:
        self._many(lambda number: self._set(f"bench-list-{number}"), VERSIONS)
        return [self._packet("GET", "/secrets")]

    def create(self, name: str, what: Json) -> Json:
        """Create a key, and return it as its public JWK."""
        key: Json = self._vault.call("POST", f"/keys/{name}/create{_API}", what)["key"]
        return key

    def _set(self, name: str, value: str = _VALUE) -> Json:
        return self._vault.call("PUT", f"/secrets/{name}{_API}", {"value": value})

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
