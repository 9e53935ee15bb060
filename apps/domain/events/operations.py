"""Writing events to the outbox, in the transaction of the change that they are about.

New versions, changes of access and changes of a vault's state are written by triggers (migration 0002), whatever
process stores the change. This module is for everything else.
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
    """Write one event. It is stored if the caller's transaction commits, and lost with it otherwise.

    Readers get the events of an object in the order of these calls, if each caller has locked the object's row first:
    lock it with `select_for_update`, as changes of versions do. `grant`: any at this vault. `data`: members of the
    event's `data` beyond Azure's, in PascalCase. Raises `GrantMismatch`.
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
