"""The parameters of the explorer's address: what is searched, and the addresses of related searches."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from apps.audit_reader.queries import FoundRecord, Search
from apps.audit_reader.search_params import SPANS, format_search, parse_search
from apps.core.clock import now

FILTERS = ("vault", "operation", "caller", "object", "status", "address", "request_id")
PAGE = 50
_DEFAULT_SPAN = "24h"
_TAIL = ("part", "seen", "passed")  # parameters of one request of the live tail


def explorer_address(params: Mapping[str, str]) -> str:
    """Make the address of the explorer for some parameters."""
    shown = {name: value for name, value in params.items() if value and name not in _TAIL}
    return reverse("auditors:records") + (f"?{urlencode(shown)}" if shown else "")


@dataclass(frozen=True, slots=True)
class ExplorerQuery:
    """`search` always has a beginning; `span` is the name of its length, "" when the address has a beginning."""

    params: dict[str, str]
    search: Search
    span: str

    @classmethod
    def parse(cls, params: dict[str, str], *, log_id: UUID | None, zone: tzinfo) -> "ExplorerQuery":
        """Search a day unless the address says otherwise; a request in 90 days. Raises `InvalidSearch`."""
        search = parse_search(params, log_id=log_id, zone=zone)
        if search.since is not None:
            return cls(params, search, "")
        span = params.get("last", "")
        span = span if span in SPANS else "90d" if search.request_id else _DEFAULT_SPAN
        return cls(params, replace(search, since=(search.until or now()) - SPANS[span]), span)

    @property
    def is_live(self) -> bool:
        return self.params.get("live") == "1"

    @property
    def followed(self) -> Search:
        """The search from a full hour: the tail repeats it, and following the same search is recorded once a minute."""
        since = self.search.since
        return replace(self.search, since=since.replace(minute=0, second=0, microsecond=0) if since else None)

    def address(self, *without: str, **changes: str) -> str:
        """The address without some parameters and with others. `from_` stands for `from`."""
        kept = {name: value for name, value in self.params.items() if name not in without}
        return explorer_address(kept | {name.rstrip("_"): value for name, value in changes.items()})

    def span_addresses(self) -> list[tuple[str, str]]:
        """Each length of time with its address."""
        return [(name, self.address("from", "to", "before", last=name)) for name in SPANS]

    def live_switch(self) -> str:
        """The address that starts or stops the live tail."""
        return self.address("before", "live", "to", live="" if self.is_live else "1")

    def zoom(self, since: datetime, until: datetime) -> str:
        """The address of a part of the time, at least a minute."""
        until = max(until, since + timedelta(minutes=1))
        return self.address("last", "before", "live", from_=format_search(since), to=format_search(until))

    def fixed(self, until: datetime) -> dict[str, str]:
        """The parameters with fixed times, for readers who open the address later."""
        times = {"from": format_search(self.search.since or until), "to": format_search(until + timedelta(seconds=1))}
        return {**self.params, "last": "", "live": "", "before": "", **times}

    def export_address(self, until: datetime) -> str:
        """The address of the query API for the same records as a file."""
        fixed = self.fixed(until)
        query = {name: fixed[name] for name in (*FILTERS, "from", "to") if fixed.get(name)}
        return f"/api/v1/audit/export?{urlencode(query)}"

    def command_params(self) -> dict[str, str]:
        """The options of the command line for the same records."""
        since, until = (format_search(at) if at else "" for at in (self.search.since, self.search.until))
        filters = {name: self.params.get(name, "").strip() for name in FILTERS}
        return {**filters, **({"last": self.span} if self.span else {"from": since}), "to": until}

    def object_addresses(self) -> list[tuple[str, str]]:
        """(object, its address) for a reader who typed the name of an object as the caller."""
        name = self.params.get("caller", "").strip()
        if not name or "/" in name:
            return []
        objects = [f"{kind}/{name}" for kind in ("keys", "secrets", "certificates")]
        return [(item, self.address("caller", "before", "live", object=item)) for item in objects]

    def tail_address(self, records: Sequence[FoundRecord], passed: str = "") -> str:
        """What the live tail requests next, after these records."""
        kept = {name: value for name, value in self.params.items() if name not in (*_TAIL, "before", "live")}
        query = {**kept, "part": "rows", "seen": seen_mark(records), **({"passed": passed} if passed else {})}
        return f"{reverse('auditors:records')}?{urlencode(query)}"

    def skipped_before(self, records: Sequence[FoundRecord]) -> str:
        """The oldest record shown, if there were more new ones than a page since the last request; else ""."""
        newest, oldest = self.params.get("seen", "").partition(".")[0], str(records[-1].id) if records else ""
        if len(records) == PAGE and newest < oldest and newest:
            return oldest
        return oldest if oldest and oldest == self.params.get("passed") else ""


def seen_mark(records: Sequence[FoundRecord]) -> str:
    """Identify what the tail shows: the newest record, and a digest of all with their numbers.

    Of all, because a record may be committed after one that was made later.
    """
    digest = hashlib.sha256("".join(f"{record.id}.{record.seq} " for record in records).encode()).hexdigest()
    return f"{records[0].id}.{digest[:16]}" if records else "none"
