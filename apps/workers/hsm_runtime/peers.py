"""Who may connect to a worker, and what each kind of process may ask of it.

Each kind has a directory of its own, `<kind>/<n>.sock`, which only the group of its account can enter. The worker
checks the account of each connection too (SO_PEERCRED, unix(7)), and the kind of each request.
"""

import logging
import os
import pwd
import socket
import struct
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from apps.domain.hsm_client.lane_client import RequestNotAllowed
from apps.domain.hsm_client.protocol import Request

logger = logging.getLogger(__name__)

_ROOT = 0  # root could take the account of every peer
_UCRED = struct.Struct("3i")  # pid, uid, gid
_LOG_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Peer:
    """A kind of process: its socket, the accounts that may connect, and the requests that it may send."""

    name: str
    socket_path: Path
    accounts: frozenset[int]
    requests: frozenset[type[Request]]

    def check(self, request: Request, size: int) -> None:
        """Raise `RequestNotAllowed` for a request of another kind of process, or one that is too large for its kind."""
        kind = type(request)
        if kind not in self.requests:
            _report(self.name, kind.__name__)
            raise RequestNotAllowed(f"A process of the kind '{self.name}' may not send {kind.__name__}.")
        if size > kind.largest_packet:
            _report(self.name, f"{kind.__name__} of {size} bytes")
            raise RequestNotAllowed(f"{kind.__name__} has {kind.largest_packet} bytes at most.")

    def note_malformed(self, what: str) -> None:
        """Count a malformed request. `what`: a name of ours, and no value of the request."""
        _report(self.name, f"a malformed {what}")

    def of_connection(self, connection: socket.socket) -> "Peer":
        """Return this peer, or one that may send nothing when the process has another account."""
        _pid, uid, _gid = _UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
        if uid in self.accounts or uid == _ROOT:
            return self
        return Peer(f"{self.name} under the account {uid}", self.socket_path, self.accounts, frozenset())


def peers_of(socket_path: Path, requests: Mapping[str, frozenset[type[Request]]], accounts: str) -> list[Peer]:
    """The peers of a worker whose sockets are `<directory>/<kind>/<name>` for a path `<directory>/<name>`.

    `accounts`: "kind=account[,account] …", names or numbers; without it, the worker's own account for every kind.
    Raises `ImproperlyConfigured`.
    """
    named = dict(word.partition("=")[::2] for word in accounts.split())
    if accounts and set(named) != set(requests):
        raise ImproperlyConfigured(f"LANE_ACCOUNTS must name the accounts of: {', '.join(requests)}.")
    return [
        Peer(
            kind,
            socket_path.parent / kind / socket_path.name,
            frozenset(map(_uid, named[kind].split(","))) if accounts else frozenset({os.geteuid()}),
            allowed,
        )
        for kind, allowed in requests.items()
    ]


def _uid(account: str) -> int:
    try:
        return int(account) if account.isdecimal() else pwd.getpwnam(account).pw_uid
    except KeyError:
        raise ImproperlyConfigured(f"LANE_ACCOUNTS names the account '{account}', which does not exist.") from None


_refusals: Counter[str] = Counter()  # since the start, by kind of process; the answer to `Status` has them
_logged: dict[str, float] = {}


def refusals() -> dict[str, int]:
    """The number of refused requests by kind of process."""
    return dict(_refusals)


def _report(peer: str, what: str) -> None:
    """Count a refusal, and log one of each kind of process a minute: a hostile one must not fill the disk."""
    _refusals[peer] += 1
    moment = time.monotonic()
    if moment - _logged.get(peer, -_LOG_SECONDS) >= _LOG_SECONDS:
        _logged[peer] = moment
        logger.error("Refused: a process of the kind '%s' sent %s (%d refusals so far)", peer, what, _refusals[peer])
