"""Audit records: the header, stored in clear, and the body, which is encrypted. The format is docs/audit-log.md. Pure.

Body fields are those of Azure's AuditEvent (docs/reference/wire-contract.md section 16), so that rules written for it
work here.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from apps.audit_log.auditverify import leaf_of

# The columns of `audit_event` that a header consists of, with their types.
HEADER_COLUMNS = {
    "id": "uuid",
    "log_id": "uuid",
    "at": "timestamptz",
    "operation": "text",
    "phase": "text",
    "status": "smallint",
    "request_id": "uuid",
    "caller": "bigint",
    "object": "bigint",
    "address": "bigint",
    "writer": "uuid",
    "number": "bigint",
    "key_id": "uuid",
}
# A condition on `at`: Python cannot read other times (infinity, the year 10000), which a row of 0.4 may have.
READABLE_TIME = "at >= '0001-01-01 00:00:00+00' AND at < '10000-01-01 00:00:00+00'"
# What a leaf is made of: the value's name, and its expression over `audit_event e`. A time that cannot be read is None,
# so that it hides no row that is read with it.
LEAF_COLUMNS = {
    **{name: f"e.{name}" for name in HEADER_COLUMNS},
    "at": f"CASE WHEN {READABLE_TIME} THEN at END",
    "commitment": "e.commitment",
    "sealed_sha256": "sha256(e.sealed)",
    "xid": "e.xid::text",
}
ORGANISATION = UUID(int=0)  # the log of operations that concern no vault

_OPERATION = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
_FIRST_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_STATUSES = range(100, 600)
_NUMBERS = range(1, 10**18)
_XIDS = range(10**18)
# NUL cannot be stored; the other control characters would let a caller forge lines in a terminal.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LONGEST_TEXT = 2048
_OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
_PHRASES = {status.value: status.phrase.replace(" ", "") for status in HTTPStatus}
_PROVIDER = f"/SUBSCRIPTIONS/{ORGANISATION}/RESOURCEGROUPS/VAULTPORTAL/PROVIDERS/MICROSOFT.KEYVAULT"
# Details that have a field of their own in the body.
_NAMED_DETAILS = frozenset({"uri", "clientInfo", "apiVersion", "description", "milliseconds"})


class Phase(StrEnum):
    """The phase of an operation in which a record was written."""

    ATTEMPT = "attempt"  # committed before the HSM is asked to change anything
    OUTCOME = "outcome"
    DENIAL = "denial"


class Record(NamedTuple):
    """One record, before it is encrypted and numbered."""

    at: datetime
    vault_id: UUID | None
    vault_name: str
    operation: str
    phase: str
    status: int
    caller_id: UUID | None
    caller: str
    object_id: str
    request_id: UUID
    correlation_id: str
    address: str
    detail: dict[str, Any]

    @property
    def log(self) -> UUID:
        """The log to which it belongs."""
        return self.vault_id or ORGANISATION


def sanitize_text(text: str) -> str:
    """Replace control characters and lone surrogates in a caller's text; cut it at 2 048 characters."""
    if len(text) <= _LONGEST_TEXT and text.isprintable():  # nearly every text, in a fifth of the time
        return text
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text[:_LONGEST_TEXT])


def format_timestamp(moment: datetime) -> str:
    """Format a time as in headers: UTC, six digits of a second."""
    return f"{_utc(moment)}Z"


def _utc(moment: datetime) -> str:
    """Without a zone, a tenth of the time of `strftime`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def subject_of(object_id: str) -> str:
    """The part of an object id that searches use: kind and name, without the version, in lower case."""
    return "/".join(object_id.lower().split("/")[:2])


def canonical(value: Any) -> bytes:
    """Encode as `auditverify.canonical`, byte for byte, several times faster."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def header_of(fields: Mapping[str, Any]) -> bytes:
    """Encode the header of a row of `audit_event`."""
    return canonical(_header_of(fields))


def leaf_of_row(row: Mapping[str, Any]) -> bytes:
    """Compute the leaf of a row of `LEAF_COLUMNS`."""
    return leaf_of(header_of(row), bytes(row["commitment"]), bytes(row["sealed_sha256"]), int(row["xid"]))


