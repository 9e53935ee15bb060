"""The explorer: audit records by caller, object, operation, time and address. The page's address has the search."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.audit_log.operation_names import Category, Operation
from apps.audit_reader import queries, search_service
from apps.audit_reader.queries import FoundRecord, Search
from apps.audit_reader.search_params import format_search, parse_id, parse_search
from apps.core.clock import now
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.interfaces.console import charts, form_commands
from apps.interfaces.console.auditors.base import AuditorsPage
from apps.interfaces.console.auditors.explorer_query import (
    FILTERS,
    PAGE,
    ExplorerQuery,
    explorer_address,
    seen_mark,
)
from apps.interfaces.console.page_context import zone_of
from apps.interfaces.console.templatetags.portal import moment

BUCKETS = 60
_SUGGESTED = sorted(operation for operation in Operation if operation.category is not Category.DENIAL)


@dataclass(frozen=True, slots=True)
class Row:
    """A record in the table."""

    record: FoundRecord
    vault: str
    caller: str
    level: str  # of the result's pill

    @property
    def result(self) -> str:
        """The HTTP status in a word."""
        return str(self.record.body.get("resultSignature") or self.record.header["status"])


@dataclass(frozen=True, slots=True)
class Chip:
    """One active filter, and the address without it."""

    label: str
    value: str
    without: str


class Explorer(AuditorsPage):
    permissions: ClassVar = {"get": Permission.AUDIT_READ}
    section = "auditors:records"
    template = "portal/auditors/records.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show a page of records; with `part=rows`, the rows that the live tail requests repeatedly."""
        params = request.GET.dict()
        if any(_is_local(params.get(name, "")) for name in ("from", "to")):
            # So that the address means the same to everyone.
            return redirect(explorer_address(_in_utc(params, request)))
        chosen = self.chosen(params)
        query = ExplorerQuery.parse(params, log_id=chosen.log_id, zone=zone_of(request))
        grant = self.grant(chosen.scope)
        if params.get("part") == "rows":
            return self._rows_of_tail(grant, query)
        search, before = query.search, parse_id(params, "before")
        records, reached = search_service.read(grant=grant, what=search, limit=PAGE, before=before)
        until = search.until or now()
        live = query.is_live and not before
        return self.show(
            rows=self._rows(records),
            chart=self._histogram(query, until),
            chips=self._chips(query),
            params=params,
            chosen=chosen,
            spans=query.span_addresses(),
            span=query.span,
            since=search.since,
            until=search.until,
            older=query.address(before=str(reached)) if reached else "",
            newest=query.address("before") if before else "",
            wider=query.address("from", "to", "before", last="90d"),
            export=query.export_address(until),
            share=request.build_absolute_uri(explorer_address(query.fixed(until))),
            live=live,
            switch=query.live_switch(),
            operations=_SUGGESTED,
            query=params.get("q", ""),
            command=form_commands.records(query.command_params(), live=live),
            tail=query.tail_address(records),
            instead=query.object_addresses(),
            vaults=self.vaults,
        )

    def _rows_of_tail(self, grant: Grant, query: ExplorerQuery) -> HttpResponse:
        records = search_service.follow(grant=grant, what=query.followed, limit=PAGE).records
        if query.params.get("seen") == seen_mark(records):
            return HttpResponse(status=204)  # nothing new: htmx leaves the table alone
        passed = query.skipped_before(records)
        shown: dict[str, Any] = {"rows": self._rows(records), "tail": query.tail_address(records, passed)}
        return self.show(template=f"{self.template}#rows", live=True, passed=passed, **shown)

    def _rows(self, records: list[FoundRecord]) -> list[Row]:
        return [row_of(self, record) for record in records]

    def _histogram(self, query: ExplorerQuery, until: datetime) -> charts.Histogram:
        since = query.search.since or until
        bars = queries.histogram(log_id=query.search.log_id, since=since, until=until, buckets=BUCKETS)
        starts = [start for start, _total, _refused in bars]
        addresses = [query.zoom(*edges) for edges in zip(starts, [*starts[1:], until], strict=True)]
        return charts.histogram(bars, addresses=addresses, until=until)

    def _chips(self, query: ExplorerQuery) -> list[Chip]:
        labels = {"status": "result", "request_id": "request"}
        params, search = query.params, query.search
        chips = [
            Chip(labels.get(name, name), params[name], query.address(name, "before"))
            for name in FILTERS
            if params.get(name)
        ]
        if search.since is not None and params.get("from"):
            until = moment(search.until) if params.get("to") else "now"
            span = f"{moment(search.since)} \N{EN DASH} {until}"
            chips.append(Chip("time", span, query.address("from", "to", "before")))
        return chips


