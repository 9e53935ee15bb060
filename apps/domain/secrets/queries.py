"""The facts of secrets for the hot path: everything but the value, which only the HSM opens."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from apps.core.sql import select_prepared
from apps.domain.secrets.kind import SECRETS


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """A version without its value, in the order of `_FACTS`."""

    id: UUID
    name: str
    version: str
    content_type: str | None
    enabled: bool
    not_before: datetime | None
    expires: datetime | None
    created: datetime
    updated: datetime
    tags: dict[str, str]
    managed: bool


_FACTS = """
    SELECT v.id, s.name, v.version, v.content_type, v.enabled, v.not_before, v.expires, v.created, v.updated, v.tags,
           s.managed
    FROM secrets_secret s JOIN secrets_secretversion v ON {on}
    WHERE s.vault_id = %s AND s.folded_name = %s AND s.deleted IS NULL"""
_COLUMNS = tuple(field.name for field in fields(SecretFacts))
_CURRENT = _FACTS.format(on="v.id = s.current_id")
_NAMED = _FACTS.format(on="v.secret_id = s.id") + " AND v.version = %s"


def find_facts(*, vault_id: UUID, name: str, version: str = "", lock: bool = False) -> SecretFacts:
    """The named or current version as it is now: a change is read at once. Raises `SecretNotFound`.

    Plain SQL on the hottest read of the system: a tenth of the time of the same through the ORM. `lock`: in the
    caller's transaction.
    """
    sql, extra = (_NAMED, [version.lower()]) if version else (_CURRENT, [])
    rows = select_prepared(f"{sql} FOR UPDATE OF v" if lock else sql, [vault_id, name.lower(), *extra])
    if not rows:
        raise SECRETS.not_found(name, version)
    facts: dict[str, Any] = dict(zip(_COLUMNS, rows[0], strict=True))
    return SecretFacts(**{**facts, "tags": orjson.loads(facts["tags"])})
