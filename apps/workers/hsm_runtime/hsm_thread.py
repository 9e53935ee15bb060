"""The only thread of a process that uses PKCS#11: two threads crash SoftHSM (pkcs11-facts.md section 1).

It serves the lane's packets in batches, whose audit records are committed before any answer is sent (`commits.py`), and
the HSM calls that Celery tasks pass to it. After a device fault it refuses the waiting requests and ends the process: a
PKCS#11 library does not recover within a process, and handles may then name other keys (sections 5, 6).
"""

import contextlib
import logging
import os
import queue
import selectors
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from django.db import Error as DatabaseError
from django.db import connection as database

from apps.audit_log import writer
from apps.core import clock
from apps.core.errors import Unavailable, VaultError
from apps.domain.hsm_client.lane_client import RequestMalformed
from apps.domain.hsm_client.protocol import LARGEST_PACKET, Request, pack_answer, pack_refusal, unpack_request
from apps.hsm.api import Hsm
from apps.hsm.errors import DeviceFault, HsmError, MasterMismatch, MasterMissing, PinRefused
from apps.workers.hsm_runtime import latency_metrics
from apps.workers.hsm_runtime.commits import (
    EX_TEMPFAIL,
    UNAVAILABLE,
    Change,
    CommitThread,
    Finished,
    Waits,
    release,
    replace_broken_connection,
)
from apps.workers.hsm_runtime.peers import Peer
from apps.workers.hsm_runtime.token_startup import open_hsm, wait_for_token
from apps.workers.hsm_runtime.translation import boundary_errors

logger = logging.getLogger(__name__)

CANARY_SECONDS = 0.5
_LONGEST_CANARY_SECONDS = 1.0  # a fault is answered within 2 s (docs/reference/security-guarantees.md section 13)
_CANARY_SHARE = 0.01  # of the time of a lane, whose HSM may take as long for it as for a use
LARGEST_BATCH = 64
EX_CONFIG = 78  # sysexits.h: the supervisor does not restart the process

Result = TypeVar("Result")
_INTERNAL = pack_refusal("Internal", "")  # no error has this name: the client fails closed
_MALFORMED = pack_refusal(RequestMalformed.code, "This is no request of the HSM protocol.")


class Expired(Unavailable):
    """The client no longer waits for this answer."""


class Answer(NamedTuple):
    """A value that may leave only when its record is committed, and the change, if there is one, with it."""

    value: Any
    record: writer.Record
    change: Change | None = None


class _Packet(NamedTuple):
    connection: socket.socket
    peer: Peer
    data: bytes


class Denied(Exception):
    """A denial of a known caller: the error that the client gets when the record is committed."""

    def __init__(self, error: VaultError, record: writer.Record) -> None:
        super().__init__(error.code)
        self.error, self.record = error, record


class RequestHandler(Protocol):
    """Handles one lane request. Returns an `Answer`, or the value of one without a record; raises `Denied`."""

    def __call__(self, hsm: Hsm, request: Request, *, now: datetime) -> Any: ...


class ReadAhead(Protocol):
    """Reads what several requests of a batch need, in fewer statements. Raises `django.db.Error` only."""

    def __call__(self, requests: Sequence[Request]) -> None: ...


