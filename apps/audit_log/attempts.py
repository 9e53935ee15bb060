"""Looking for the record of an attempt, for a process that does not read the log."""

from datetime import datetime
from uuid import UUID

from apps.audit_log.records import sanitize_text, subject_of
from apps.audit_log.sealing import tag_of
from apps.core.sql import select_value

_HAS_ATTEMPT = "SELECT audit_has_attempt(%s, %s, %s, %s, %s, %s)"


def has_attempt(*, log: UUID, request_id: UUID, operation: str, caller: str, object_id: str, near: datetime) -> bool:
    """Return whether the log has such an attempt, of an object with this kind and name, within a day of `near`."""
    tags = tag_of("caller", sanitize_text(caller)), tag_of("object", subject_of(sanitize_text(object_id)))
    return bool(select_value(_HAS_ATTEMPT, [log, request_id, operation, *tags, near]))