def grammar_fault(row: Mapping[str, Any]) -> str:
    """Name the column of a row of `LEAF_COLUMNS` whose value no header can have (docs/audit-log.md); "" for none.

    The constraints of `audit_event` (migration 0007) say the same; only a row of an earlier version fails here.
    """
    checks = {
        "at": row["at"] is not None and row["at"] >= _FIRST_TIME,
        "operation": _OPERATION.fullmatch(row["operation"]) is not None,
        "status": row["status"] in _STATUSES,
        "number": row["number"] in _NUMBERS,
        "commitment": len(row["commitment"]) == 32,
        "xid": int(row["xid"]) in _XIDS,
    }
    return next((column for column, fits in checks.items() if not fits), "")


def shown_header(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The header of a row as an object."""
    return {name: str(value) if isinstance(value, UUID) else value for name, value in _header_of(fields).items()}


def _header_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The header with its ids as they are: `canonical` encodes them faster than `str`."""
    return {
        "id": fields["id"],
        "log": fields["log_id"],
        "at": format_timestamp(fields["at"]) if fields["at"] is not None else "",
        "operation": fields["operation"],
        "phase": fields["phase"],
        "status": fields["status"],
        "request": fields["request_id"],
        "caller": format_tag(fields["caller"]),
        "object": format_tag(fields["object"]),
        "address": format_tag(fields["address"]),
        "writer": fields["writer"],
        "number": fields["number"],
        "key": fields["key_id"],
    }


def body_of(record: Record) -> bytes:
    """Encode the body of a record, with sanitized texts."""
    detail, vault = record.detail, sanitize_text(record.vault_name)
    status = record.status
    return canonical(
        {
            "time": f"{_utc(record.at)}0Z",
            "resourceId": _resource_id(vault),
            "operationName": record.operation,
            "operationVersion": _clean(detail.get("apiVersion", "")),
            "category": "AuditEvent",
            "resultType": "Success" if status < 400 else "Failure",
            "resultSignature": _PHRASES.get(status, str(status)),
            "resultDescription": _clean(detail.get("description", "")),
            "durationMs": str(_clean(detail.get("milliseconds", 0))),
            "callerIpAddress": sanitize_text(record.address),
            "correlationId": sanitize_text(record.correlation_id),
            "identity": {
                "claim": {
                    _OID: str(record.caller_id or ""),
                    ("appid" if detail.get("principalKind") == "application" else _UPN): sanitize_text(record.caller),
                }
            },
            "properties": {
                "clientInfo": _clean(detail.get("clientInfo", "")),
                "requestUri": _clean(detail.get("uri", "")),
                "id": sanitize_text(record.object_id),
                "httpStatusCode": status,
                "phase": record.phase,
                "requestId": str(record.request_id),
                "vault": vault,
                **{sanitize_text(key): _clean(value) for key, value in detail.items() if key not in _NAMED_DETAILS},
            },
        }
    )


def caller_of(body: Mapping[str, Any]) -> str:
    """The caller: an application's client id or a person's name; "" for an anonymous caller."""
    claim = body.get("identity", {}).get("claim", {})
    return str(claim.get("appid") or claim.get(_UPN) or "")


def is_body(value: Any) -> bool:
    """Return whether a JSON value has the form of a body, as far as readers rely on it."""
    if not isinstance(value, dict):
        return False
    identity = value.get("identity", {})
    parts = (identity, identity.get("claim", {}) if isinstance(identity, dict) else None, value.get("properties", {}))
    return all(isinstance(part, dict) for part in parts)


def _resource_id(vault: str) -> str:
    return f"{_PROVIDER}/VAULTS/{vault.upper()}" if vault else _PROVIDER


def _clean(value: Any) -> Any:
    """Convert a value to types that have a single encoding in JSON."""
    if isinstance(value, str):
        return sanitize_text(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return round(value)
    if isinstance(value, Mapping):
        return {sanitize_text(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    return sanitize_text(str(value))


def format_tag(tag: int) -> str:
    """Format a keyed hash as in headers."""
    return (tag & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "big").hex()
