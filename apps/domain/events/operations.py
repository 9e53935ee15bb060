"""Writes events to the outbox, in the transaction of the change that they report.

Triggers (migration 0002) write the events of new versions, of access and of a vault's state, whichever process stores
the change. This module is for all other events.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from apps.core.sql import execute
from apps.domain.access.grants import Grant
from apps.domain.events.rules import EventType, Subject

_APPEND = """
    INSERT INTO events_pending (vault_id, type, object_type, object_id, object_name, version, not_before, expires,
        data, at)
    VALUES (%(vault_id)s, %(type)s, %(object_type)s, %(object_id)s, %(name)s, %(version)s, %(not_before)s, %(expires)s,
        %(data)s, %(at)s)"""


def append(
    *,
    grant: Grant,
    vault_id: UUID,
    event_type: EventType,
    subject: Subject,
    now: datetime,
    data: Mapping[str, Any] | None = None,
    not_before: datetime | None = None,
    expires: datetime | None = None,
) -> None:
    """Write one event to the outbox, in the caller's transaction.

    The events of an object are in the order of these calls only if each caller locks the row of the object first, with
    `select_for_update`, as changes of versions do. `grant`: any at this vault. `now`: aware. `data`: members of the
    event's `data` that Azure does not have, in PascalCase. Raises `GrantMismatch`.
    """
    grant.require(grant.permission, vault_id=vault_id)
    values = {
        "vault_id": vault_id,
        "type": event_type.value,
        **subject._asdict(),
        "not_before": not_before,
        "expires": expires,
        "data": Jsonb(dict(data)) if data else None,
        "at": now,
    }
    execute(_APPEND, values)
