"""Log destinations, the state of their delivery, and log retention."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.audit_reader.stall_thresholds import DELIVERING, level_of
from apps.core.errors import NotFound
from apps.core.sql import select, select_value
from apps.log_delivery.models import DeliveredSegment, DeliveryState, LogDestination, LogRetention, Replay
from apps.log_delivery.rules import place

RUNNING = 0x56504456  # the advisory lock of the delivery process: one runs at a time

# Of each destination with undelivered records: the time of the first of them, and their number.
_WAITING = """
    SELECT s.destination_id, e.at, g.size - s.delivered FROM delivery_deliverystate s
    JOIN delivery_logdestination d ON d.id = s.destination_id
    JOIN audit_log g ON g.log_id = d.vault_id AND g.size > s.delivered
    JOIN audit_leaf l ON l.log_id = g.log_id AND l.seq = s.delivered
    JOIN audit_event e ON e.id = l.event_id
"""


class DestinationNotFound(NotFound):
    """The vault has no log destination."""

    code = "NoDestination"


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """A destination with the state of its delivery, for people."""

    destination: LogDestination
    state: DeliveryState
    place: str
    replays: list[Replay]
    runs: bool  # whether there is a delivery process; without one, the other fields may be old
    waits: tuple[datetime, int] | None = None  # (time of the first undelivered record, number of them)

    @property
    def since(self) -> datetime | None:
        """The time of the oldest undelivered record, by the log or else by the delivery process."""
        return self.waits[0] if self.waits else self.state.waiting_since

    @property
    def last(self) -> int | None:
        """The number of the last delivered record; numbers begin at 0."""
        return self.state.delivered - 1 if self.state.delivered else None

    def lag(self, *, now: datetime) -> float:
        """The age of the oldest undelivered record in seconds; 0 when all are delivered."""
        return max(0.0, (now - self.since).total_seconds()) if self.since else 0.0

    def shown(self, *, now: datetime) -> tuple[str, str]:
        """The state as a status label shows it: (level, word)."""
        if not self.runs:
            return "wrong", "not running"
        if self.state.state == DeliveryState.State.FAILING:
            return "wrong", "failing"
        if (level := level_of(self.since, DELIVERING, now=now)) != "ok":
            return level, "delayed"
        if self.state.state == DeliveryState.State.DELIVERING:
            return "ok", "delivering"
        return "none", "nothing delivered yet"

    def level(self, *, now: datetime) -> str:
        """The level of the status label."""
        return self.shown(now=now)[0]


def is_running() -> bool:
    """Return whether a delivery process holds its lock, which has one key of 64 bits (PostgreSQL: pg_locks)."""
    query = (
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted "
        "AND (classid, objid, objsubid) = (0, %s, 1) "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
    )
    return bool(select_value(query, [RUNNING]))


def find_destination(*, vault_id: UUID) -> LogDestination | None:
    """Find the destination of a vault, without its encrypted credentials."""
    return LogDestination.objects.filter(vault_id=vault_id).first()


def get_destination(*, vault_id: UUID) -> LogDestination:
    """Get the destination of a vault. Raises `DestinationNotFound`."""
    destination = find_destination(vault_id=vault_id)
    if destination is None:
        raise DestinationNotFound("This vault has no log destination: its records are here only. Set one first.")
    return destination


def get_status(*, vault_id: UUID) -> DeliveryStatus | None:
    """Get everything that people see of a vault's destination; None when there is none."""
    destination = find_destination(vault_id=vault_id)
    if destination is None:
        return None
    state = DeliveryState.objects.get(pk=destination.pk)
    replays = list(Replay.objects.filter(destination=destination).order_by("-created")[:5])
    return DeliveryStatus(destination, state, place(destination.kind, destination.config), replays, is_running())


def list_statuses() -> list[DeliveryStatus]:
    """List all destinations. What waits comes from the log, because a process that hangs reports nothing."""
    sealed = ("destination__sealed", "destination__sealed_secret")
    runs = is_running()
    rows = DeliveryState.objects.select_related("destination__vault").defer(*sealed)
    waiting = {pk: (since, count) for pk, since, count in select(_WAITING) if since}
    return [
        DeliveryStatus(
            row.destination, row, place(row.destination.kind, row.destination.config), [], runs, waiting.get(row.pk)
        )
        for row in rows.order_by("destination__vault__name")
    ]


def lags(*, destination_id: UUID, since: datetime) -> list[tuple[datetime, float]]:
    """List (delivery time, age of its oldest record then, in seconds) of each segment since a time, oldest first."""
    rows = DeliveredSegment.objects.filter(destination_id=destination_id, delivered__gte=since).order_by("delivered")
    return [
        (delivered, (delivered - oldest).total_seconds())
        for delivered, oldest in rows.values_list("delivered", "oldest")
        if delivered is not None
    ]


def retention_days(*, vault_id: UUID) -> int | None:
    """Get the number of days for which a vault's records are kept; None: indefinitely."""
    return LogRetention.objects.filter(vault_id=vault_id).values_list("days", flat=True).first()
