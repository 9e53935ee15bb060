"""The query API of auditors: searches, exports, and what a verification elsewhere needs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import orjson
from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log import auditverify
from apps.audit_log.operation_names import Operation
from apps.audit_reader import integrity, packverify, search_params, search_service, staleness
from apps.audit_reader.decryption import is_available
from apps.audit_reader.queries import LARGEST_PAGE, FoundRecord, Search, as_line
from apps.audit_reader.stall_thresholds import most_severe
from apps.audit_reader.trusted_keys import vkeys
from apps.core.clock import now
from apps.core.errors import BadRequest
from apps.core.principals import PersonRole
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.vaults.queries import list_logged_vaults
from apps.interfaces.management_api.audit_serializers import (
    CheckpointSerializer,
    LogSerializer,
    PageSerializer,
    ProofSerializer,
    RecordSerializer,
)
from apps.interfaces.management_api.authentication import SignedIn
from apps.interfaces.management_api.base import Resource, endpoint
from apps.log_delivery.queries import list_statuses

_FILTERS = [
    OpenApiParameter("vault", str, description="a vault's name; - for the organisation's own log"),
    OpenApiParameter("from", str, description="not before this time, ISO 8601"),
    OpenApiParameter("to", str, description="before this time, ISO 8601"),
    OpenApiParameter("operation", str),
    OpenApiParameter("caller", str, description="a person's or an application's name, or its client id"),
    OpenApiParameter("object", str, description="keys/name, with or without a version"),
    OpenApiParameter("status", str, description="an HTTP status, or refused, or done"),
    OpenApiParameter("address", str),
    OpenApiParameter("request_id", OpenApiTypes.UUID),
]
_PAGE = [
    OpenApiParameter("limit", int),
    OpenApiParameter("before", OpenApiTypes.UUID, description="from `next`"),
    OpenApiParameter("after", OpenApiTypes.UUID, description="to follow: only records newer than this one"),
]


class AuditResource(Resource):
    """What auditors read; other people who have signed in get 404."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        user = request.user
        if not isinstance(user, SignedIn) or user.principal.role is not PersonRole.AUDITOR:
            raise NotFound


class Searches(AuditResource):
    """Searches in one log or in all: the query says what for."""

    search: Search

    def scope(self) -> Scope:
        """The log that the query names. Raises `VaultNotFound`, `InvalidSearch`."""
        query = self.request.query_params
        chosen = search_service.choose_log(query.get("vault", ""))
        self.search = search_params.parse_search(query.dict(), log_id=chosen.log_id)
        return chosen.scope

    @endpoint(
        Operation.LOG_READ,
        Permission.AUDIT_READ,
        parameters=[*_FILTERS, *_PAGE],
        responses=PageSerializer,
        operation_id="records_list",
    )
    def list_records(self) -> Response:
        """Find records, newest first. `next` is the page after this one; one may have fewer than `limit`, or none.

        With `after` a page has the oldest of those that are newer, and following is recorded once a minute.
        """
        query, limit = self.request.query_params, _limit(self.request)
        before, after = (search_params.parse_id(query, name) for name in ("before", "after"))
        if before and after:
            raise BadRequest("Give before or after, not both.")
        if after:
            page = search_service.follow(grant=self.grant, what=self.search, limit=limit, after=after)
        else:
            page = search_service.read(grant=self.grant, what=self.search, limit=limit, before=before)
        following = None
        if page.reached:
            parameters = urlencode({**query.dict(), "after" if after else "before": str(page.reached)})
            following = self.request.build_absolute_uri(f"{self.request.path}?{parameters}")
        return Response({"records": [as_line(record) for record in page.records], "next": following})

    @endpoint(
        Operation.LOG_EXPORT,
        Permission.AUDIT_READ,
        parameters=_FILTERS,
        responses={(200, "application/x-ndjson"): OpenApiTypes.STR},
    )
    def export(self) -> StreamingHttpResponse:
        """Stream them as NDJSON, newest first, however many there are."""
        records = search_service.export(grant=self.grant, what=self.search)
        first = next(records, None)  # an error is an error response, not a file that ends early
        lines = _lines([first] if first is not None else [], records)
        answer = StreamingHttpResponse(lines, content_type="application/x-ndjson")
        answer["Content-Disposition"] = 'attachment; filename="records.ndjson"'
        return answer

    @endpoint(
        Operation.LOG_READ,
        Permission.AUDIT_READ,
        lists=CheckpointSerializer,
        parameters=[
            OpenApiParameter("vault", str, required=True, description="a vault's name; - for the organisation's log"),
            OpenApiParameter("below", int, description="only of sizes below this one"),
            OpenApiParameter("limit", int),
        ],
    )
    def list_checkpoints(self) -> Any:
        """List them, the newest first: keep one elsewhere, and the log cannot be rewritten unnoticed."""
        if self.search.log_id is None:
            raise BadRequest("Name a vault, or - for the organisation's log.")
        below = self.request.query_params.get("below", "")
        if below and not (below.isascii() and below.isdecimal() and len(below) <= 18):
            raise BadRequest("below is a number of records.")
        size = int(below) if below else None
        return integrity.list_checkpoints(log_id=self.search.log_id, limit=_limit(self.request), below=size)


