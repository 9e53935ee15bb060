"""The Key Vault API of a vault, as applications use it."""

import time
from collections.abc import Iterator
from typing import Any

from .client import Client
from .errors import CliError, ExitCode, usage_error
from .object_rows import SINGULAR, to_detailed_row, to_row

_ISSUANCE_TIMEOUT = 60.0  # seconds; a certificate is usually signed earlier


class VaultBackend:
    """Everything that an application can do, as far as its roles allow."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._request = client.vault

    def list_objects(self, vault: str, kind: str, *, deleted: bool = False) -> Iterator[dict[str, Any]]:
        return map(to_row, self._client.vault_pages(vault, f"deleted{kind}" if deleted else kind))

    def describe(self, vault: str, kind: str, name: str, version: str = "") -> dict[str, Any]:
        """One version, and the list of all. A secret's value is not requested."""
        items = self._client.vault_pages(vault, kind, name, "versions")
        versions = [to_row(item) for item in sorted(items, key=lambda item: -int(item["attributes"].get("created", 0)))]
        matching = [row for row in versions if row["version"] == version] if version else versions
        if not matching:
            subject = f"version {version} of {name}" if version and versions else name
            raise CliError(f"There is no {SINGULAR[kind]} {subject} in {vault}, or it is deleted.", ExitCode.NOT_FOUND)
        members = {"vault": vault, "kind": kind, "name": name, **matching[0]}
        if not version and len(matching) > 1 and matching[0]["created"] == matching[1]["created"]:
            members |= {
                "version": None,
                "id": None,
            }  # times are in seconds: only reading the value shows the current one
        if kind != "secrets":
            members |= to_detailed_row(self._request(vault, "GET", kind, name, version))
        return {**members, "versions": versions}

    def exists(self, vault: str, kind: str, name: str) -> bool:
        return bool(self._request(vault, "GET", kind, name, "versions")["value"])

    def create_key(self, vault: str, name: str, *, key_type: str, parameter: str, hardware: bool) -> dict[str, Any]:
        size = {"crv": parameter} if key_type == "EC" else {"key_size": int(parameter)}
        body = {"kty": f"{key_type}-HSM" if hardware else key_type, **size}
        return to_row(self._request(vault, "POST", "keys", name, "create", body=body))

    def rotate_key(self, vault: str, name: str) -> dict[str, Any]:
        return to_row(self._request(vault, "POST", "keys", name, "rotate"))

    def set_enabled(self, vault: str, kind: str, name: str, version: str, *, enabled: bool) -> str:
        body = {"attributes": {"enabled": enabled}}
        return str(to_row(self._request(vault, "PATCH", kind, name, version, body=body))["version"])

    def delete(self, vault: str, kind: str, name: str) -> None:
        self._request(vault, "DELETE", kind, name)

    def recover(self, vault: str, kind: str, name: str) -> None:
        self._request(vault, "POST", f"deleted{kind}", name, "recover")

    def purge(self, vault: str, kind: str, name: str) -> None:
        self._request(vault, "DELETE", f"deleted{kind}", name)

    def use_key(self, vault: str, name: str, version: str, operation: str, **body: str) -> dict[str, Any]:
        """A cryptographic operation (`sign`, `verify`, `wrapkey`, `unwrapkey`); binary values are base64url."""
        result: dict[str, Any] = self._request(vault, "POST", "keys", name, version, operation, body=body)
        return result

    def get_value(self, vault: str, name: str, version: str = "", reason: str = "") -> str:
        """A secret's value. An application gives no reason."""
        del reason
        return str(self._request(vault, "GET", "secrets", name, version)["value"])

    def set_value(
        self, vault: str, name: str, value: str, content_type: str, base: str | None = None
    ) -> dict[str, Any]:
        """`base` is for edits by people: the Key Vault API has none. An empty one means that there was no secret."""
        if base:
            raise usage_error("The Key Vault API has no base version. Omit --base.")
        body = {"value": value, **({"contentType": content_type} if content_type else {})}
        return to_row(self._request(vault, "PUT", "secrets", name, body=body))

    def certificate_policy(self, vault: str, name: str) -> dict[str, Any]:
        """The policy, as a request for the next version takes it."""
        policy: dict[str, Any] = self._request(vault, "GET", "certificates", name, "policy")
        return {member: value for member, value in policy.items() if member not in {"id", "attributes"}}

    def create_certificate(self, vault: str, name: str, policy: dict[str, Any]) -> dict[str, Any]:
        """Request a version and wait until it is issued, or until another issuer has to act."""
        path = ("certificates", name)
        operation = self._request(vault, "POST", *path, "create", body={"policy": policy})
        deadline = time.monotonic() + _ISSUANCE_TIMEOUT
        while (
            operation["status"] == "inProgress"
            and operation["issuer"]["name"] != "Unknown"
            and time.monotonic() < deadline
        ):
            time.sleep(0.3)
            operation = self._request(vault, "GET", *path, "pending")
        if operation["status"] == "completed":
            return to_row(self._request(vault, "GET", *path))
        if operation["status"] == "inProgress":
            return {"name": name, "status": "inProgress", "csr": operation.get("csr", "")}
        detail = operation.get("status_details") or operation["status"]
        raise CliError(f"The certificate was not created: {detail}.")
