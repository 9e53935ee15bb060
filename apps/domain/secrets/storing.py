"""Storing values, their versions and their audit records in one statement, also for several secrets at once.

It serves what most writers do: a new name, or new versions of a live secret of the same spelling. Everything else
(a deleted or managed secret, another spelling) changes nothing here, and takes the transaction of `values.set_value`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from apps.audit_log import writer
from apps.core.errors import Conflict
from apps.core.ids import uuid7
from apps.core.sql import execute_prepared, select_prepared
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.secrets.rules import NewSecret
from apps.domain.vaults.models import Vault


class SecretNotStored(Conflict):
    """The statement cannot store this value. Nothing was changed, and nothing recorded."""


class NewVersion(NamedTuple):
    """A version to store as the current one of its secret."""

    columns: dict[str, Any]  # of `_WANTED`


_WANTED = """
    secret_id uuid, vault_id uuid, name text, folded_name text, id uuid, version text, sealed bytea, content_type text,
    enabled boolean, not_before timestamptz, expires timestamptz, tags jsonb, created timestamptz, last boolean"""
# Nobody is served while the HSM worker waits for a locked row, so it waits less than a request takes.
# The foreign keys of both tables are checked at the commit, so that each may refer to the other. Of several versions of
# one secret the last becomes current. The division fails, and with it the statement, when a version was left out: the
# numbers of the records have no gaps.
_STORE = f"""
    WITH wanted AS (
        SELECT wanted.* FROM set_config('lock_timeout', '20ms', true),
            json_to_recordset(%(secrets)s::json) AS wanted ({_WANTED})
    ), secret AS (
        INSERT INTO secrets_secret AS known (id, vault_id, name, folded_name, managed, current_id)
        SELECT secret_id, vault_id, name, folded_name, false, id FROM wanted WHERE last
        ON CONFLICT (vault_id, folded_name) DO UPDATE SET current_id = excluded.current_id
            WHERE known.deleted IS NULL AND NOT known.managed AND known.name = excluded.name
        RETURNING known.id, known.vault_id, known.name
    ), version AS (
        INSERT INTO secrets_secretversion
            (id, secret_id, version, sealed, content_type, enabled, not_before, expires, tags, created, updated)
        SELECT wanted.id, secret.id, version, sealed, content_type, enabled, not_before, expires, tags, created, created
        FROM wanted JOIN secret USING (vault_id, name)
        RETURNING 1
    ), record AS (
        {writer.INTO} SELECT record.* FROM {writer.ROWS}
    )
    SELECT 1 / (count(*) = (SELECT count(*) FROM wanted))::int FROM version
"""  # noqa: S608  names are ours
_REFUSED = """
    SELECT wanted.id
    FROM json_to_recordset(%s::json) AS wanted (id uuid, vault_id uuid, name text, folded_name text)
        JOIN secrets_secret AS known USING (vault_id, folded_name)
    WHERE known.deleted IS NOT NULL OR known.managed OR known.name <> wanted.name
"""


def prepare(
    *, grant: Grant, vault: Vault, name: str, version: str, sealed: bytes, spec: NewSecret, now: datetime
) -> NewVersion:
    """Make the row of a new version, for `store`."""
    grant.require(Permission.SECRETS_SET, vault_id=vault.pk)
    return NewVersion(
        {
            "secret_id": uuid7(),
            "vault_id": vault.pk,
            "name": name,
            "folded_name": name.lower(),
            "id": uuid7(),
            "version": version,
            "sealed": f"\\x{sealed.hex()}",
            "content_type": spec.content_type,
            "enabled": spec.enabled,
            "not_before": spec.not_before,
            "expires": spec.expires,
            "tags": spec.tags or {},
            "created": now,
        },
    )


def store(versions: Sequence[NewVersion], records: Sequence[writer.Record]) -> None:
    """Store versions, in the order of their requests, and these records, with theirs among them; all or nothing.

    Raises `django.db.DataError`, `IntegrityError` or `ProgrammingError` when one of them cannot be stored in this way,
    `OperationalError` also when another transaction has locked one of the secrets or their vaults, and other errors of
    `django.db` when nothing can be stored now.
    """
    numbered = writer.Numbered(records)
    # In one order everywhere, so that two processes never wait for each other's rows.
    rows = sorted((each.columns for each in versions), key=_secret_of)
    last = {_secret_of(row): row["id"] for row in rows}
    rows = [{**row, "last": last[_secret_of(row)] == row["id"]} for row in rows]
    execute_prepared(_STORE, {"secrets": orjson.dumps(rows).decode(), "records": numbered.rows})
    numbered.confirm()


def find_refused(versions: Sequence[NewVersion]) -> list[bool]:
    """Find which versions `store` cannot store now: of deleted and managed secrets, and of those of another spelling.

    The number of versions does not change the number of statements: one. Raises `django.db.Error`.
    """
    place = ("id", "vault_id", "name", "folded_name")
    rows = [{name: each.columns[name] for name in place} for each in versions]
    refused = {version_id for (version_id,) in select_prepared(_REFUSED, [orjson.dumps(rows).decode()])}
    spelled: dict[tuple[Any, ...], str] = {}
    return [row["id"] in refused or spelled.setdefault(_secret_of(row), row["name"]) != row["name"] for row in rows]


def _secret_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["vault_id"], row["folded_name"]
