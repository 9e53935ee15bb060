"""The Key Vault API of a vault, as applications use it (docs/reference/wire-contract.md sections 8, 12, 13)."""

import time
from collections.abc import Iterator
from typing import Any

from .client import Client
from .problems import Exit, Problem
from .rows import SINGULAR, details_of, quoted, row_of

_DELETED = {"keys": "deletedkeys", "secrets": "deletedsecrets", "certificates": "deletedcertificates"}
_SETTLING = 60.0  # seconds in which a certificate is usually signed


class Vaults:
    """Everything that an application may do, as far as its roles reach."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def rows(self, vault: str, kind: str) -> Iterator[dict[str, Any]]:
        return self._list(vault, kind)

    def deleted(self, vault: str, kind: str) -> Iterator[dict[str, Any]]:
        return self._list(vault, _DELETED[kind])

    def _list(self, vault: str, path: str) -> Iterator[dict[str, Any]]:
        page = self._client.vault(vault, "GET", path)
        while True:
            yield from (row_of(item) for item in page["value"])
            if not page.get("nextLink"):
                return
            page = self._client.at("GET", page["nextLink"])

    def facts(self, vault: str, kind: str, name: str, version: str) -> dict[str, Any]:
        """The versions, and of the one asked for what everybody may know: a secret's value is not asked for."""
        versions = [row_of(item) for item in self._versions(vault, kind, name)]
        found = [row for row in versions if row["version"] == version] if version else versions
        if not found:
            what = f"version {version} of {name}" if version and versions else name
            raise Problem(f"There is no {SINGULAR[kind]} {what} in {vault}, or it is deleted.", Exit.NOT_FOUND)
        facts = {"vault": vault, "kind": kind, "name": name, **found[0]}
        if not version and len(found) > 1 and found[0]["created"] == found[1]["created"]:
            facts |= {"version": None, "id": None}  # times have seconds: only reading the value would tell
        if kind != "secrets":
            facts |= details_of(self._client.vault(vault, "GET", f"{kind}/{quoted(name)}/{version}"))
        return {**facts, "versions": versions}

    def _versions(self, vault: str, kind: str, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        page = self._client.vault(vault, "GET", f"{kind}/{quoted(name)}/versions")
        while True:
            found += page["value"]
            if not page.get("nextLink"):
                return sorted(found, key=lambda item: -int(item["attributes"].get("created", 0)))
            page = self._client.at("GET", page["nextLink"])

    def create_key(self, vault: str, name: str, *, key_type: str, parameter: str, hardware: bool) -> dict[str, Any]:
        kty = f"{key_type}-HSM" if hardware else key_type
        size = {"crv": parameter} if key_type == "EC" else {"key_size": int(parameter)}
        return row_of(self._client.vault(vault, "POST", f"keys/{quoted(name)}/create", {"kty": kty, **size}))

    def rotate_key(self, vault: str, name: str) -> dict[str, Any]:
        return row_of(self._client.vault(vault, "POST", f"keys/{quoted(name)}/rotate"))

    def switch(self, vault: str, kind: str, name: str, version: str, *, enabled: bool) -> str:
        body = {"attributes": {"enabled": enabled}}
        made = self._client.vault(vault, "PATCH", f"{kind}/{quoted(name)}/{version}", body)
        return str(row_of(made)["version"])

    def delete(self, vault: str, kind: str, name: str) -> None:
        self._client.vault(vault, "DELETE", f"{kind}/{quoted(name)}")

    def recover(self, vault: str, kind: str, name: str) -> None:
        self._client.vault(vault, "POST", f"{_DELETED[kind]}/{quoted(name)}/recover")

    def purge(self, vault: str, kind: str, name: str) -> None:
        self._client.vault(vault, "DELETE", f"{_DELETED[kind]}/{quoted(name)}")

    # What only applications do.

    def sign(self, vault: str, name: str, version: str, *, algorithm: str, digest: str) -> dict[str, Any]:
        """The signature over a digest, both base64url."""
        path = f"keys/{quoted(name)}/{version}/sign"
        answer: dict[str, Any] = self._client.vault(vault, "POST", path, {"alg": algorithm, "value": digest})
        return answer

    def use(self, vault: str, name: str, version: str, act: str, *, algorithm: str, value: str) -> dict[str, Any]:
        """What else a key does with a value (`wrapkey`, `unwrapkey`), both base64url."""
        path = f"keys/{quoted(name)}/{version}/{act}"
        answer: dict[str, Any] = self._client.vault(vault, "POST", path, {"alg": algorithm, "value": value})
        return answer

    def verify(self, vault: str, name: str, version: str, *, algorithm: str, digest: str, signature: str) -> bool:
        path, body = f"keys/{quoted(name)}/{version}/verify", {"alg": algorithm, "digest": digest, "value": signature}
        return bool(self._client.vault(vault, "POST", path, body)["value"])

    def value(self, vault: str, name: str, version: str = "", reason: str = "") -> str:
        """A secret's value. A program's reason is its own."""
        del reason
        return str(self._client.vault(vault, "GET", f"secrets/{quoted(name)}/{version}")["value"])

    def set_value(
        self, vault: str, name: str, value: str, content_type: str, base: str | None = None
    ) -> dict[str, Any]:
        """`base` is for edits of people: the Key Vault API knows none. Empty: it was looked whether one is there."""
        if base:
            raise Problem("The Key Vault API takes no base version. Leave --base out.", Exit.USAGE)
        body = {"value": value, **({"contentType": content_type} if content_type else {})}
        return row_of(self._client.vault(vault, "PUT", f"secrets/{quoted(name)}", body))

    def exists(self, vault: str, kind: str, name: str) -> bool:
        return bool(self._client.vault(vault, "GET", f"{kind}/{quoted(name)}/versions")["value"])

    def policy(self, vault: str, name: str) -> dict[str, Any]:
        """A certificate's policy, as it is given back for the next version."""
        answer: dict[str, Any] = self._client.vault(vault, "GET", f"certificates/{quoted(name)}/policy")
        return {part: value for part, value in answer.items() if part not in {"id", "attributes"}}

    def create_certificate(self, vault: str, name: str, policy: dict[str, Any]) -> dict[str, Any]:
        """Ask for a version and wait until it is there, or until somebody else must act."""
        path = f"certificates/{quoted(name)}"
        asked = self._client.vault(vault, "POST", f"{path}/create", {"policy": policy})
        until = time.monotonic() + _SETTLING
        while asked["status"] == "inProgress" and asked["issuer"]["name"] != "Unknown" and time.monotonic() < until:
            time.sleep(0.3)
            asked = self._client.vault(vault, "GET", f"{path}/pending")
        if asked["status"] == "completed":
            return row_of(self._client.vault(vault, "GET", path))
        if asked["status"] == "inProgress":
            return {"name": name, "status": "inProgress", "csr": asked.get("csr", "")}
        raise Problem(f"The certificate was not made: {asked.get('status_details') or asked['status']}.")
