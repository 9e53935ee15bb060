"""Looking into the log. Reading and exporting it are themselves records, committed before anything is shown."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any
from uuid import UUID

from cachetools import TTLCache

from apps.audit_reader import integrity, queries
from apps.audit_reader.queries import FoundRecord, Page, Search
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission

_FOLLOWED_SECONDS = 60.0
_NEIGHBOURS = 50
_followed: TTLCache[tuple[UUID, Search], bool] = TTLCache(maxsize=10_000, ttl=_FOLLOWED_SECONDS, timer=time.monotonic)
_lock = Lock()


@dataclass(frozen=True, slots=True)
class Opened:
    """A record with everything that is known around it. `inclusion` None: it has no place in its log yet."""

    record: FoundRecord
    neighbours: list[FoundRecord]
    inclusion: integrity.Inclusion | None


def read(*, grant: Grant, what: Search, limit: int, before: UUID | None = None) -> Page:
    """A page of records, newest first, with where the next begins.

    Raises `HsmUnavailable` when the audit worker does not answer.
    """
    grant.require(Permission.AUDIT_READ)
    found = queries.search_page(what=what, limit=limit, before=before)
    _record(grant, "LogRead", what)
    return found


def open_record(*, grant: Grant, record_id: UUID) -> Opened:
    """One record with those of the same request, and how it is proven. Raises `RecordNotFound`."""
    grant.require(Permission.AUDIT_READ)
    append_change(grant, operation="LogRecordRead", object_id="log", record=str(record_id))
    record = queries.get_record(record_id=record_id)
    request = UUID(record.header["request"])
    neighbours = queries.search(what=Search(request_id=request), limit=_NEIGHBOURS)
    return Opened(
        record, [other for other in neighbours[::-1] if other.id != record_id], integrity.get_inclusion(record=record)
    )


def search(*, grant: Grant, operation: str, object_id: str = "log", **criteria: str) -> None:
    """Record that somebody looks at what the log comes to, before it is shown: patterns, integrity, access."""
    grant.require(Permission.AUDIT_READ, Permission.ROLES_READ)
    criteria = {name: value for name, value in criteria.items() if value}
    append_change(grant, operation=operation, object_id=object_id, criteria=criteria)


def follow(*, grant: Grant, what: Search, limit: int, after: UUID | None = None) -> Page:
    """Records newer than `after` (the newest of all without it), newest first, with where to go on.

    Following is recorded once a minute, not at every look.
    """
    grant.require(Permission.AUDIT_READ)
    key = (grant.principal.id, what)
    if key not in _followed:  # a look does not make it younger: then it would be recorded once and never again
        _record(grant, "LogFollow", what)
        with _lock:
            _followed[key] = True
    return queries.search_page(what=what, limit=limit, after=after)


def export(*, grant: Grant, what: Search) -> Iterator[FoundRecord]:
    """All records that match, newest first, a page in memory at a time."""
    grant.require(Permission.AUDIT_READ)
    _record(grant, "LogExport", what)
    page = queries.search_page(what=what, limit=queries.LARGEST_PAGE)
    yield from page.records
    while page.reached:
        page = queries.search_page(what=what, limit=queries.LARGEST_PAGE, before=page.reached)
        yield from page.records


def _record(grant: Grant, operation: str, what: Search) -> None:
    criteria: dict[str, Any] = {
        name: str(value) for name in what.__slots__ if name != "by_name" and (value := getattr(what, name))
    }
    append_change(grant, operation=operation, object_id="log", criteria=criteria)
