"""Reads the events of a vault that a caller may see, and the acknowledgements of a version."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.core.sql import select_value
from apps.domain.access.grants import Grant, Scope, is_permitted
from apps.domain.access.permissions import Permission
from apps.domain.events.models import Acknowledgement, Event, VaultPosition
from apps.domain.events.rules import Facts

_LIMIT = 100  # events that are read for one answer, including those that the caller may not see
# Any of these at the object, or at its vault, shows the events of the object.
_SHOWN_BY = {
    "key": (Permission.KEYS_GET, Permission.KEYS_LIST),
    "secret": (Permission.SECRETS_GET, Permission.SECRETS_LIST),
    "certificate": (Permission.CERTIFICATES_GET, Permission.CERTIFICATES_LIST),
    "": (Permission.EVENTS_READ,),
}


@dataclass(frozen=True, slots=True)
class Page:
    """Events after a position. `after`: the position to continue with. `more`: there are later events already.

    `missed`: events after the given position are no longer stored, or the position is not one of this log.
    """

    events: Sequence[Facts]
    after: int
    more: bool = False
    missed: bool = False


def number_pending() -> int:
    """Move committed events from the outbox to the log, and give them positions. Returns the number of events."""
    return int(select_value("SELECT events_number()"))


def last_positions(vault_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return the position of the last event of each of these vaults that has events."""
    return dict(VaultPosition.objects.filter(pk__in=vault_ids).values_list("vault_id", "last"))


def read_events(*, grant: Grant, after: int | None) -> Page:
    """Return at most 100 events of the grant's vault after a position, without those that the caller may not see.

    `after` None: no events, and the position of the newest one. Raises `GrantMismatch`.
    """
    grant.require(Permission.EVENTS_READ)
    vault_id = grant.scope.vault_id
    assert vault_id is not None  # noqa: S101  the permission is held in vaults only
    number_pending()
    last = last_positions([vault_id]).get(vault_id, 0)
    if after is None:
        return Page((), last)
    if after > last:
        return Page((), last, missed=True)
    rows = list(Event.objects.filter(vault_id=vault_id, position__gt=after).order_by("position")[:_LIMIT])
    if not rows:
        return Page((), last, missed=last > after)
    seen = [facts_of(row) for row in rows if _is_shown(grant, row)]
    return Page(seen, rows[-1].position, more=rows[-1].position < last, missed=rows[0].position > after + 1)


def list_acknowledgements(*, object_ids: Sequence[UUID], version: str = "") -> list[Acknowledgement]:
    """List the acknowledgements of these objects, or of one version of them, the oldest first."""
    rows = Acknowledgement.objects.filter(object_id__in=object_ids).order_by("at")
    return list(rows.filter(version=version) if version else rows)


def facts_of(row: Event) -> Facts:
    """Return the facts of an event that are sent."""
    data: dict[str, Any] = row.data or {}
    return Facts(
        row.pk, row.type, row.object_type, row.object_name, row.version, row.not_before, row.expires, row.at, data
    )


def _is_shown(grant: Grant, row: Event) -> bool:
    """Tell whether the caller may see this event, by its roles now. Events of the vault need a role at the vault."""
    scope = Scope(row.vault_id, grant.scope.vault_name)
    if row.object_type:
        scope = Scope(row.vault_id, grant.scope.vault_name, row.object_type, row.object_name, row.object_id)
    return any(is_permitted(grant.principal, permission, scope) for permission in _SHOWN_BY[row.object_type])
