"""Which connections are closed: the slow, the idle and the surplus. Pure.

The kernel counts bytes and their age for each connection (TCP_INFO), so this needs no part of the HTTP server.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection as the kernel describes it. Ages are seconds since the last byte, or since it was opened."""

    key: int  # another one for each connection
    block: str  # of the address: `apps.core.address_blocks`
    received: int  # bytes
    receive_age: float
    send_age: float

    @property
    def quiet(self) -> float:
        """Seconds without a byte in either direction."""
        return min(self.receive_age, self.send_age)


class Limits(NamedTuple):
    """Seconds, bytes a second, and numbers of connections."""

    grace: float = 10.0  # a request that takes longer must arrive at this rate
    rate: float = 4096.0
    deadline: float = 75.0  # longer than a caller waits (apps/core/request_facts.py)
    total: int = 1024
    per_block: int = 256  # 0: no limit, for a reverse proxy, from which all connections come


class Action(Enum):
    """What is done to a connection."""

    STOP_READING = "its request counts as ended, and is answered"
    CLOSE = "it is closed"


class _Request(NamedTuple):
    """What arrived since the last answer."""

    since: float
    received_before: int


class ConnectionPolicy:
    """Decides for one process, from one look at its connections to the next."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._requests: dict[int, _Request] = {}
        self._stopped: dict[int, float] = {}

    def is_crowded(self, number: int) -> bool:
        """Tell whether a look soon is worth its cost."""
        return number > self._limits.total // 2

    def decide(self, connections: Collection[Connection], now: float) -> dict[int, Action]:
        """The actions by key. `now`: seconds of a clock that only goes forward."""
        keys = {connection.key for connection in connections}
        self._requests = {key: request for key, request in self._requests.items() if key in keys}
        self._stopped = {key: at for key, at in self._stopped.items() if key in keys}
        actions: dict[int, Action] = {}
        for connection in connections:
            if connection.quiet > self._limits.deadline or self._was_stopped(connection.key, now):
                actions[connection.key] = Action.CLOSE
            elif self._is_slow(connection, now) and connection.key not in self._stopped:
                actions[connection.key] = Action.STOP_READING
                self._stopped[connection.key] = now
        kept = [connection for connection in connections if actions.get(connection.key) is not Action.CLOSE]
        return actions | dict.fromkeys(self._surplus(kept), Action.CLOSE)

    def _was_stopped(self, key: int, now: float) -> bool:
        return now - self._stopped.get(key, now) > self._limits.grace

    def _is_slow(self, connection: Connection, now: float) -> bool:
        """Tell whether a request takes too long to arrive. A complete one has no new bytes while it is worked on."""
        if connection.send_age <= connection.receive_age:  # answered
            self._requests.pop(connection.key, None)
            return False
        request = self._requests.get(connection.key)
        if request is None or now - connection.send_age > request.since:  # the first, or another one was answered since
            request = self._requests[connection.key] = _Request(now, connection.received)
        seconds = now - request.since
        if seconds > self._limits.deadline:
            return True
        expected = (seconds - self._limits.grace) * self._limits.rate
        slower = connection.received - request.received_before < expected
        return seconds > self._limits.grace and slower and connection.receive_age < self._limits.grace / 2

    def _surplus(self, connections: Collection[Connection]) -> set[int]:
        """Above a limit, the quietest connections of the block of addresses with the most."""
        blocks: dict[str, list[Connection]] = defaultdict(list)
        for connection in sorted(connections, key=lambda connection: connection.quiet):
            blocks[connection.block].append(connection)
        surplus: set[int] = set()
        if self._limits.per_block:
            for members in blocks.values():
                surplus.update(member.key for member in members[self._limits.per_block :])
                del members[self._limits.per_block :]
        allowed = self._limits.total * 3 // 4  # the rest is room for those who come
        for _ in range(len(connections) - len(surplus) - allowed):
            surplus.add(max(blocks.values(), key=len).pop().key)
        return surplus
