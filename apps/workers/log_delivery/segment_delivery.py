"""The delivery of one segment: the next one, or one of a replay.

The range is saved in a row, the objects are built and stored, and only then the watermark moves. A process that dies
in between leaves the range behind; the next try builds the same objects under the same names, so that the storage
never holds a record twice. No database connection is open during a transfer: a storage that hangs delays nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from apps.audit_log.models import Log
from apps.audit_log.operation_names import Operation
from apps.audit_reader import log_entries
from apps.audit_reader.log_entries import MissingRecord
from apps.core.job_queue import RetryPolicy
from apps.core.sql import execute, select
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant, Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.log_delivery.models import DeliveredSegment, DeliveryState, LogDestination, Replay
from apps.workers.log_delivery.destinations import Sink, SinkError
from apps.workers.log_delivery.segments import Segment, SegmentEncryption, build_segment

LARGEST_SEGMENT = 10_000
_DELETION = 0x56504654  # the lock of `audit_forget` (apps/log_delivery/migrations)
_RETRY = RetryPolicy(first_pause=timedelta(seconds=2), longest_pause=timedelta(minutes=5))

Clock = Callable[[], datetime]


class Superseded(Exception):
    """The destination was changed or removed during the delivery, which is dropped."""


@dataclass(frozen=True, slots=True)
class DestinationConnection:
    """A destination with its open sink."""

    destination: LogDestination
    sink: Sink
    secret: bytes = field(repr=False)  # for encrypted segments


def deliver_next(target: DestinationConnection, *, clock: Clock) -> bool:
    """Deliver the next segment; False when there is nothing to deliver.

    A record that does not open, or is gone, is delivered as what it is, and those after it follow. Raises `SinkError`,
    `Superseded`, `HsmUnavailable` when the audit worker does not answer.
    """
    state = _read_state(target.destination)
    row = _next_range(target, state)
    if row is None:
        return False
    try:
        segment = _build(target, row, complete=False)
    except LookupError:
        raise SinkError(f"Records {row.first} to {row.last} are not all here. Ask the auditors.") from None
    _save_range(target, state, row, segment)
    _store(target.sink, segment)
    _confirm(target, state, row, segment, clock())
    return True


def deliver_again(target: DestinationConnection, replay: Replay, *, clock: Clock) -> None:
    """Deliver one more segment of a replay, or finish it. Raises `Superseded`, `HsmUnavailable`.

    What cannot be delivered again is the replay's failure, not the destination's, which may take what is new.
    """
    rows = DeliveredSegment.objects.filter(
        destination=target.destination, delivered__isnull=False, last__gte=replay.next
    )
    row = rows.filter(first__lte=replay.last).order_by("first").first()
    error = _redeliver(target, row) if row else ""
    if row and not error:
        Replay.objects.filter(pk=replay.pk).update(next=row.last + 1)
    if error or row is None or row.last >= replay.last:
        _finish_replay(target, replay, error, clock())


def _redeliver(target: DestinationConnection, row: DeliveredSegment) -> str:
    """Deliver a segment again. Return why that is impossible, or ""."""
    records = f"Records {row.first} to {row.last}"
    try:
        segment = _build(target, row, complete=True)
    except MissingRecord:
        return f"{records} are not here any more: their retention is over."
    if segment.manifest_sha256 != row.manifest_sha256:
        return f"{records} are not what was delivered. Ask the auditors."
    try:
        _store(target.sink, segment)
    except SinkError as error:
        return f"{error} The replay ended before record {row.first}."
    return ""


def note_failure(destination: LogDestination, message: str, *, now: datetime) -> None:
    """Save the error and the time of the next try; the first failure after a success is recorded."""
    with transaction.atomic():
        state = DeliveryState.objects.select_for_update().filter(pk=destination.pk).first()
        if state is None:
            return
        if state.state != DeliveryState.State.FAILING:
            state.failing_since = now
            _record(
                destination, Operation.LOG_DELIVERY_FAIL, status=503, description=message, delivered=state.delivered
            )
        state.state, state.error = DeliveryState.State.FAILING, message
        state.attempts += 1
        state.next_try = _RETRY.next_try(state.attempts, now=now)
        state.waiting_since = state.waiting_since or _oldest(destination, state.delivered)
        state.save(update_fields=["state", "error", "failing_since", "attempts", "next_try", "waiting_since"])


def _read_state(destination: LogDestination) -> DeliveryState:
    """Read how far it is. A new destination begins where the log does, or after the deleted records."""
    state = DeliveryState.objects.filter(pk=destination.pk).first()
    if state is None:
        raise Superseded
    if state.last_delivered is None:
        with transaction.atomic():
            # Until the end of this transaction `audit_forget` deletes nothing of this log, nor did it begin to.
            execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_DELETION, str(destination.vault_id)])
            _skip_deleted(destination, state)
    return state


def _skip_deleted(destination: LogDestination, state: DeliveryState) -> None:
    forgotten = Log.objects.filter(pk=destination.vault_id).values_list("forgotten", flat=True).first() or 0
    if state.delivered < forgotten:
        boundary = log_entries.next_boundary(log_id=destination.vault_id, after=forgotten - 1, most=1)
        if boundary is not None:
            state.first = state.delivered = boundary.size
            state.save(update_fields=["first", "delivered"])


def _next_range(target: DestinationConnection, state: DeliveryState) -> DeliveredSegment | None:
    """Find the range that was begun, or make the next one, which is not saved yet."""
    started = DeliveredSegment.objects.filter(
        destination=target.destination, first=state.delivered, delivered__isnull=True
    ).first()
    if started is not None:
        return started
    log_id = target.destination.vault_id
    boundary = log_entries.next_boundary(log_id=log_id, after=state.delivered, most=LARGEST_SEGMENT)
    if boundary is None:
        return None
    return DeliveredSegment(
        destination=target.destination,
        first=state.delivered,
        last=boundary.size - 1,
        vault_name=target.destination.vault.name,
        previous=state.previous,
        oldest=_oldest(target.destination, state.delivered) or boundary.at,
    )


def _build(target: DestinationConnection, row: DeliveredSegment, *, complete: bool) -> Segment:
    """Build the objects of a range, `complete` as for `write_records`. A saved range stays encrypted, or not."""
    log_id, saved = target.destination.vault_id, bool(row.manifest_sha256)
    encrypted = bool(row.head) if saved else bool(target.destination.public_key)
    segment = build_segment(
        log_id=log_id,
        vault_name=row.vault_name,
        first=row.first,
        last=row.last,
        previous=row.previous,
        complete=complete,
        encryption=SegmentEncryption(target.destination.public_key, target.secret, bytes(row.head))
        if encrypted
        else None,
    )
    connection.close()
    return segment


def _save_range(target: DestinationConnection, state: DeliveryState, row: DeliveredSegment, segment: Segment) -> None:
    """Save the range before the first object is stored."""
    if row.manifest_sha256 == segment.manifest_sha256:
        return
    if row.manifest_sha256:
        raise SinkError(
            f"Records {row.first} to {row.last} are not what they were when their delivery began. Ask the auditors."
        )
    row.head, row.manifest_sha256 = segment.head, segment.manifest_sha256
    row.bytes = sum(len(item.data) for item in segment.objects)
    with transaction.atomic():
        if not DeliveryState.objects.select_for_update().filter(pk=target.destination.pk, delivered=row.first).exists():
            raise Superseded
        row.save(force_insert=True)
        if state.waiting_since is None:
            DeliveryState.objects.filter(pk=target.destination.pk).update(waiting_since=row.oldest)
    connection.close()


def _store(sink: Sink, segment: Segment) -> None:
    for item in segment.objects:
        sink.put(item.name, item.data)


def _confirm(
    target: DestinationConnection, state: DeliveryState, row: DeliveredSegment, segment: Segment, now: datetime
) -> None:
    with transaction.atomic():
        updated = DeliveryState.objects.filter(pk=target.destination.pk, delivered=row.first).update(
            delivered=row.last + 1,
            previous=segment.manifest_sha256,
            state=DeliveryState.State.DELIVERING,
            last_object=f"{row.vault_name}/{target.destination.vault_id}/{segment.manifest.name}",
            last_delivered=now,
            waiting_since=None,
            error="",
            failing_since=None,
            attempts=0,
            next_try=None,
        )
        if updated != 1:
            raise Superseded
        DeliveredSegment.objects.filter(pk=row.pk).update(delivered=now)
        if state.state == DeliveryState.State.FAILING:
            _record(target.destination, Operation.LOG_DELIVERY_RECOVER, delivered=row.last + 1)


def _finish_replay(target: DestinationConnection, replay: Replay, error: str, now: datetime) -> None:
    with transaction.atomic():
        state = Replay.State.FAILED if error else Replay.State.DONE
        Replay.objects.filter(pk=replay.pk).update(state=state, error=error, finished=now)
        _record(
            target.destination,
            Operation.LOG_REPLAY_END,
            status=500 if error else 200,
            first=replay.first,
            last=replay.last,
            description=error,
        )


def _oldest(destination: LogDestination, first: int) -> datetime | None:
    """The time of the first undelivered record, from its header, which is not encrypted."""
    query = "SELECT e.at FROM audit_leaf l JOIN audit_event e ON e.id = l.event_id WHERE l.log_id = %s AND l.seq = %s"
    return next((at for (at,) in select(query, [destination.vault_id, first])), None)


def delivery_grant(destination: LogDestination) -> Grant:
    """The grant under which the delivery process works for a vault."""
    return system_grant(Permission.VAULTS_UPDATE, scope=Scope.of(destination.vault), origin="deliver")


def _record(destination: LogDestination, operation: Operation, **detail: Any) -> None:
    append_change(delivery_grant(destination), operation=operation, object_id="log/destination", **detail)
