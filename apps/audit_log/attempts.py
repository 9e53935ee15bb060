"""Looking for the record of an attempt, for a process that does not read the log."""

from uuid import UUID

from apps.audit_log.records import sanitize_text, subject_of
from apps.audit_log.sealing import tag_of
from apps.core.sql import select_value

_HAS_ATTEMPT = "SELECT audit_has_attempt(%s, %s, %s, %s, %s, %s, %s)"
_DAY_MS = 86_400_000


def has_attempt(*, log: UUID, request_id: UUID, operation: str, caller: str, object_id: str, near: UUID) -> bool:
    """Return whether the log has such an attempt, of an object with this kind and name.

    `near`: an id (UUIDv7) that was made within a day of the record's.
    """
    tags = tag_of("caller", sanitize_text(caller)), tag_of("object", subject_of(sanitize_text(object_id)))
    moment = near.int >> 80  # milliseconds (RFC 9562 section 5.7)
    bounds = _first_id(moment - _DAY_MS), _first_id(moment + _DAY_MS)
    return bool(select_value(_HAS_ATTEMPT, [log, request_id, operation, *tags, *bounds]))


def _first_id(moment: int) -> UUID:
    return UUID(int=min(max(moment, 0), (1 << 48) - 1) << 80)
