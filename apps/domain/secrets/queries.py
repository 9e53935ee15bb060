"""Reading secrets: everything but the value, which only the HSM opens."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from apps.core.errors import NotFound
from apps.core.ttl_cache import ShortTtlCache
from apps.domain.objects import soft_delete
from apps.domain.secrets.models import Secret, SecretVersion


class SecretNotFound(NotFound):
    """No such secret, or no such version of it, in this vault."""


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """What a reader must know of a version besides its value, in the order of `_FACTS`."""

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


_ids: ShortTtlCache[UUID | None] = ShortTtlCache(maxsize=50_000)
_FACTS = """
    SELECT v.id, s.name, v.version, v.content_type, v.enabled, v.not_before, v.expires, v.created, v.updated, v.tags,
           s.managed
    FROM secrets_secret s JOIN secrets_secretversion v ON {on}
    WHERE s.vault_id = %s AND s.folded_name = %s AND s.deleted IS NULL"""
_COLUMNS = tuple(field.name for field in fields(SecretFacts))
_CURRENT = _FACTS.format(on="v.id = s.current_id")
_NAMED = _FACTS.format(on="v.secret_id = s.id") + " AND v.version = %s"


def find_secret_id(*, vault_id: UUID, name: str) -> UUID | None:
    """The secret's row, for object-level assignments; None when there is no such secret. At most a second old."""
    folded = name.lower()

    def load() -> UUID | None:
        return Secret.objects.filter(vault_id=vault_id, folded_name=folded).values_list("pk", flat=True).first()

    return _ids.get((vault_id, folded), load)


def find_facts(*, vault_id: UUID, name: str, version: str = "") -> SecretFacts:
    """The named or current version as it is now: who set or described a secret reads that. Raises `SecretNotFound`.

    Plain SQL on the hottest read of the system: 0.15 ms less than the same through the ORM.
    """
    sql, extra = (_NAMED, [version.lower()]) if version else (_CURRENT, [])
    with connection.cursor() as cursor:
        cursor.execute(sql, [vault_id, name.lower(), *extra])
        row = cursor.fetchone()
    if row is None:
        raise SecretNotFound(_missing(name, version))
    facts: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    return SecretFacts(**{**facts, "tags": orjson.loads(facts["tags"])})


def get_version(*, vault_id: UUID, name: str, version: str = "") -> SecretVersion:
    """The named version, or the current one. Raises `SecretNotFound`."""
    rows = SecretVersion.objects.select_related("secret").defer("sealed").filter(secret__deleted__isnull=True)
    if version:
        rows = rows.filter(secret__vault_id=vault_id, secret__folded_name=name.lower(), version=version.lower())
    else:
        current = Secret.objects.filter(vault_id=vault_id, folded_name=name.lower()).values("current")
        rows = rows.filter(pk__in=current)
    row = rows.first()
    if row is None:
        raise SecretNotFound(_missing(name, version))
    return row


def list_secrets(*, vault_id: UUID, after: str = "", limit: int) -> list[Secret]:
    """Secrets by name, with their current versions. `after` is the folded name that the last page ended with."""
    rows = Secret.objects.filter(vault_id=vault_id, current__isnull=False, deleted__isnull=True, folded_name__gt=after)
    return list(rows.select_related("current").defer("current__sealed").order_by("folded_name")[:limit])


def list_versions(*, vault_id: UUID, name: str, after: str = "", limit: int) -> list[SecretVersion]:
    """Versions of a secret by version id; empty for a secret that is not there (wire-contract.md section 5)."""
    rows = SecretVersion.objects.filter(
        secret__vault_id=vault_id, secret__folded_name=name.lower(), secret__deleted__isnull=True, version__gt=after
    )
    return list(rows.select_related("secret").defer("sealed").order_by("version")[:limit])


def invalidate(*, vault_id: UUID, name: str) -> None:
    """Let this process see at once that the secret exists."""
    _ids.invalidate((vault_id, name.lower()))


def get_deleted(*, vault_id: UUID, name: str) -> Secret:
    """The deleted secret of that name, with its newest version. Raises `SecretNotFound`."""
    rows = Secret.objects.filter(vault_id=vault_id, folded_name=name.lower(), deleted__isnull=False)
    secret = rows.select_related("current").defer("current__sealed").first()
    if secret is None:
        raise deleted_not_found(name)
    return secret


def list_deleted(*, vault_id: UUID, after: str = "", limit: int) -> Sequence[Secret]:
    """Deleted secrets by name."""
    return soft_delete.list_deleted(Secret, vault_id=vault_id, after=after, limit=limit)


def all_versions(secret: Secret) -> list[SecretVersion]:
    """Every version with its sealed value, oldest first."""
    return list(SecretVersion.objects.filter(secret=secret).select_related("secret").order_by("created", "pk"))


def not_found(name: str) -> SecretNotFound:
    """The error for a name that no live secret has."""
    return SecretNotFound(_missing(name, ""))


def deleted_not_found(name: str) -> SecretNotFound:
    """The error for a name that no deleted secret has."""
    return SecretNotFound(f"Deleted Secret not found: {name}")


def _missing(name: str, version: str) -> str:
    return (
        f"A secret with (name/id) {name}{'/' if version else ''}{version} was not found in this key vault. "
        "If you recently deleted this secret you may be able to recover it using the correct recovery command. "
        "For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"
    )
