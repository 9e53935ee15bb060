"""The web's end of the lane: packets over the Unix sockets that a world's HSM workers open.

One request is in flight on a connection; an idle connection is kept for the next. A use goes to the worker with
the fewest requests in flight. A worker that vanishes costs one try elsewhere, then the caller hears 503.
"""

import socket
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.core.errors import Unavailable, raise_named
from apps.domain.hsm_client.protocol import Request, pack_request, unpack_answer

ANSWER_SECONDS = 1.8  # R4: a 503 within 2 s
LARGEST_PACKET = 192 * 1024
_LOOK_AGAIN_SECONDS = 1.0  # how often the directory is read for new workers


class HsmUnavailable(Unavailable):
    """No HSM worker of the world answers, or its HSM does not."""


class _Worker:
    """One socket of one HSM worker, with its idle connections."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.in_flight = 0
        self._idle: list[socket.socket] = []

    def ask(self, packet: bytes, timeout: float) -> bytes:
        """One round trip. Raises `OSError` when the worker is gone, `TimeoutError` when it is silent.

        Kept connections break when the worker was restarted: that costs a new connection, not a refusal.
        """
        kept = self._take_idle()
        if kept is not None:
            try:
                return self._exchange(kept, packet, timeout)
            except TimeoutError:
                raise
            except OSError:
                self._forget_idle()
        return self._exchange(self._connect(), packet, timeout)

    def _exchange(self, connection: socket.socket, packet: bytes, timeout: float) -> bytes:
        try:
            connection.settimeout(timeout)
            connection.sendall(packet)
            answer = connection.recv(LARGEST_PACKET)
            if not answer:
                raise ConnectionResetError(f"{self.path.name} closed the connection")
        except OSError:
            connection.close()  # a late answer must never meet the next question
            raise
        self._idle.append(connection)
        return answer

    def _take_idle(self) -> socket.socket | None:
        try:
            return self._idle.pop()  # atomic; another thread may have taken the last one a moment ago
        except IndexError:
            return None

    def _forget_idle(self) -> None:
        while (connection := self._take_idle()) is not None:
            connection.close()

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST_PACKET)
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(self.path))
        except OSError:
            connection.close()
            raise
        return connection


class HsmClient:
    """All workers of one security world, as one process sees them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._workers: dict[Path, _Worker] = {}
        self._looked = 0.0
        self._lock = threading.Lock()

    def ask(self, request: Request, *, timeout: float = ANSWER_SECONDS) -> Any:
        """The worker's answer.

        Raises the error that the worker reported, or `HsmUnavailable` when none answers in `timeout` seconds. A
        request whose worker died is asked once more elsewhere: every lane request may be repeated, for its result
        was not released.
        """
        packet = pack_request(request)
        deadline = time.monotonic() + timeout
        tried: list[_Worker] = []
        while len(tried) < 2 and (worker := self._choose(tried)) is not None:
            tried.append(worker)
            left = deadline - time.monotonic()
            if left <= 0:
                break
            try:
                answer = worker.ask(packet, left)
            except TimeoutError:
                break
            except OSError:
                continue
            finally:
                self._release(worker)
            name, value = unpack_answer(answer)
            if name:
                raise_named(name, value)
            return value
        raise HsmUnavailable("The HSM of this vault's security world is not available. Try again shortly.")

    def ask_each(self, request: Request, *, timeout: float = ANSWER_SECONDS) -> dict[str, Any]:
        """Every worker's answer by the worker's name; None from one that does not answer, or has none."""
        packet, found = pack_request(request), {}
        with self._lock:
            self._look()
            workers = list(self._workers.values())
        for worker in workers:
            try:
                name, value = unpack_answer(worker.ask(packet, timeout))
            except OSError:
                name, value = HsmUnavailable.code, None
            found[worker.path.stem] = None if name else value
        return found

    def paths(self) -> list[Path]:
        """The sockets that exist now."""
        return sorted(self._directory.glob("*.sock"))

    def _choose(self, tried: list[_Worker]) -> _Worker | None:
        with self._lock:
            self._look()
            free = [worker for worker in self._workers.values() if worker not in tried]
            if not free:
                return None
            worker = min(free, key=lambda candidate: candidate.in_flight)
            worker.in_flight += 1
            return worker

    def _look(self) -> None:
        """See which workers there are, once a second. Call it with the lock."""
        moment = time.monotonic()
        if moment - self._looked > _LOOK_AGAIN_SECONDS or not self._workers:
            self._looked = moment
            self._workers = {path: self._workers.get(path) or _Worker(path) for path in self.paths()}

    def _release(self, worker: _Worker) -> None:
        with self._lock:
            worker.in_flight -= 1


class _Lanes(defaultdict[str, HsmClient]):
    def __missing__(self, world: str) -> HsmClient:
        lane = self[world] = HsmClient(Path(settings.LANE_DIR) / world)
        return lane


_lanes = _Lanes()


def client_for(world: str) -> HsmClient:
    """The lane of a world, one per process."""
    return _lanes[world]
