"""The WSGI application in front of all others: a complete request, then the application.

`VaultsFront` and `PagesFront` choose by route how large a body may be and which slots the request waits for.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import orjson
from django.conf import settings
from django.db import connections

from apps.core.address_blocks import address_block
from apps.core.busy import Busy, Places
from apps.interfaces.http_server.request_body import Incomplete, LengthRequired, TooLarge, read_body
from apps.interfaces.http_server.slots import Slots
from apps.interfaces.keyvault_api.hosts import RESOURCE_MANAGER_LABEL, TOKEN_LABELS, Host, host_of

WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]

_MOST, _MOST_OF_A_SENDER = 64, 16  # requests that have one of these slots or wait; a browser opens six connections
# A thread that renders a page gives the interpreter to another one after this time; Python's own 5 ms are
# paid several times in each request. Measured beside 1, 2 and 4 busy threads: a third to a tenth of the time, and no
# fewer requests for each second of CPU; with 0.2 ms there are.
_SWITCH_SECONDS = 0.0005
_STATUS_LINES = {
    408: "408 Request Timeout",
    411: "411 Length Required",
    413: "413 Content Too Large",
    503: "503 Service Unavailable",
}
_CODES = {408: "RequestTimeout", 411: "LengthRequired", 413: "RequestTooLarge", 503: "ServiceUnavailable"}


class Route(NamedTuple):
    """How the requests of a kind are served. `largest`: bytes of a body that the application may want.

    The application has limits below `largest` for each address.
    """

    largest: int
    serve: WsgiApplication


class Front(ABC):
    """Reads each request to its end, and refuses in the shape of the host's own errors."""

    def __init__(self) -> None:
        sys.setswitchinterval(_SWITCH_SECONDS)

    @abstractmethod
    def route_of(self, environ: Mapping[str, Any]) -> Route:
        """The route of a request. The body is not read yet."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        route = self.route_of(environ)
        try:
            environ["wsgi.input"] = read_body(environ, largest=route.largest)
            return route.serve(environ, start_response)
        except Incomplete:
            return _refuse(environ, start_response, 408, "The request did not arrive in time. Send it again.")
        except LengthRequired:
            return _refuse(environ, start_response, 411, "Send the body with its Content-Length, not in chunks.")
        except TooLarge:
            return _refuse(environ, start_response, 413, "The body of the request is too large.")
        except Busy as error:
            return _refuse(environ, start_response, 503, error.message, ("Retry-After", str(error.retry_after)))


def bounded(application: WsgiApplication, slots: int, *, at_once: int = 0) -> WsgiApplication:
    """Serve in few slots with a bounded queue. `at_once`: slots that one sender may have; 0: all of them."""
    if settings.CONNECTIONS_PER_ADDRESS:
        places = Places(most=_MOST, most_of_a_sender=_MOST_OF_A_SENDER, at_once=at_once or slots)
    else:  # behind a reverse proxy all requests come from one address
        places = Places(most=_MOST, most_of_a_sender=_MOST, at_once=slots)
    taken = Slots(slots, places).taken

    def serve(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with taken(address_block(str(environ.get("REMOTE_ADDR", "")))):
            return complete(application(environ, start_response))

    return serve


def complete(answer: Iterable[bytes]) -> Iterable[bytes]:
    """The whole answer while the slot is held. A stream, which a slow reader may keep open, is sent without one."""
    if isinstance(answer, list):
        return answer
    if getattr(answer, "streaming", False):
        return _Stream(answer)
    try:
        return [b"".join(answer)]
    finally:
        _close(answer)


class _Stream:
    """A stream, and the end of the database connections that its thread opened for it."""

    def __init__(self, answer: Iterable[bytes]) -> None:
        self._answer = answer
        self._parts = iter(answer)

    def __iter__(self) -> "_Stream":
        return self

    def __next__(self) -> bytes:
        return next(self._parts)

    def close(self) -> None:
        """PEP 3333: the server calls this at the end of each response."""
        _close(self._answer)
        connections.close_all()


def _close(answer: Any) -> None:
    if hasattr(answer, "close"):
        answer.close()


def _refuse(
    environ: Mapping[str, Any], start_response: Any, status: int, message: str, *headers: tuple[str, str]
) -> list[bytes]:
    """An answer in the shape of the host's own errors."""
    host = host_of(environ)
    if host is not None and host.label in TOKEN_LABELS:  # RFC 6749 section 5.2
        code = "temporarily_unavailable" if status == 503 else "invalid_request"
        body, kind = orjson.dumps({"error": code, "error_description": message}), "application/json"
    elif _shows_pages(host) and not str(environ["PATH_INFO"]).startswith("/api/"):
        body, kind = message.encode(), "text/plain; charset=utf-8"
    else:
        body = orjson.dumps({"error": {"code": _CODES[status], "message": message}})
        kind = "application/json; charset=utf-8"
    fixed = [("Content-Type", kind), ("Content-Length", str(len(body))), ("X-Content-Type-Options", "nosniff")]
    start_response(_STATUS_LINES[status], [*fixed, ("Cache-Control", "no-store"), *headers])
    return [body]


def _shows_pages(host: Host | None) -> bool:
    return host is not None and host.label in settings.HOSTS and host.label != RESOURCE_MANAGER_LABEL
