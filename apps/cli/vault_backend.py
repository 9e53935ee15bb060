"""The Key Vault API of a vault, as applications use it."""

import time
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from . import tokens, urls
from .client import Client
from .errors import CliError, ExitCode, usage_error

_ISSUANCE_TIMEOUT = 60.0  # seconds; a certificate is usually signed earlier


class VaultBackend:
    """Everything that an application can do, as far as its roles allow."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list_objects(self, vault: str, kind: str, *, deleted: bool = False) -> Iterator[dict[str, Any]]:
        return map(_to_row, self._list(vault, f"deleted{kind}" if deleted else kind))

    def describe(self, vault: str, kind: str, name: str, version: str = "") -> dict[str, Any]:
        """One version, and the list of all. A secret's value is not requested."""
        items = self._list(vault, kind, name, "versions")
        newest_first = sorted(items, key=lambda item: -int(item["attributes"].get("created", 0)))
        versions = [_to_row(item) for item in newest_first]
        matching = [row for row in versions if row["version"] == version] if version else versions
        if not matching:
            subject = f"version {version} of {name}" if version and versions else name
            raise CliError(f"There is no {kind[:-1]} {subject} in {vault}, or it is deleted.", ExitCode.NOT_FOUND)
        members = {"vault": vault, "kind": kind, "name": name, **matching[0]}
        if not version and len(matching) > 1 and matching[0]["created"] == matching[1]["created"]:
            # Times are in seconds: only reading the value shows the current version.
            members |= {"version": None, "id": None}
        if kind != "secrets":
            members |= _to_detailed_row(self._request(vault, "GET", kind, name, version))
        return {**members, "versions": versions}

    def exists(self, vault: str, kind: str, name: str) -> bool:
        return bool(self._request(vault, "GET", kind, name, "versions")["value"])

    def create_key(self, vault: str, name: str, *, key_type: str, parameter: str, hardware: bool) -> dict[str, Any]:
        member = {"EC": "crv", "OKP": "crv", "AKP": "alg"}.get(key_type, "key_size")
        value = int(parameter) if member == "key_size" else parameter
        body = {"kty": f"{key_type}-HSM" if hardware else key_type, member: value}
        return _to_row(self._request(vault, "POST", "keys", name, "create", body=body))

    def rotate_key(self, vault: str, name: str) -> dict[str, Any]:
        return _to_row(self._request(vault, "POST", "keys", name, "rotate"))

    def set_enabled(self, vault: str, kind: str, name: str, version: str, *, enabled: bool) -> str:
        body = {"attributes": {"enabled": enabled}}
        return str(_to_row(self._request(vault, "PATCH", kind, name, version, body=body))["version"])

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

    def key_attestation(self, vault: str, name: str, version: str) -> dict[str, Any]:
        """The bundle of a key version, with the signed statement about it."""
        result: dict[str, Any] = self._request(vault, "GET", "keys", name, version, "attestation")
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
        return _to_row(self._request(vault, "PUT", "secrets", name, body=body))

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
            return _to_row(self._request(vault, "GET", *path))
        if operation["status"] == "inProgress":
            return {"name": name, "status": "inProgress", "csr": operation.get("csr", "")}
        detail = operation.get("status_details") or operation["status"]
        raise CliError(f"The certificate was not created: {detail}.")

    def _request(self, vault: str, method: str, *path: str, body: Any = None) -> Any:
        return self._client.request(method, self._url(vault, path), body).json()

    def _list(self, vault: str, *path: str) -> Iterator[dict[str, Any]]:
        return (item for page in self._client.pages(self._url(vault, path), "nextLink") for item in page["value"])

    def _url(self, vault: str, path: tuple[str, ...]) -> str:
        portal = self._client.session.portal
        return f"{urls.vault_url(portal, vault)}/{urls.quote_path(path)}?api-version={tokens.API_VERSION}"


def _to_row(item: dict[str, Any]) -> dict[str, Any]:
    """A list item or a bundle, with the members that a row of the management API has; never a secret's value."""
    identifier = item.get("id") or item.get("kid") or item.get("key", {}).get("kid") or item["recoveryId"]
    parts = [*urllib.parse.urlsplit(identifier).path.strip("/").split("/"), "", ""]
    attributes = item.get("attributes", {})
    row = {
        "name": parts[1],
        "version": parts[2],
        "enabled": attributes.get("enabled", True),
        "created": _format_time(attributes.get("created")),
        "expires": _format_time(attributes.get("exp")),
        "managed": bool(item.get("managed")),
        "id": identifier,
    }
    if "recoveryId" in item:
        row |= {"deleted": _format_time(item["deletedDate"]), "purge_after": _format_time(item["scheduledPurgeDate"])}
    return row


def _to_detailed_row(bundle: dict[str, Any]) -> dict[str, Any]:
    """A row with what only a key or only a certificate has."""
    if "key" in bundle:
        key = bundle["key"]
        size = {"curve": key["crv"]} if "crv" in key else {}
        if "n" in key:
            size = {"size": len(key["n"]) * 6 // 8 * 8}
        return {**_to_row(bundle), "type": key["kty"], **size, "operations": key.get("key_ops", [])}
    policy = bundle.get("policy") or {}
    return {
        **_to_row(bundle),
        "subject": policy.get("x509_props", {}).get("subject", ""),
        "issuer": policy.get("issuer", {}).get("name", ""),
        "thumbprint": bundle.get("x5t", ""),
        "cer": bundle.get("cer", ""),
    }


def _format_time(seconds: Any) -> str | None:
    """In the format of the management API; a time outside the calendar stays a number."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return str(seconds)
