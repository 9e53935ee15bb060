"""The front of the web process, which serves the vaults and the token service and forwards the portals' requests.

What anybody may ask for (tokens, and requests without a token) has few slots of its own and a bounded queue, so that it
takes neither the slots nor much of the interpreter from the requests of applications.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from apps.domain.events.waiting import EventWatch, Outcome
from apps.domain.vaults.queries import peek_world
from apps.interfaces.http_server.front import Front, Route, WsgiApplication, bounded, complete
from apps.interfaces.http_server.slots import Slots
from apps.interfaces.keyvault_api.hosts import TOKEN_LABELS, host_of
from apps.interfaces.keyvault_api.messages import WAIT

_TOKEN_SLOTS, _ANONYMOUS_SLOTS = 4, 1
_DATA_PLANE_WAITS = 1.5  # seconds for a slot: the SDKs repeat a request that is refused, and wait longer each time
_PART_BESIDE_OTHERS = 3  # of the slots, a third: requests of a burst slow down others by all that are worked on
_MOST_SERVING = 50_000  # names of vaults, some MB
_NO_PLACE = ("Retry-After", "5")  # for a reader of events who would wait where too many wait


class VaultsFront(Front):
    """`application`: of the vaults and the token service. `portal`: of the portal host."""

    def __init__(self, application: WsgiApplication, portal: WsgiApplication) -> None:
        super().__init__()
        self._application = application
        self._serving: dict[str, str] = {}  # vaults that have answered a request of a caller: the worlds by name
        # By world, so that none waits for the HSM of another; "": of vaults that have answered nobody.
        self._slots: defaultdict[str, Slots] = defaultdict(_data_plane_slots)
        self._making_slots = threading.Lock()
        self._keys, self._vaults = Route(128 * 1024, self._serve_vault), Route(512 * 1024, self._serve_vault)
        self._strangers = Route(512 * 1024, bounded(application, _ANONYMOUS_SLOTS))
        self._tokens = Route(64 * 1024, bounded(application, _TOKEN_SLOTS))
        self._events, self._watch = Route(1024, self._serve_events), EventWatch()
        self._portal = Route(256 * 1024, portal)

    def route_of(self, environ: Mapping[str, Any]) -> Route:
        """By host, then by the token."""
        host = host_of(environ)
        if host is not None and host.label in settings.HOSTS:
            return self._tokens if host.label in TOKEN_LABELS else self._portal
        if host is None or not environ.get("HTTP_AUTHORIZATION"):
            return self._strangers
        path = str(environ["PATH_INFO"])
        if path.lower().rstrip("/") == "/events":
            return self._events
        return self._keys if path.startswith("/keys/") else self._vaults

    def _serve_vault(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
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
        with self._making_slots:
            slots = self._slots[world or ""]
        if world is not None:
            with slots.taken(vault):
                return complete(self._application(environ, start_response))
        with slots.taken():
            return complete(self._application(environ, note_success))

    def _serve_events(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serve a reader of events, who waits without a slot if there are none yet."""
        answer = _Answer()
        body = self._serve_vault(environ, answer.start)
        wait = environ.pop(WAIT, None)
        if wait is not None:
            outcome = self._watch.wait(wait)
            if outcome is Outcome.NEW:
                body = self._serve_vault(environ, answer.start)
            elif outcome is Outcome.NO_PLACE:
                answer.headers = [*answer.headers, _NO_PLACE]
        start_response(answer.status, answer.headers)
        return body


class _Answer:
    """The beginning of an answer, which may still be replaced."""

    status = ""
    headers: list[tuple[str, str]] = []

    def start(self, status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        self.status, self.headers = status, headers


def _data_plane_slots() -> Slots:
    number = settings.DATA_PLANE_SLOTS
    return Slots(number, longest_wait=_DATA_PLANE_WAITS, beside_others=max(1, number // _PART_BESIDE_OTHERS))
