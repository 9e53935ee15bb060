"""Objects of a vault as rows with the same members, whichever API they come from."""

import urllib.parse
from datetime import UTC, datetime
from typing import Any

SINGULAR = {"keys": "key", "secrets": "secret", "certificates": "certificate"}


def to_row(item: dict[str, Any]) -> dict[str, Any]:
    """A row from a list item or a bundle of the Key Vault API; never a secret's value."""
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


def to_detailed_row(bundle: dict[str, Any]) -> dict[str, Any]:
    """A row with what only a key or only a certificate has."""
    if "key" in bundle:
        key = bundle["key"]
        size = {"curve": key["crv"]} if "crv" in key else {}
        if "n" in key:
            size = {"size": len(key["n"]) * 6 // 8 * 8}
        return {**to_row(bundle), "type": key["kty"], **size, "operations": key.get("key_ops", [])}
    policy = bundle.get("policy") or {}
    return {
        **to_row(bundle),
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
