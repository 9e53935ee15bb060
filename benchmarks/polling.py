"""Requests that are sent again and again on open connections, and the moment at which a change was committed.

All times are of `time.monotonic`, in seconds.
"""

import contextlib
import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import msgspec
import psycopg

_PAUSE = 0.005  # between two requests on a connection
_LOOK = 0.002  # between two looks at the database
_SECONDS = 30.0  # for an answer
NO_ANSWER = 503  # the status of what neither allows nor refuses

Sql = tuple[str, Sequence[Any]]


class HttpTarget(NamedTuple):
    """One process that listens: the address to connect to, and the host that is named."""

    process: str
    address: str
    port: int
    host: str


class HttpRequest:
    """A request over TLS to one process. Its connection stays open."""

    def __init__(
        self, target: HttpTarget, tls: ssl.SSLContext, method: str, path: str, *, body: str | None, headers: Any
    ) -> None:
        self._target, self._tls = target, tls
        self._request = (method, path, body, {"Host": f"{target.host}:{target.port}", **headers})
        self._client: http.client.HTTPSConnection | None = None

    def __call__(self) -> int:
        """Send it and return the status. Raises `OSError`, `http.client.HTTPException`."""
        client = self._client or self._connect()
        try:
            client.request(*self._request)
            answer = client.getresponse()
            answer.read()
        except BaseException:
            self.close()
            raise
        return answer.status

    def local_port(self) -> int | None:
        """The port of the open connection."""
        return int(self._client.sock.getsockname()[1]) if self._client and self._client.sock else None

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connect(self) -> http.client.HTTPSConnection:
        target = self._target
        plain = socket.create_connection((target.address, target.port), timeout=_SECONDS)
        self._client = http.client.HTTPSConnection(target.host, target.port, timeout=_SECONDS)
        self._client.sock = self._tls.wrap_socket(plain, server_hostname=target.host)
        return self._client


class LaneRequest:
    """A request to one HSM worker, over the socket of the web processes."""

    def __init__(self, path: str, pack: Callable[[], bytes]) -> None:
        self._path, self._pack = path, pack
        self._connection: socket.socket | None = None

    def __call__(self) -> int:
        """Send it. Returns 200, 403 for a denial, and `NO_ANSWER`. Raises `OSError`."""
        if self._connection is None:
            self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._connection.settimeout(_SECONDS)
            self._connection.connect(self._path)
        try:
            self._connection.sendall(self._pack())
            answer = self._connection.recv(200_000)
            if not answer:
                raise ConnectionResetError(self._path)
        except OSError:
            self.close()
            raise
        code, value, *_ = msgspec.msgpack.decode(answer)
        if code:
            return NO_ANSWER if code in _NOT_SERVED else 403
        return 200 if value else 403  # a token request with a wrong credential is answered with ""

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


_NOT_SERVED = frozenset({"HsmUnavailable", "Internal", "Unavailable", "Expired", "NotInitialised"})


@dataclass(frozen=True)
class Question:
    """One request to one process. `place`: what is asked for; `process`: the one that answers."""

    place: str
    process: str
    ask: HttpRequest | LaneRequest

    def __str__(self) -> str:
        return f"{self.place} at {self.process}"

    def status(self) -> int:
        """Ask once. A connection that broke is no answer."""
        try:
            return self.ask()
        except (OSError, http.client.HTTPException):
            return NO_ANSWER


class Answer(NamedTuple):
    began: float
    ended: float
    status: int


@dataclass
class Poller:
    """Asks one question until it is stopped, in a thread of its own."""

    question: Question
    refusals: frozenset[int]
    answers: list[Answer] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            status = self.question.status()
            self.answers.append(Answer(began, time.monotonic(), status))
            time.sleep(_PAUSE)

    def stop(self) -> None:
        self._stopping.set()

    def is_allowed(self) -> bool:
        """The last two requests succeeded."""
        return len(self.answers) > 1 and all(answer.status == 200 for answer in self.answers[-2:])

    def is_refused(self, since: float) -> bool:
        """The last two requests began after this moment and were refused."""
        last = self.answers[-2:]
        return len(last) == 2 and all(answer.began > since and answer.status in self.refusals for answer in last)

    def last_success(self, since: float) -> float:
        """How long after this moment the last request that succeeded began; 0 if none did."""
        return max((answer.began - since for answer in self.answers if self._succeeded(answer, since)), default=0.0)

    def first_refusal(self, since: float) -> float:
        """How long after this moment the first refusal was here."""
        refused = (a.ended - since for a in self.answers if a.ended > since and a.status in self.refusals)
        return min(refused, default=float("inf"))

    @staticmethod
    def _succeeded(answer: Answer, since: float) -> bool:
        return answer.status == 200 and answer.began > since


@contextlib.contextmanager
def polling(questions: Sequence[Question], refusals: frozenset[int]) -> Iterator[list[Poller]]:
    """Ask all questions at once beside the block, each on a connection of its own."""
    pollers = [Poller(question, refusals) for question in questions]
    threads = [threading.Thread(target=poller.run, daemon=True) for poller in pollers]
    for thread in threads:
        thread.start()
    try:
        yield pollers
    finally:
        for poller in pollers:
            poller.stop()
        for thread in threads:
            thread.join()
        for question in questions:
            question.ask.close()


class Watch(threading.Thread):
    """Looks at a condition of the database until it is false.

    `committed` is the last moment at which it was still true: at most a look before the commit, and never after it.
    None: it is true still.
    """

    def __init__(self, still: Sql) -> None:
        super().__init__(daemon=True)
        self._still = still
        self._stopping = threading.Event()
        self.looked = threading.Event()
        self.committed: float | None = None

    def __enter__(self) -> Self:
        self.start()
        if not self.looked.wait(_SECONDS):
            raise SystemExit(f"there is nothing to withdraw: {self._still}")
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.join()

    def run(self) -> None:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
            last = 0.0
            while not self._stopping.is_set():
                moment = time.monotonic()
                row = database.execute(*self._still).fetchone()
                if row is None or not row[0]:
                    self.committed = last or None
                    return
                last = moment
                self.looked.set()
                time.sleep(_LOOK)

    def wait(self, seconds: float) -> float:
        """The moment of the commit. Raises `SystemExit` without one."""
        self.join(seconds)
        if self.committed is None:
            raise SystemExit(f"the change was not committed within {seconds:g} s: {self._still}")
        return self.committed