class Records(AuditResource):
    """Single records."""

    @endpoint(Operation.LOG_READ, Permission.AUDIT_READ, responses=RecordSerializer, operation_id="records_retrieve")
    def retrieve(self) -> Response:
        """Read one record, its header, and those of the same request."""
        opened = search_service.open_record(grant=self.grant, record_id=self.kwargs["record_id"])
        neighbours = [as_line(other) for other in opened.neighbours]
        return Response({**as_line(opened.record), "header": opened.record.header, "neighbours": neighbours})

    @endpoint(
        Operation.LOG_READ,
        Permission.AUDIT_READ,
        returns=ProofSerializer,
        parameters=[OpenApiParameter("record", OpenApiTypes.UUID, required=True)],
    )
    def prove(self) -> Any:
        """What `auditverify inclusion` reads: the record's number, a checkpoint, and the path to its root."""
        record_id = search_params.parse_id(self.request.query_params, "record")
        if record_id is None:
            raise BadRequest("Name a record by its id.")
        opened = search_service.open_record(grant=self.grant, record_id=record_id)
        proof = integrity.proof_of(record=opened.record)
        return Response({**proof.as_proof(), "problem": proof.problem})


class Logs(AuditResource):
    """Logs, and what verifies them elsewhere."""

    @endpoint(Operation.LOG_READ, Permission.AUDIT_READ, lists=LogSerializer)
    def list(self) -> Any:
        """List every log with its newest checkpoint, what was found wrong in it, and what waits since when.

        Times are of the log itself: a sequencer, a check or a delivery that hangs cannot make them look fresh.
        """
        moment = now()
        checks = stalled.level if (stalled := staleness.checking(now=moment)) else "ok"
        deliveries = {
            status.destination.vault_id: {
                "delivered": status.state.delivered,
                "last_delivered": status.state.last_delivered,
                "waiting_since": status.since,
                "state": status.level(now=moment),
            }
            for status in list_statuses()
        }
        names = {vault.pk: vault.name for vault in list_logged_vaults()}
        incidents = defaultdict(list)
        for row in integrity.list_incidents(limit=1000):
            incidents[row.log_id].append(row)
        return [
            {
                **asdict(log),
                "vault": names.get(log.log_id, ""),
                "incidents": incidents[log.log_id],
                "unnumbered": log.waiting.records if log.waiting else 0,
                "state": most_severe((log.level, log.pace(now=moment), checks)),
                "delivery": deliveries.get(log.log_id),
            }
            for log in integrity.list_logs(waiting=staleness.count_unsequenced(now=moment))
        ]

    @endpoint(Operation.LOG_READ, Permission.AUDIT_READ, responses={(200, "text/plain"): OpenApiTypes.STR})
    def list_vkeys(self) -> HttpResponse:
        """One line a key, as `auditverify --vkey` takes it; the one in use first."""
        return HttpResponse("".join(f"{key}\n" for key in vkeys()), content_type="text/plain; charset=utf-8")

    @endpoint(Operation.LOG_READ, Permission.AUDIT_READ, responses={(200, "text/x-python"): OpenApiTypes.STR})
    def get_verifier(self) -> HttpResponse:
        """The program `auditverify.py`: one file, Python and the package cryptography, no network."""
        return _program(auditverify)

    @endpoint(Operation.LOG_READ, Permission.AUDIT_READ, responses={(200, "text/x-python"): OpenApiTypes.STR})
    def get_pack_verifier(self) -> HttpResponse:
        """The program `packverify.py`, which uses `auditverify.py` beside it. Do not take the one out of a pack."""
        return _program(packverify)


def health(_request: HttpRequest) -> HttpResponse:
    """Report whether records can be read: the database answers, and the audit worker with its token."""
    try:
        connection.ensure_connection()
    except DatabaseError:
        return JsonResponse({"status": "database away"}, status=503)
    healthy = is_available()
    return JsonResponse({"status": "ok" if healthy else "audit worker away"}, status=200 if healthy else 503)


def _program(module: ModuleType) -> HttpResponse:
    """The source of a program, to save."""
    path = Path(str(module.__file__))
    answer = HttpResponse(path.read_bytes(), content_type="text/x-python; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{path.name}"'
    return answer


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", "100")
    if not (text.isascii() and text.isdecimal() and len(text) <= 9 and 1 <= int(text) <= LARGEST_PAGE):
        raise BadRequest(f"limit is a number from 1 to {LARGEST_PAGE}.")
    return int(text)


def _lines(*parts: Iterable[FoundRecord]) -> Iterator[bytes]:
    for part in parts:
        for record in part:
            yield orjson.dumps(as_line(record)) + b"\n"
