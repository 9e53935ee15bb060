"""The WSGI application in front of all others: a complete request, then a slot, then the application.

What anybody may ask for (tokens, pages, sign-ins, and requests without a token) has few slots of its own and a bounded
queue, so that it takes neither the slots nor much of the interpreter from the requests of applications.
"""

import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import orjson
from django.conf import settings
from django.db import connections

from apps.core.address_blocks import address_block
from apps.core.busy import Busy, Places
from apps.domain.vaults.queries import peek_world
from apps.interfaces.http_server.request_body import Incomplete, LengthRequired, TooLarge, read_body
from apps.interfaces.http_server.slots import Slots
from apps.interfaces.keyvault_api.hosts import host_of

WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]

_TOKEN_SLOTS, _ANONYMOUS_SLOTS, _PORTAL_SLOTS, _SIGN_IN_SLOTS = 4, 1, 2, 3
_DATA_PLANE_WAITS = 1.5  # seconds for a slot: the SDKs repeat a request that is refused, and wait longer each time
_SIGN_INS_OF_A_SENDER = 2  # at once: one more than hashes, for what needs none, and one slot less than there are
_MOST_SERVING = 50_000  # names of vaults, some MB
_MOST, _MOST_OF_A_SENDER = 64, 16  # requests that have one of these slots or wait; a browser opens six connections
# A thread that renders a page gives the interpreter to one that serves a key after this time; Python's own 5 ms are
# paid several times in each request. Measured beside 1, 2 and 4 busy threads: a third to a tenth of the time, and no
# fewer requests for each second of CPU; with 0.2 ms there are.
_SWITCH_SECONDS = 0.0005
_HASHING_PATHS = ("/account/", "/invitation/")
_STATUS_LINES = {
    408: "408 Request Timeout",
    411: "411 Length Required",
    413: "413 Content Too Large",
    503: "503 Service Unavailable",
}
_CODES = {408: "RequestTimeout", 411: "LengthRequired", 413: "RequestTooLarge", 503: "ServiceUnavailable"}


class _Route(NamedTuple):
    largest: int  # bytes of a body that the application may want: it has limits below these for each address
    slots: Slots
    bounded: bool = True  # its queue is; that of the data plane is bounded by the connections


class Front:
    """The application of a web process."""

    def __init__(self, application: WsgiApplication) -> None:
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._application = application
        self._serving: dict[str, str] = {}  # vaults that have answered a request of a caller: the worlds by name
        # By world, so that none waits for the HSM of another; "": of vaults that have answered nobody.
        self._slots: defaultdict[str, Slots] = defaultdict(_data_plane_slots)
        self._making_slots = threading.Lock()
        data_plane = self._slots[""]
        self._keys, self._vaults = _Route(128 * 1024, data_plane, False), _Route(512 * 1024, data_plane, False)
        self._strangers = _Route(512 * 1024, _bounded(_ANONYMOUS_SLOTS))
        self._tokens = _Route(64 * 1024, _bounded(_TOKEN_SLOTS))
        self._portals = _Route(256 * 1024, _bounded(_PORTAL_SLOTS))
        self._sign_ins = _Route(64 * 1024, _bounded(_SIGN_IN_SLOTS, at_once=_SIGN_INS_OF_A_SENDER))

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        route = self._route_of(environ)
        try:
            environ["wsgi.input"] = read_body(environ, largest=route.largest)
            if not route.bounded:
                return self._serve_vault(environ, start_response, route.slots)
            block = address_block(str(environ.get("REMOTE_ADDR", "")))
            with route.slots.taken(block):
                return _complete(self._application(environ, start_response))
        except Incomplete:
            return _refuse(environ, start_response, 408, "The request did not arrive in time. Send it again.")
        except LengthRequired:
            return _refuse(environ, start_response, 411, "Send the body with its Content-Length, not in chunks.")
        except TooLarge:
            return _refuse(environ, start_response, 413, "The body of the request is too large.")
        except Busy as error:
            return _refuse(environ, start_response, 503, error.message, ("Retry-After", str(error.retry_after)))

    def _serve_vault(self, environ: dict[str, Any], start_response: Any, slots: Slots) -> Iterable[bytes]:
        """Vaults of a world share its slots. All names that have served nobody share others: anyone can invent them."""
        host = host_of(environ)
        vault = host.label if host is not None else ""

        def note_success(status: str, headers: Any, *exc_info: Any) -> Any:
            if status.startswith("2"):
                if len(self._serving) > _MOST_SERVING:
                    self._serving.clear()
                self._serving[vault] = peek_world(name=vault)
            return start_response(status, headers, *exc_info)

        world = self._serving.get(vault)
        if world is not None:
            with self._making_slots:
                slots = self._slots[world]
            with slots.taken(vault):
                return _complete(self._application(environ, start_response))
        with slots.taken():
            return _complete(self._application(environ, note_success))

    def _route_of(self, environ: Mapping[str, Any]) -> _Route:
        host = host_of(environ)
        if host is not None and host.label in settings.HOSTS:
            if host.label == "login":
                return self._tokens
            return self._sign_ins if _hashes(environ) else self._portals
        if host is None or not environ.get("HTTP_AUTHORIZATION"):
            return self._strangers
        return self._keys if str(environ["PATH_INFO"]).startswith("/keys/") else self._vaults


def _data_plane_slots() -> Slots:
    return Slots(settings.DATA_PLANE_SLOTS, longest_wait=_DATA_PLANE_WAITS)


def _bounded(slots: int, *, at_once: int = 0) -> Slots:
    """`at_once`: slots that one sender may have; 0: all of them."""
    if not settings.CONNECTIONS_PER_ADDRESS:  # behind a reverse proxy all requests come from one address
        return Slots(slots, Places(most=_MOST, most_of_a_sender=_MOST, at_once=slots))
    return Slots(slots, Places(most=_MOST, most_of_a_sender=_MOST_OF_A_SENDER, at_once=at_once or slots))


def _hashes(environ: Mapping[str, Any]) -> bool:
    """Tell whether a request to a portal may ask for the hash of a password."""
    if str(environ.get("HTTP_AUTHORIZATION", ""))[:6].lower() == "basic ":
        return True
    return environ["REQUEST_METHOD"] == "POST" and str(environ["PATH_INFO"]).startswith(_HASHING_PATHS)


def _complete(answer: Iterable[bytes]) -> Iterable[bytes]:
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
    if host is not None and host.label == "login":  # RFC 6749 section 5.2
        code = "temporarily_unavailable" if status == 503 else "invalid_request"
        body, kind = orjson.dumps({"error": code, "error_description": message}), "application/json"
    elif host is not None and host.label in settings.HOSTS and not str(environ["PATH_INFO"]).startswith("/api/"):
        body, kind = message.encode(), "text/plain; charset=utf-8"
    else:
        body = orjson.dumps({"error": {"code": _CODES[status], "message": message}})
        kind = "application/json; charset=utf-8"
    fixed = [("Content-Type", kind), ("Content-Length", str(len(body))), ("X-Content-Type-Options", "nosniff")]
    start_response(_STATUS_LINES[status], [*fixed, ("Cache-Control", "no-store"), *headers])
    return [body]
