"""The client of the HSM workers: it sends packets over the Unix sockets that a world's workers open (the lane).

Each kind of process has its own directory of sockets, which its settings name (`LANE_PEER`).

One request is in flight on a connection; an idle connection is reused. When a worker disappears, the request is sent
once more to another one; then the caller gets a 503. `worker_choice.py` chooses the worker.
"""

import socket
import struct
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.core.errors import BadRequest, Unavailable, VaultError
from apps.domain.hsm_client.protocol import LARGEST_PACKET, Request, pack_request, unpack_answer
from apps.domain.hsm_client.worker_choice import Load, choose

ANSWER_SECONDS = 1.8  # a 503 within 2 s (docs/reference/security-guarantees.md section 13)
_REFRESH_SECONDS = 1.0  # how often the directory is read for new workers
_TOLERANCE = 0.05  # seconds between the beginning of a call and its first packet
_TIMEVAL = struct.Struct("@ll")  # socket(7), SO_RCVTIMEO


class HsmUnavailable(Unavailable):
    """No HSM worker of the world answers, or its HSM is not available."""


class ProtectedKeyAltered(VaultError):
    """A stored key does not match its place: a row was changed or moved. It is never used; a 500, and an incident."""


class RequestNotAllowed(VaultError):
    """A kind of process sent a request that it may not send, or connected under another account. A 500: a fault."""


class RequestMalformed(BadRequest):
    """A request to an HSM worker has a value that none of our processes sends."""


class _Worker(Load):
    """One socket of one HSM worker, with its idle connections and what it has to do."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.stem)
        self.path = path
        self._idle: list[socket.socket] = []

    def round_trip(self, packet: bytes, timeout: float) -> bytes:
        """Send a packet and receive the answer. Raises `OSError`, and `TimeoutError` when no answer comes.

        Idle connections break when the worker was restarted: then the packet is sent over a new connection.
        """
        idle = self._take_idle()
        if idle is not None:
            try:
                return self._exchange(idle, packet, timeout)
            except TimeoutError:
                raise
            except OSError:
                self.close_idle()
                self.forget_keys()
        return self._exchange(self._connect(), packet, timeout)

    def _exchange(self, connection: socket.socket, packet: bytes, timeout: float) -> bytes:
        own_limit = timeout < ANSWER_SECONDS - _TOLERANCE  # otherwise the limit that every connection has
        try:
            if own_limit:
                _limit(connection, timeout)
            connection.sendall(packet)
            answer = connection.recv(LARGEST_PACKET)
            if own_limit:
                _limit(connection, ANSWER_SECONDS)
            if not answer:
                raise ConnectionResetError(f"{self.path.name} closed the connection")
        except OSError as error:
            connection.close()  # a late answer must never be taken for the next request's
            if isinstance(error, BlockingIOError):  # the kernel's limit
                raise TimeoutError from error
            raise
        self._idle.append(connection)
        return answer

    def _take_idle(self) -> socket.socket | None:
        try:
            return self._idle.pop()  # atomic; another thread may have taken the last one a moment ago
        except IndexError:
            return None

    def close_idle(self) -> None:
        while (connection := self._take_idle()) is not None:
            connection.close()

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST_PACKET)
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(self.path))
            # From here on the kernel has the limit. With Python's, each exchange made three system calls more, and gave
            # the interpreter to another thread at each.
            connection.settimeout(None)
            _limit(connection, ANSWER_SECONDS)
        except OSError:
            connection.close()
            raise
        return connection


def _limit(connection: socket.socket, seconds: float) -> None:
    """Let the kernel end a wait for sending or receiving after this time."""
    limit = _TIMEVAL.pack(int(seconds), max(1, int(seconds % 1 * 1e6)))
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        connection.setsockopt(socket.SOL_SOCKET, option, limit)


class HsmClient:
    """All workers of one security world, as one process sees them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._workers: dict[Path, _Worker] = {}
        self._refreshed = 0.0
        self._lock = threading.Lock()

    def call(self, request: Request, *, timeout: float = ANSWER_SECONDS) -> Any:
        """Send a request to one worker and return its answer.

        Raises the error that the worker reported, or `HsmUnavailable` when none answers in `timeout` seconds. When
        the worker dies, the request goes to another one: it may be repeated, because its result was not released.
        """
        packet = pack_request(request)
        deadline = time.monotonic() + timeout
        tried: list[_Worker] = []
        while len(tried) < 2 and (worker := self._choose(tried, request.affinity())) is not None:
            tried.append(worker)
            sent, ahead = time.monotonic(), worker.in_flight
            try:
                if sent >= deadline:
                    break
                answer = worker.round_trip(packet, deadline - sent)
                worker.note_answer(time.monotonic() - sent, ahead)
            except TimeoutError:
                break
            except OSError:
                continue
            finally:
                self._release(worker)
            return unpack_answer(answer)
        raise HsmUnavailable("The HSM of this vault's security world is not available. Try again shortly.")

    def call_all(self, request: Request, *, timeout: float = ANSWER_SECONDS) -> dict[str, Any]:
        """Send a request to every worker. Answers by the worker's name; None for an error or no answer."""
        packet, answers = pack_request(request), {}
        with self._lock:
            self._refresh()
            workers = list(self._workers.values())
        for worker in workers:
            try:
                answers[worker.path.stem] = unpack_answer(worker.round_trip(packet, timeout))
            except (OSError, VaultError):
                answers[worker.path.stem] = None
        return answers

    def paths(self) -> list[Path]:
        """List the sockets that exist now."""
        return sorted(self._directory.glob("*.sock"))

    def close(self) -> None:
        """Close the idle connections; the next request makes another."""
        for worker in self._workers.values():
            worker.close_idle()

    def _choose(self, tried: list[_Worker], affinity: int | None) -> _Worker | None:
        with self._lock:
            self._refresh()
            free = [worker for worker in self._workers.values() if worker not in tried]
            if not free:
                return None
            worker = choose(free, affinity)
            worker.in_flight += 1
            return worker

    def _refresh(self) -> None:
        """Read the directory of sockets, once a second. The caller holds the lock."""
        moment = time.monotonic()
        if moment - self._refreshed > _REFRESH_SECONDS or not self._workers:
            self._refreshed = moment
            self._workers = {path: self._workers.get(path) or _Worker(path) for path in self.paths()}

    def _release(self, worker: _Worker) -> None:
        with self._lock:
            worker.in_flight -= 1


@cache
def client_for(world: str) -> HsmClient:
    """The client of a world's workers, one per process. A kind of process without a socket finds no worker."""
    return HsmClient(Path(settings.LANE_DIR) / world / settings.LANE_PEER)
