"""The facts of secrets for the hot path: everything but the value, which only the HSM opens."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple, Self
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


class SecretName(NamedTuple):
    """A version as a caller names it, in lower case; "": the current one."""

    vault_id: UUID
    name: str
    version: str

    @classmethod
    def of(cls, vault_id: UUID, name: str, version: str) -> Self:
        return cls(vault_id, name.lower(), version.lower())


_SELECTED = """
        v.id, s.name, v.version, v.content_type, v.enabled, v.not_before, v.expires, v.created, v.updated, v.tags,
        s.managed"""
_FACTS = f"""
    SELECT {_SELECTED}
    FROM secrets_secret s JOIN secrets_secretversion v ON {{on}}
    WHERE s.vault_id = %s AND s.folded_name = %s AND s.deleted IS NULL"""  # noqa: S608  names are ours
# For each name at most one row, each by two indexes.
_ALL_FACTS = f"""
    SELECT wanted.vault_id, wanted.name, wanted.version, {_SELECTED}
    FROM json_to_recordset(%s::json) AS wanted (vault_id uuid, name text, version text)
        JOIN secrets_secret s
            ON s.vault_id = wanted.vault_id AND s.folded_name = wanted.name AND s.deleted IS NULL
        JOIN secrets_secretversion v ON v.id = CASE wanted.version WHEN '' THEN s.current_id ELSE
            (SELECT n.id FROM secrets_secretversion n WHERE n.secret_id = s.id AND n.version = wanted.version) END
"""  # noqa: S608
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
    return _facts_of(rows[0])


def find_all_facts(names: Collection[SecretName]) -> dict[SecretName, SecretFacts]:
    """The same for many versions in one statement; what does not exist is left out."""
    wanted = orjson.dumps([name._asdict() for name in names]).decode()
    rows = select_prepared(_ALL_FACTS, [wanted])
    return {SecretName(*row[:3]): _facts_of(row[3:]) for row in rows}


def _facts_of(row: Sequence[Any]) -> SecretFacts:
    facts: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    return SecretFacts(**{**facts, "tags": orjson.loads(facts["tags"])})
