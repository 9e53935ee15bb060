"""Who touched what, when, from where: the records, with everything that is looked for in the address."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.audit_log.records import ORGANISATION
from apps.audit_reader import queries, search_service
from apps.audit_reader.queries import FoundRecord, Search
from apps.audit_reader.search_params import SPANS, format_search, parse_id, parse_search
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.interfaces.console import form_commands
from apps.interfaces.console.auditors import charts
from apps.interfaces.console.auditors.base import AuditorsPage
from apps.interfaces.console.auditors.operation_names import OPERATIONS
from apps.interfaces.console.page_context import zone_of
from apps.interfaces.console.templatetags.portal import moment

PAGE = 50
BUCKETS = 60
_DEFAULT_SPAN = "24h"
_FILTERS = ("vault", "operation", "caller", "object", "status", "address", "request_id")


@dataclass(frozen=True, slots=True)
class Row:
    """A record as the table shows it."""

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
    """One filter that holds, and the address without it."""

    label: str
    value: str
    without: str


class Explorer(AuditorsPage):
    permissions: ClassVar = {"get": Permission.AUDIT_READ}
    section = "auditors:records"
    template = "portal/auditors/records.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """A page of records; `part=rows`: what the live tail asks for again and again."""
        params = request.GET.dict()
        if any(_is_local(params.get(name, "")) for name in ("from", "to")):
            return redirect(_address(_in_utc(params, request)))  # so that the address says the same to everybody
        chosen = self.chosen(params)
        what = parse_search(params, log_id=chosen.log_id, zone=zone_of(request))
        grant = self.grant(chosen.scope)
        live = params.get("live") == "1"
        if params.get("part") == "rows":
            what = _since_an_hour(_bounded(what, params)[0])
            found = search_service.follow(grant=grant, what=what, limit=PAGE).records
            if params.get("seen") == _seen(found):
                return HttpResponse(status=204)  # nothing new: htmx leaves the table alone
            passed = _passed_by(params, found)
            shown: dict[str, Any] = {"rows": self._rows(found), "tail": _tail(params, found, passed), "passed": passed}
            return self.show(template=f"{self.template}#rows", live=True, **shown)
        what, span = _bounded(what, params)
        before = parse_id(params, "before")
        found, reached = search_service.read(grant=grant, what=what, limit=PAGE, before=before)
        until = what.until or now()
        bars = queries.histogram(log_id=what.log_id, since=what.since or until, until=until, buckets=BUCKETS)
        older = _address({**params, "before": str(reached)}) if reached else ""
        return self.show(
            rows=self._rows(found),
            chart=charts.histogram(
                bars, addresses=[_zoomed(params, *edge) for edge in _edges(bars, until)], until=until
            ),
            chips=self._chips(params, what),
            params=params,
            chosen=chosen,
            spans=[(name, _address({**_without(params, "from", "to", "before"), "last": name})) for name in SPANS],
            span=span,
            since=what.since,
            until=what.until,
            older=older,
            newest=_address(_without(params, "before")) if before else "",
            wider=_address({**_without(params, "from", "to", "before"), "last": "90d"}),
            export=_exported(params, what, until),
            share=request.build_absolute_uri(_address(_fixed(params, what, until))),
            live=live and not before,
            switch=_address({**_without(params, "before", "live", "to"), **({} if live else {"live": "1"})}),
            operations=OPERATIONS,
            query=params.get("q", ""),
            command=form_commands.records(_said(params, what, span), live=live and not before),
            tail=_tail(params, found),
            instead=_objects_called(params),
            vaults=self.vaults,
        )

    def _rows(self, found: list[FoundRecord]) -> list[Row]:
        return [row_of(self, record) for record in found]

    def _chips(self, params: Mapping[str, str], what: Search) -> list[Chip]:
        labels = {
            "vault": "vault",
            "operation": "operation",
            "caller": "caller",
            "object": "object",
            "status": "result",
            "address": "address",
            "request_id": "request",
        }
        chips = [
            Chip(labels[name], params[name], _address(_without(params, name, "before")))
            for name in _FILTERS
            if params.get(name)
        ]
        if what.since is not None and params.get("from"):
            until = moment(what.until) if params.get("to") else "now"
            chips.append(
                Chip(
                    "time",
                    f"{moment(what.since)} \N{EN DASH} {until}",
                    _address(_without(params, "from", "to", "before")),
                )
            )
        return chips


class OneRecord(AuditorsPage):
    permissions: ClassVar = {"get": Permission.AUDIT_READ}
    section = "auditors:records"
    template = "portal/auditors/record.html"

    def get(self, request: HttpRequest, record_id: UUID) -> HttpResponse:
        """Everything that one record says, those of the same request, and how it is proven."""
        del request
        opened = search_service.open_record(grant=self.grant(), record_id=record_id)
        record = opened.record
        return self.show(
            row=row_of(self, record),
            record=record,
            details=_details(record.body.get("properties", {})),
            neighbours=[row_of(self, other) for other in opened.neighbours],
            inclusion=opened.inclusion,
            around=_address({"vault": self._vault(record), **_around(record.at)}),
            whole=orjson.dumps(queries.as_line(record), option=orjson.OPT_INDENT_2).decode(),
            of=_more_of(record, self._vault(record)),
        )

    def _vault(self, record: FoundRecord) -> str:
        log_id = UUID(record.header["log"])
        return "-" if log_id == ORGANISATION else self.names.vault(log_id)


class OwnReading(AuditorsPage):
    permissions: ClassVar = {"get": Permission.AUDIT_READ}
    section = "auditors:reading"
    template = "portal/auditors/reading.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """What the person who looks has looked at: auditors are recorded as everybody is."""
        what = Search(caller=self.principal.name)
        before = parse_id(request.GET.dict(), "before")
        found, reached = search_service.read(grant=self.grant(), what=what, limit=PAGE, before=before)
        older = f"?{urlencode({'before': str(reached)})}" if reached else ""
        rows = [(row_of(self, record), _criteria(record)) for record in found]
        return self.show(rows=rows, older=older)


class Find(AuditorsPage):
    permissions: ClassVar = {"get": Permission.AUDIT_READ}

    def get(self, request: HttpRequest) -> HttpResponse:
        """From one field to the explorer: an id, an address, an object or a caller."""
        self.grant()
        text = request.GET.get("q", "").strip()[:300]
        return redirect(_meant(text))


def row_of(page: AuditorsPage, record: FoundRecord) -> Row:
    """A record with names for ids."""
    status = int(record.header["status"])
    level = "wrong" if record.problem else "attention" if status >= 400 else "ok"
    return Row(record, page.names.vault(UUID(record.header["log"])), page.names.caller(record.caller), level)


def _more_of(record: FoundRecord, vault: str) -> dict[str, str]:
    """Where the other records are of this caller, from this address, and about this object (of any version)."""
    item = "/".join(record.object_id.split("/")[:2])
    asked = {
        "caller": {"caller": record.caller},
        "address": {"address": str(record.body.get("callerIpAddress", ""))},
        "object": {"vault": vault, "object": item} if item.count("/") == 1 else {"object": ""},
    }
    return {name: _address({**what, "last": "30d"}) for name, what in asked.items() if what[name]}


def _objects_called(params: Mapping[str, str]) -> list[tuple[str, str]]:
    """What somebody may have meant who looked for a caller in vain: (object, its address)."""
    name = params.get("caller", "").strip()
    if not name or "/" in name:
        return []
    objects = [f"{kind}/{name}" for kind in ("keys", "secrets", "certificates")]
    return [(found, _address({**_without(params, "caller", "before", "live"), "object": found})) for found in objects]


def _meant(text: str) -> str:
    compact = text.replace("-", "")
    if len(compact) == 32 and all(letter in "0123456789abcdefABCDEF" for letter in compact):
        return _address({"request_id": text, "last": "90d"})
    if "/" in text:
        return _address({"object": text, "last": "30d"})
    if text and all(letter in "0123456789abcdefABCDEF.:" for letter in text) and ("." in text or ":" in text):
        return _address({"address": text, "last": "30d"})
    return _address({"caller": text, "last": "30d"} if text else {})


def _address(params: Mapping[str, str]) -> str:
    kept = {name: value for name, value in params.items() if value and name not in ("part", "seen", "passed")}
    return reverse("auditors:records") + (f"?{urlencode(kept)}" if kept else "")


def _without(params: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in params.items() if name not in names}


def _is_local(text: str) -> bool:
    """A time as a form gives it: without a zone."""
    try:
        return bool(text) and datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return False


def _in_utc(params: Mapping[str, str], request: HttpRequest) -> dict[str, str]:
    what = parse_search({name: params.get(name, "") for name in ("from", "to")}, log_id=None, zone=zone_of(request))
    times = {
        "from": format_search(what.since) if what.since else "",
        "to": format_search(what.until) if what.until else "",
    }
    return {**_without(params, "last"), **times}


def _bounded(what: Search, params: Mapping[str, str]) -> tuple[Search, str]:
    """With a beginning: a day, or the span that the address names. A request is looked for everywhere."""
    if what.since is not None:
        return what, ""
    span = params.get("last", "")
    span = span if span in SPANS else "90d" if what.request_id else _DEFAULT_SPAN
    return replace(what, since=(what.until or now()) - SPANS[span]), span


def _since_an_hour(what: Search) -> Search:
    """Beginning at a full hour: who follows asks the same all the time, which is recorded now and then."""
    return replace(what, since=what.since.replace(minute=0, second=0, microsecond=0) if what.since else None)


def _fixed(params: Mapping[str, str], what: Search, until: datetime) -> dict[str, str]:
    """The same with times that stay: for somebody who opens it tomorrow."""
    times = {"from": format_search(what.since or until), "to": format_search(until + timedelta(seconds=1))}
    return {**_without(params, "last", "live", "before"), **times}


def _exported(params: Mapping[str, str], what: Search, until: datetime) -> str:
    """The query API's address for the same records as a file."""
    query = {name: value for name, value in _fixed(params, what, until).items() if name in (*_FILTERS, "from", "to")}
    return f"/api/v1/audit/export?{urlencode({name: value for name, value in query.items() if value})}"


