"""One segment on its way: the next one, or one that somebody wants again.

Fix the range in a row, build the objects, put them, and only then move the watermark. Whoever dies in between leaves
the range behind; the next try builds the same objects under the same names, so storage never holds two of a record.
While objects travel, no database connection is held: a storage that hangs costs nobody else anything.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction

from apps.audit_log.models import Log
from apps.audit_reader import log_entries
from apps.audit_reader.decryption import Unreadable
from apps.core.job_queue import RetryPolicy
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant, Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.log_delivery.models import DeliveredSegment, DeliveryState, LogDestination, Replay
from apps.workers.log_delivery.destinations import Sink, SinkError
from apps.workers.log_delivery.retention import wait_turn
from apps.workers.log_delivery.segments import OutOfOrder, Sealing, Segment, Start, build

LARGEST_SEGMENT = 10_000
_RETRY = RetryPolicy(first_pause=timedelta(seconds=2), longest_pause=timedelta(minutes=5))

Clock = Callable[[], datetime]


class Superseded(Exception):
    """The destination was changed or removed meanwhile: what is in hand is dropped."""


@dataclass(frozen=True, slots=True)
class DestinationConnection:
    """A destination that is open."""

    destination: LogDestination
    sink: Sink
    secret: bytes = field(repr=False)  # for encrypted segments


def deliver_next(way: DestinationConnection, *, clock: Clock) -> bool:
    """Deliver the next segment; False when there is nothing to deliver.

    Raises `SinkFault`, `Superseded`, `HsmUnavailable` when the audit worker does not answer, `Unreadable`.
    """
    state = _begin(way.destination)
    row = _next_range(way, state)
    if row is None:
        return False
    try:
        segment = _built(way, row)
    except (OutOfOrder, LookupError):
        raise SinkError(f"Records {row.first} to {row.last} are not all here. Ask the auditors.") from None
    _keep(way, state, row, segment)
    _put(way.sink, segment)
    _confirm(way, state, row, segment, clock())
    return True


def deliver_again(way: DestinationConnection, replay: Replay, *, clock: Clock) -> None:
    """Deliver one more segment of a replay, or finish it. Raises `Superseded`, `HsmUnavailable`.

    What cannot be delivered again is the replay's failure, not the destination's, which may take what is new.
    """
    rows = DeliveredSegment.objects.filter(destination=way.destination, delivered__isnull=False, last__gte=replay.next)
    row = rows.filter(first__lte=replay.last).order_by("first").first()
    if row is None:
        _end(way, replay, "", clock())
        return
    try:
        segment = _built(way, row)
    except OutOfOrder:
        _end(way, replay, f"Records {row.first} to {row.last} are not here any more: their retention is over.", clock())
        return
    except Unreadable:
        _end(way, replay, f"Records {row.first} to {row.last} do not open any more. Ask the auditors.", clock())
        return
    if segment.manifest_sha256 != row.manifest_sha256:
        _end(way, replay, f"Records {row.first} to {row.last} are not what was delivered. Ask the auditors.", clock())
        return
    try:
        _put(way.sink, segment)
    except SinkError as fault:
        _end(way, replay, f"{fault} The replay ended before record {row.first}.", clock())
        return
    Replay.objects.filter(pk=replay.pk).update(next=row.last + 1)
    if row.last >= replay.last:
        _end(way, replay, "", clock())


def note_failure(destination: LogDestination, sentence: str, *, now: datetime) -> None:
    """Keep what went wrong, and when to try again; the first failure after a success is a record."""
    with transaction.atomic():
        state = DeliveryState.objects.select_for_update().filter(pk=destination.pk).first()
        if state is None:
            return
        if state.state != DeliveryState.State.FAILING:
            state.failing_since = now
            append_change(
                _grant(destination),
                operation="LogDeliveryFail",
                object_id="log/destination",
                status=503,
                description=sentence,
                delivered=state.delivered,
            )
        state.state, state.error = DeliveryState.State.FAILING, sentence
        state.attempts += 1
        state.next_try = _RETRY.next_try(state.attempts, now=now)
        state.waiting_since = state.waiting_since or _oldest(destination, state.delivered)
        state.save(update_fields=["state", "error", "failing_since", "attempts", "next_try", "waiting_since"])


def _begin(destination: LogDestination) -> DeliveryState:
    """How far it is. A destination that is new begins where the log does, or where what was forgotten ends."""
    state = DeliveryState.objects.filter(pk=destination.pk).first()
    if state is None:
        raise Superseded
    if state.last_delivered is None:
        with transaction.atomic():
            wait_turn(destination.vault_id)
            _pass_over_forgotten(destination, state)
    return state


def _pass_over_forgotten(destination: LogDestination, state: DeliveryState) -> None:
    forgotten = Log.objects.filter(pk=destination.vault_id).values_list("forgotten", flat=True).first() or 0
    if state.delivered < forgotten:
        boundary = log_entries.next_boundary(log_id=destination.vault_id, after=forgotten - 1, most=1)
        if boundary is not None:
            state.first = state.delivered = boundary.size
            state.save(update_fields=["first", "delivered"])


def _next_range(way: DestinationConnection, state: DeliveryState) -> DeliveredSegment | None:
    """The range that was begun, or the next one; not yet kept."""
    begun = DeliveredSegment.objects.filter(
        destination=way.destination, first=state.delivered, delivered__isnull=True
    ).first()
    if begun is not None:
        return begun
    log_id = way.destination.vault_id
    boundary = log_entries.next_boundary(log_id=log_id, after=state.delivered, most=LARGEST_SEGMENT)
    if boundary is None:
        return None
    return DeliveredSegment(
        destination=way.destination,
        first=state.delivered,
        last=boundary.size - 1,
        vault_name=way.destination.vault.name,
        previous=state.previous,
        oldest=_oldest(way.destination, state.delivered) or boundary.at,
    )


def _built(way: DestinationConnection, row: DeliveredSegment) -> Segment:
    """The objects of a range. A range that was kept stays encrypted, or not, as it was."""
    log_id, kept = way.destination.vault_id, bool(row.manifest_sha256)
    encrypted = bool(row.head) if kept else bool(way.destination.public_key)
    segment = build(
        log_entries.entries(log_id=log_id, first=row.first, last=row.last),
        log_id=log_id,
        vault_name=row.vault_name,
        first=row.first,
        last=row.last,
        checkpoint=log_entries.note_at(log_id=log_id, size=row.last + 1),
        start=Start(
            frontier=log_entries.frontier_at(log_id=log_id, size=row.first),
            checkpoint=log_entries.note_at(log_id=log_id, size=row.first),
        ),
        previous=row.previous,
        sealing=Sealing(way.destination.public_key, way.secret, bytes(row.head)) if encrypted else None,
    )
    connection.close()
    return segment


def _keep(way: DestinationConnection, state: DeliveryState, row: DeliveredSegment, segment: Segment) -> None:
    """Promise the range before the first object leaves."""
    if row.manifest_sha256 == segment.manifest_sha256:
        return
    if row.manifest_sha256:
        raise SinkError(
            f"Records {row.first} to {row.last} are not what they were when their delivery began. Ask the auditors."
        )
    row.head, row.manifest_sha256 = segment.head, segment.manifest_sha256
    row.bytes = sum(len(made.data) for made in segment.objects)
    with transaction.atomic():
        if not DeliveryState.objects.select_for_update().filter(pk=way.destination.pk, delivered=row.first).exists():
            raise Superseded
        row.save(force_insert=True)
        if state.waiting_since is None:
            DeliveryState.objects.filter(pk=way.destination.pk).update(waiting_since=row.oldest)
    connection.close()


def _put(sink: Sink, segment: Segment) -> None:
    for made in segment.objects:
        sink.put(made.name, made.data)


def _confirm(
    way: DestinationConnection, state: DeliveryState, row: DeliveredSegment, segment: Segment, now: datetime
) -> None:
    with transaction.atomic():
        moved = DeliveryState.objects.filter(pk=way.destination.pk, delivered=row.first).update(
            delivered=row.last + 1,
            previous=segment.manifest_sha256,
            state=DeliveryState.State.DELIVERING,
            last_object=f"{row.vault_name}/{way.destination.vault_id}/{segment.manifest.name}",
            last_delivered=now,
            waiting_since=None,
            error="",
            failing_since=None,
            attempts=0,
            next_try=None,
        )
        if moved != 1:
            raise Superseded
        DeliveredSegment.objects.filter(pk=row.pk).update(delivered=now)
        if state.state == DeliveryState.State.FAILING:
            append_change(
                _grant(way.destination),
                operation="LogDeliveryRecover",
                object_id="log/destination",
                delivered=row.last + 1,
            )


def _end(way: DestinationConnection, replay: Replay, error: str, now: datetime) -> None:
    with transaction.atomic():
        state = Replay.State.FAILED if error else Replay.State.DONE
        Replay.objects.filter(pk=replay.pk).update(state=state, error=error, finished=now)
        append_change(
            _grant(way.destination),
            operation="LogReplayEnd",
            object_id="log/destination",
            status=500 if error else 200,
            first=replay.first,
            last=replay.last,
            description=error,
        )


def _oldest(destination: LogDestination, first: int) -> datetime | None:
    """When the first record that the storage has not was made; from its header, which needs nobody to open it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.at FROM audit_leaf l JOIN audit_event e ON e.id = l.event_id WHERE l.log_id = %s AND l.seq = %s",
            [destination.vault_id, first],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _grant(destination: LogDestination) -> Grant:
    scope = Scope(vault_id=destination.vault_id, vault_name=destination.vault.name)
    return system_grant(Permission.VAULTS_UPDATE, scope=scope, origin="deliver")