class OneRecord(AuditorsPage):
    permissions: ClassVar = {"get": Permission.AUDIT_READ}
    section = "auditors:records"
    template = "portal/auditors/record.html"

    def get(self, request: HttpRequest, record_id: UUID) -> HttpResponse:
        """Show one record, those of the same request, and its proof."""
        del request
        opened = search_service.open_record(grant=self.grant(), record_id=record_id)
        record = opened.record
        vault = self.names.parameter(UUID(record.header["log"]))
        return self.show(
            row=row_of(self, record),
            record=record,
            details=_details(record.body.get("properties", {})),
            neighbours=[row_of(self, other) for other in opened.neighbours],
            inclusion=opened.inclusion,
            around=explorer_address({"vault": vault, **_around(record.at)}),
            whole=orjson.dumps(queries.as_line(record), option=orjson.OPT_INDENT_2).decode(),
            of=_related_addresses(record, vault),
        )


class OwnActivity(AuditorsPage):
    operation = Operation.PAGE_OWN_READING
    permissions: ClassVar = {"get": Permission.AUDIT_READ}
    section = "auditors:reading"
    template = "portal/auditors/reading.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the reader's own reading: auditors are recorded like everyone else."""
        search = Search(caller=self.principal.name)
        before = parse_id(request.GET.dict(), "before")
        found, reached = search_service.read(grant=self.grant(), what=search, limit=PAGE, before=before)
        older = f"?{urlencode({'before': str(reached)})}" if reached else ""
        rows = [(row_of(self, record), _criteria(record)) for record in found]
        return self.show(rows=rows, older=older)


class RecordFinder(AuditorsPage):
    operation = Operation.PAGE_FIND
    permissions: ClassVar = {"get": Permission.AUDIT_READ}

    def get(self, request: HttpRequest) -> HttpResponse:
        """Redirect from one field to the explorer: an id, an address, an object or a caller."""
        self.grant()
        text = request.GET.get("q", "").strip()[:300]
        return redirect(_address_of_text(text))


def row_of(page: AuditorsPage, record: FoundRecord) -> Row:
    """Make the row of a record, with names for ids."""
    status = int(record.header["status"])
    level = "wrong" if record.problem else "attention" if status >= 400 else "ok"
    return Row(record, page.names.vault(UUID(record.header["log"])), page.names.caller(record.caller), level)


def _related_addresses(record: FoundRecord, vault: str) -> dict[str, str]:
    """The addresses of other records of this caller, from this address, and of this object (any version)."""
    item = "/".join(record.object_id.split("/")[:2])
    searches = {
        "caller": {"caller": record.caller},
        "address": {"address": str(record.body.get("callerIpAddress", ""))},
        "object": {"vault": vault, "object": item} if item.count("/") == 1 else {"object": ""},
    }
    return {name: explorer_address({**params, "last": "30d"}) for name, params in searches.items() if params[name]}


def _address_of_text(text: str) -> str:
    compact = text.replace("-", "")
    if len(compact) == 32 and all(letter in "0123456789abcdefABCDEF" for letter in compact):
        return explorer_address({"request_id": text, "last": "90d"})
    if "/" in text:
        return explorer_address({"object": text, "last": "30d"})
    if text and all(letter in "0123456789abcdefABCDEF.:" for letter in text) and ("." in text or ":" in text):
        return explorer_address({"address": text, "last": "30d"})
    return explorer_address({"caller": text, "last": "30d"} if text else {})


def _is_local(text: str) -> bool:
    """Return whether a time has no zone, as times of forms."""
    try:
        return bool(text) and datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return False


def _in_utc(params: Mapping[str, str], request: HttpRequest) -> dict[str, str]:
    search = parse_search({name: params.get(name, "") for name in ("from", "to")}, log_id=None, zone=zone_of(request))
    times = {
        "from": format_search(search.since) if search.since else "",
        "to": format_search(search.until) if search.until else "",
    }
    return {**params, "last": "", **times}


def _around(at: datetime) -> dict[str, str]:
    minute = timedelta(minutes=1)
    return {"from": format_search(at - minute), "to": format_search(at + minute)}


def _details(properties: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The properties of a body that have no line of their own."""
    shown = frozenset({"id", "phase", "vault", "httpStatusCode"})
    return [(name, str(value)) for name, value in properties.items() if value != "" and name not in shown]


def _criteria(record: FoundRecord) -> list[tuple[str, str]]:
    """The criteria in a record of reading."""
    criteria = record.body.get("properties", {}).get("criteria", {})
    return [(str(name), str(value)) for name, value in criteria.items()] if isinstance(criteria, dict) else []