class HsmThread(threading.Thread):
    """Owns the HSM of this process. Without peers it has no lane, only calls from tasks."""

    def __init__(self, *, peers: Sequence[Peer], handler: RequestHandler, read_ahead: ReadAhead | None = None) -> None:
        """`read_ahead`: called with the requests of each batch before the first is handled."""
        super().__init__(name="hsm", daemon=True)
        self._handler = handler
        self._read_ahead = read_ahead
        self._peers = peers
        self._selector = selectors.DefaultSelector()
        self._calls: queue.SimpleQueue[tuple[Callable[[Hsm], Any], Future[Any]]] = queue.SimpleQueue()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._hsm: Hsm | None = None
        self._check_due = 0.0
        self._served = 0.0  # when the last batch ended
        self._stopping = threading.Event()
        self._waits = Waits()
        self._commits = CommitThread(self._send)
        self._sockets = threading.Lock()  # no socket is closed, and its number used again, while an answer is sent

    def call(self, function: Callable[[Hsm], Result]) -> Future[Result]:
        """Run `function` on the HSM thread. Its exception becomes the future's."""
        future: Future[Result] = Future()
        self._calls.put((function, future))
        self._wake_writer.send(b"\0")
        return future

    def stop(self) -> None:
        """Finish the current batch and end."""
        self._stopping.set()
        self._wake_writer.send(b"\0")
        self.join(timeout=5)

    def run(self) -> None:
        self._listen()
        try:
            wait_for_token(serve=self._run_once, stopping=self._stopping.is_set)
            if not self._stopping.is_set():
                self._hsm = open_hsm()
                logger.info("HSM open, token %s", self._hsm.token_serial)
            while not self._stopping.is_set():
                self._run_once(timeout=CANARY_SECONDS)
                self._check_device()
        except (PinRefused, MasterMismatch) as error:
            logger.critical("The HSM must not be used: %s", error)
            os._exit(EX_CONFIG)
        except (DeviceFault, MasterMissing) as error:
            # A token that goes away, or that others open at once, seems to have no masters (pkcs11-facts.md section 4).
            self._refuse_and_exit(error)
        except Exception:
            logger.exception("The HSM thread failed")
            os._exit(EX_TEMPFAIL)
        finally:
            self._commits.stop()
            for peer in self._peers:
                peer.socket_path.unlink(missing_ok=True)
        if self._hsm is not None:
            self._hsm.close()

    def _listen(self) -> None:
        self._selector.register(self._wake_reader, selectors.EVENT_READ, self._on_wake)
        for peer in self._peers:
            listener = _listen(peer.socket_path)
            self._selector.register(listener, selectors.EVENT_READ, partial(self._on_connect, peer))

    def _run_once(self, timeout: float) -> None:
        """Serve the packets and the calls that are ready."""
        ready = self._selector.select(timeout)
        batch: list[_Packet] = []
        for key, _ in ready:
            if not isinstance(key.data, Peer):
                key.data(key.fileobj)
            elif len(batch) < LARGEST_BATCH and isinstance(key.fileobj, socket.socket):
                packet = self._receive(key.fileobj)
                if packet:
                    batch.append(_Packet(key.fileobj, key.data, packet))
        if batch:
            self._serve_batch(batch)
        self._run_calls()

    def _serve_batch(self, batch: "list[_Packet]") -> None:
        """Handle all requests, commit their records, and only then send the answers."""
        replace_broken_connection(used=self._served)
        beside = self._waits.are_long
        answers: list[Finished] = []
        uses = 0
        fault: DeviceFault | None = None
        requests = [_unpack(each) for each in batch]
        self._prepare(requests)
        self._waits.begin()
        for (connection, peer, packet), request in zip(batch, requests, strict=True):
            finished = Finished(connection, UNAVAILABLE)
            if request is None:
                finished = Finished(connection, _MALFORMED)
            elif self._hsm is not None and fault is None:
                try:
                    finished = Finished(connection, *self._handle_request(self._hsm, request, len(packet), peer))
                except DeviceFault as error:
                    fault = error
            uses += finished.record is not None
            if beside and finished.record is not None:
                self._commits.put(finished)
            else:
                answers.append(finished)
        self._waits.end(uses)
        release(answers, self._send)
        self._served = time.monotonic()
        if fault is not None:
            raise fault

    def _prepare(self, requests: "Sequence[Request | None]") -> None:
        """Let the handler read at once what several requests need. If it cannot, each reads for itself, and fails."""
        if self._read_ahead is None or self._hsm is None:
            return
        try:
            self._read_ahead([request for request in requests if request is not None])
        except DatabaseError:
            database.close()

    def _handle_request(
        self, hsm: Hsm, request: Request, size: int, peer: Peer
    ) -> tuple[bytes, writer.Record | None, Change | None]:
        try:
            started = time.perf_counter()
            peer.check(request, size)
            _check_deadline(request)
            now = clock.now()
            with boundary_errors():
                value = self._handler(hsm, request, now=now)
            latency_metrics.record_duration(request, time.perf_counter() - started)
            if isinstance(value, Answer):
                return pack_answer(value.value), value.record, value.change
            return pack_answer(value), None, None
        except DeviceFault:
            raise
        except Denied as denied:
            _note(denied.error, request, peer)
            return _refusal(denied.error, recorded=True), denied.record, None
        except VaultError as error:
            _note(error, request, peer)
            return _refusal(error, recorded=False), None, None
        except DatabaseError:
            database.close()
            return UNAVAILABLE, None, None
        except Exception:
            logger.exception("A lane request failed")  # the traceback prints no values of frames
            return _INTERNAL, None, None

    def _run_calls(self) -> None:
        while self._hsm is not None and not self._calls.empty():
            function, future = self._calls.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function(self._hsm))
            except DeviceFault as error:
                future.set_exception(error)
                raise
            except BaseException as error:  # noqa: BLE001  it is raised again by the future
                if isinstance(error, DatabaseError):
                    database.close()
                future.set_exception(error)

    def _check_device(self) -> None:
        """Detect an HSM that went away although its handles still seem to work."""
        begun = time.monotonic()
        if self._hsm is not None and begun >= self._check_due:
            self._hsm.canary()
            ended = time.monotonic()
            pause = (ended - begun) / _CANARY_SHARE
            self._check_due = ended + min(max(pause, CANARY_SECONDS), _LONGEST_CANARY_SECONDS)

    def _refuse_and_exit(self, error: HsmError) -> None:
        """Refuse everything for a moment, so that tasks can report the fault, then end the process."""
        logger.error("HSM fault, this worker ends and is restarted: %s", error)
        self._hsm = None
        until = time.monotonic() + 0.3
        while time.monotonic() < until:
            while not self._calls.empty():
                self._calls.get()[1].set_exception(error)
            self._run_once(timeout=0.05)
        os._exit(EX_TEMPFAIL)

    def _receive(self, connection: socket.socket) -> bytes:
        try:
            packet = connection.recv(LARGEST_PACKET)
        except BlockingIOError:
            return b""
        except OSError:
            packet = b""
        if not packet:
            self._selector.unregister(connection)
            with self._sockets:
                connection.close()
        return packet

    def _send(self, connection: socket.socket, answer: bytes) -> None:
        """Send an answer, from any thread. Only the PKCS#11 thread closes connections."""
        with self._sockets:
            try:
                connection.send(answer)
            except OSError:  # the client is gone or does not read; the record of the use is stored
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)  # `_receive` finds its end

    def _on_connect(self, peer: Peer, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST_PACKET)
        self._selector.register(connection, selectors.EVENT_READ, peer.of_connection(connection))

    def _on_wake(self, reader: socket.socket) -> None:
        reader.recv(4096)


def _listen(path: Path) -> socket.socket:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(path))
    path.chmod(0o660)  # the group of its directory
    listener.listen(256)
    listener.setblocking(False)
    return listener


def _unpack(packet: _Packet) -> Request | None:
    try:
        return unpack_request(packet.data)
    except ValueError:
        packet.peer.note_malformed("packet")
        return None


def _note(error: VaultError, request: Request, peer: Peer) -> None:
    if isinstance(error, RequestMalformed):
        peer.note_malformed(type(request).__name__)


def _refusal(error: VaultError, *, recorded: bool) -> bytes:
    wait = getattr(error, "retry_after", 0)
    return pack_refusal(error.code, error.message, retry_after=wait, recorded=recorded)


def _check_deadline(request: Request) -> None:
    if request.expires_at and time.time() > request.expires_at:
        raise Expired("The request took too long and was not carried out.")
