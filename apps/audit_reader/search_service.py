"""Reading of the audit log. Each read and export is recorded before anything is shown."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any
from uuid import UUID

from cachetools import TTLCache

from apps.audit_log.operation_names import Operation
from apps.audit_log.records import ORGANISATION
from apps.audit_reader import integrity, queries
from apps.audit_reader.queries import FoundRecord, Page, Search
from apps.audit_reader.search_params import parse_log
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant, Scope
from apps.domain.access.permissions import Permission
from apps.domain.vaults.queries import get_logged_vault

ORGANISATION_NAME = "-"  # names the organisation's log in parameters
_FOLLOWED_SECONDS = 60.0
_NEIGHBOURS = 50
_followed: TTLCache[tuple[UUID, Search], bool] = TTLCache(maxsize=10_000, ttl=_FOLLOWED_SECONDS, timer=time.monotonic)
_lock = Lock()


@dataclass(frozen=True, slots=True)
class Opened:
    """A record with its neighbours and its proof. `inclusion` None: it has no number in its log yet."""

    record: FoundRecord
    neighbours: list[FoundRecord]
    inclusion: integrity.Inclusion | None


@dataclass(frozen=True, slots=True)
class ChosenLog:
    """The log that a request names: of a vault, of the organisation, or all (`log_id` None)."""

    name: str
    log_id: UUID | None
    scope: Scope


def choose_log(name: str) -> ChosenLog:
    """Find the log of a vault by name or id; "-" is the organisation's, "" means all. Raises `VaultNotFound`."""
    if not name:
        return ChosenLog("", None, Scope())
    if name == ORGANISATION_NAME:
        return ChosenLog(name, ORGANISATION, Scope())
    log_id = parse_log(name)
    if log_id is not None:
        return ChosenLog(str(log_id), log_id, Scope())  # in its canonical spelling
    vault = get_logged_vault(name=name)
    return ChosenLog(vault.name, vault.pk, Scope(vault.pk, vault.name))


def read(*, grant: Grant, what: Search, limit: int, before: UUID | None = None) -> Page:
    """Read a page of records, newest first, with the position of the next page.

    Raises `HsmUnavailable` when the audit worker does not answer.
    """
    grant.require(Permission.AUDIT_READ)
    found = queries.search(what=what, limit=limit, before=before)
    _record(grant, Operation.LOG_READ, what)
    return found


def open_record(*, grant: Grant, record_id: UUID) -> Opened:
    """Read one record, those of the same request, and its proof. Raises `RecordNotFound`."""
    grant.require(Permission.AUDIT_READ)
    append_change(grant, operation=Operation.LOG_RECORD_READ, object_id="log", record=str(record_id))
    record = queries.get_record(record_id=record_id)
    request = UUID(record.header["request"])
    neighbours = queries.search(what=Search(request_id=request), limit=_NEIGHBOURS).records
    return Opened(
        record, [other for other in neighbours[::-1] if other.id != record_id], integrity.get_inclusion(record=record)
    )


def search(*, grant: Grant, operation: Operation, object_id: str = "log", **criteria: str) -> None:
    """Record that a person views an evaluation of the log, before it is shown: patterns, integrity, access."""
    grant.require(Permission.AUDIT_READ, Permission.ROLES_READ)
    criteria = {name: value for name, value in criteria.items() if value}
    append_change(grant, operation=operation, object_id=object_id, criteria=criteria)


def follow(*, grant: Grant, what: Search, limit: int, after: UUID | None = None) -> Page:
    """Read records newer than `after` (without it, the newest), newest first, with the next position.

    Following is recorded once a minute, not at every request.
    """
    grant.require(Permission.AUDIT_READ)
    key = (grant.principal.id, what)
    if key not in _followed:  # a request must not renew the entry: following would be recorded only once
        _record(grant, Operation.LOG_FOLLOW, what)
        with _lock:
            _followed[key] = True
    return queries.search(what=what, limit=limit, after=after)


def export(*, grant: Grant, what: Search) -> Iterator[FoundRecord]:
    """Read all matching records, newest first, with one page at a time in memory."""
    grant.require(Permission.AUDIT_READ)
    _record(grant, Operation.LOG_EXPORT, what)
    page = queries.search(what=what, limit=queries.LARGEST_PAGE)
    yield from page.records
    while page.reached:
        page = queries.search(what=what, limit=queries.LARGEST_PAGE, before=page.reached)
        yield from page.records


def _record(grant: Grant, operation: Operation, what: Search) -> None:
    criteria: dict[str, Any] = {
        name: str(value) for name in what.__slots__ if name != "by_name" and (value := getattr(what, name))
    }
    append_change(grant, operation=operation, object_id="log", criteria=criteria)
