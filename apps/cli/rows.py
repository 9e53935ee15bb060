"""What the two APIs say of an object, in the same words."""

import urllib.parse
from datetime import UTC, datetime
from typing import Any

SINGULAR = {"keys": "key", "secrets": "secret", "certificates": "certificate"}


def quoted(text: str) -> str:
    """One segment of a path."""
    return urllib.parse.quote(text, safe="")


def row_of(item: dict[str, Any]) -> dict[str, Any]:
    """A list's item or a bundle; never a secret's value."""
    identifier = item.get("id") or item.get("kid") or item.get("key", {}).get("kid") or item["recoveryId"]
    parts = [*urllib.parse.urlsplit(identifier).path.strip("/").split("/"), "", ""]
    attributes = item.get("attributes", {})
    row = {
        "name": parts[1],
        "version": parts[2],
        "enabled": attributes.get("enabled", True),
        "created": _moment(attributes.get("created")),
        "expires": _moment(attributes.get("exp")),
        "managed": bool(item.get("managed")),
        "id": identifier,
    }
    if "recoveryId" in item:
        row |= {"deleted": _moment(item["deletedDate"]), "purge_after": _moment(item["scheduledPurgeDate"])}
    return row


def details_of(bundle: dict[str, Any]) -> dict[str, Any]:
    """What a key or certificate has beside its attributes."""
    if "key" in bundle:
        key = bundle["key"]
        size = {"curve": key["crv"]} if "crv" in key else {}
        if "n" in key:
            size = {"size": len(key["n"]) * 6 // 8 * 8}
        return {**row_of(bundle), "type": key["kty"], **size, "operations": key.get("key_ops", [])}
    policy = bundle.get("policy") or {}
    return {
        **row_of(bundle),
        "subject": policy.get("x509_props", {}).get("subject", ""),
        "issuer": policy.get("issuer", {}).get("name", ""),
        "thumbprint": bundle.get("x5t", ""),
        "cer": bundle.get("cer", ""),
    }


def _moment(seconds: Any) -> str | None:
    """As the management API writes times; a year that no calendar has stays a number."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return str(seconds)