def _said(params: Mapping[str, str], what: Search, span: str) -> dict[str, str]:
    """What the command line is told, for the same records; a span stays one."""
    query = {name: params.get(name, "").strip() for name in _FILTERS}
    times = {
        "from": format_search(what.since) if what.since else "",
        "to": format_search(what.until) if what.until else "",
    }
    return {**query, **({"last": span, "to": times["to"]} if span else times)}


def _edges(bars: list[tuple[datetime, int, int]], until: datetime) -> list[tuple[datetime, datetime]]:
    starts = [bar[0] for bar in bars]
    return list(zip(starts, [*starts[1:], until], strict=True))


def _zoomed(params: Mapping[str, str], since: datetime, until: datetime) -> str:
    if until - since < timedelta(minutes=1):
        until = since + timedelta(minutes=1)
    return _address(
        {**_without(params, "last", "before", "live"), "from": format_search(since), "to": format_search(until)}
    )


def _around(at: datetime) -> dict[str, str]:
    minute = timedelta(minutes=1)
    return {"from": format_search(at - minute), "to": format_search(at + minute)}


def _seen(found: list[FoundRecord]) -> str:
    """What the tail has seen: the newest record, and all that are shown, with whether they had their numbers.

    All, because a record may be committed after one that was made later.
    """
    whole = hashlib.sha256("".join(f"{record.id}.{record.seq} " for record in found).encode()).hexdigest()
    return f"{found[0].id}.{whole[:16]}" if found else "none"


def _passed_by(params: Mapping[str, str], found: list[FoundRecord]) -> str:
    """The oldest record shown when more had happened since the last look; said as long as it is the oldest."""
    newest, oldest = params.get("seen", "").partition(".")[0], str(found[-1].id) if found else ""
    if len(found) == PAGE and newest < oldest and newest:
        return oldest
    return oldest if oldest and oldest == params.get("passed") else ""


def _tail(params: Mapping[str, str], found: list[FoundRecord], passed: str = "") -> str:
    kept = _without(params, "before", "part", "seen", "passed", "live")
    query = {**kept, "part": "rows", "seen": _seen(found), **({"passed": passed} if passed else {})}
    return f"{reverse('auditors:records')}?{urlencode(query)}"


def _details(properties: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a body says beside that which has a line of its own."""
    told = frozenset({"id", "phase", "vault", "httpStatusCode"})
    return [(name, str(value)) for name, value in properties.items() if value != "" and name not in told]


def _criteria(record: FoundRecord) -> list[tuple[str, str]]:
    """What a record of reading says was looked for."""
    criteria = record.body.get("properties", {}).get("criteria", {})
    return [(str(name), str(value)) for name, value in criteria.items()] if isinstance(criteria, dict) else []
