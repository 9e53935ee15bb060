"""A thread that looks at the TCP connections of this process and applies `ConnectionPolicy` to them.

The HTTP server has no deadline for bodies and no limit for an address, and it shows WSGI no connection. But its
sockets are this process's own: a duplicated descriptor can be asked and shut down safely, whatever the server does with
its own one meanwhile.
"""

import contextlib
import logging
import os
import resource
import socket
import struct
import threading
import time
from collections.abc import Iterator

from django.conf import settings

from apps.core.address_blocks import address_block
from apps.interfaces.http_server.connections import Action, Connection, ConnectionPolicy, Limits

_PAUSE, _SHORT_PAUSE = 1.0, 0.1
_OPEN_FILES = 8192
# Offsets in struct tcp_info (linux/tcp.h): milliseconds since data was sent and received; bytes received.
_LAST_SENT, _LAST_RECEIVED, _BYTES_RECEIVED, _INFO_SIZE = 44, 52, 128, 136

logger = logging.getLogger(__name__)


def start_watch() -> None:
    """Start the thread, and allow this process as many open files as its connections need."""
    limits = Limits(grace=settings.REQUEST_SECONDS, per_block=settings.CONNECTIONS_PER_ADDRESS)
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(now, min(most, _OPEN_FILES)), most))
    threading.Thread(target=_run, args=(ConnectionPolicy(limits),), name="connections", daemon=True).start()


def _run(policy: ConnectionPolicy) -> None:
    while True:
        number = 0
        try:
            number = _look(policy)
        except Exception:
            logger.exception("The connections could not be looked at")
        time.sleep(_SHORT_PAUSE if policy.is_crowded(number) else _PAUSE)


def _look(policy: ConnectionPolicy) -> int:
    """Apply the policy once. Returns the number of connections."""
    with contextlib.ExitStack() as stack:
        connections: dict[int, tuple[Connection, socket.socket]] = {}
        sockets = [stack.enter_context(sock) for sock in _own_sockets()]
        ports = {sock.getsockname()[1] for sock in sockets if _is_listening(sock)}
        for sock in sockets:
            with contextlib.suppress(OSError):  # it was closed meanwhile
                if not _is_listening(sock) and sock.getsockname()[1] in ports:
                    connection = _describe(sock)
                    connections[connection.key] = connection, sock
        actions = policy.decide([connection for connection, _ in connections.values()], time.monotonic())
        for key, action in actions.items():
            how = socket.SHUT_RD if action is Action.STOP_READING else socket.SHUT_RDWR
            with contextlib.suppress(OSError):
                connections[key][1].shutdown(how)
    return len(connections)


def _own_sockets() -> Iterator[socket.socket]:
    """Duplicates of the TCP sockets of this process. The caller closes them."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  many names, and often
        with contextlib.suppress(OSError):  # closed meanwhile, or no socket
            descriptor = os.dup(int(name))
            try:
                sock = socket.socket(fileno=descriptor)
            except OSError:
                os.close(descriptor)
                continue
            if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type == socket.SOCK_STREAM:
                yield sock
            else:
                sock.close()


def _is_listening(sock: socket.socket) -> bool:
    return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _describe(sock: socket.socket) -> Connection:
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE)
    return Connection(
        key=os.fstat(sock.fileno()).st_ino,
        block=address_block(sock.getpeername()[0]),
        received=struct.unpack_from("=Q", info, _BYTES_RECEIVED)[0],
        receive_age=struct.unpack_from("=I", info, _LAST_RECEIVED)[0] / 1000,
        send_age=struct.unpack_from("=I", info, _LAST_SENT)[0] / 1000,
    )
