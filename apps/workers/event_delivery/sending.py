"""Sends the due deliveries of one webhook, in order for each object.

A task claims the webhook with a lease, so that one task at a time sends to it. If the worker is killed, the deliveries
stay pending: the receiver may get the last one twice, with the same `webhook-id`.
"""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db.models import Q, QuerySet

from apps.core.errors import VaultError
from apps.domain.events.models import Event
from apps.domain.events.queries import facts_of
from apps.domain.events.rules import Facts
from apps.event_delivery import rules
from apps.event_delivery.models import Delivery, Subscription
from apps.workers.event_delivery.endpoint import Endpoint, OpenEndpoints, ReceiverError

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]

_LEASE = timedelta(seconds=60)  # longer than an attempt, which the HTTP client ends after 20 s
_BUDGET_SECONDS = 15.0  # for one task: others wait for its thread
_SLOW_SECONDS = 1.0
_BATCH = 100
_HSM_PAUSE = timedelta(seconds=5)
_endpoints = OpenEndpoints()
_State = Delivery.State


def work_on(subscription_id: UUID, *, clock: Clock) -> None:
    """Do the handshake of a webhook if it is due, then send due deliveries; nothing if another task has the webhook."""
    row = _claim(subscription_id, now=clock())
    if row is None:
        return
    try:
        endpoint = _endpoints.get(row)
    except VaultError as error:  # not the receiver's fault: no attempt is counted
        logger.warning("A webhook's secret cannot be opened (%s)", type(error).__name__)
        _release(row, next_try=clock() + _HSM_PAUSE)
        return
    worker = _Sender(row, endpoint, clock)
    worker.shake_hands()
    if row.valid:
        worker.send_due()
    _release(row, next_try=row.next_try, failures=row.failures, error=row.error, slow=worker.slow)


def _claim(subscription_id: UUID, *, now: datetime) -> Subscription | None:
    claim = uuid4()
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=now)
    due = Q(next_try__isnull=True) | Q(next_try__lte=now)
    taken = Subscription.objects.filter(free, due, pk=subscription_id).update(claim=claim, leased_until=now + _LEASE)
    if not taken:
        return None
    row = Subscription.objects.select_related("vault__world").filter(pk=subscription_id, claim=claim).first()
    if row is not None:
        row.next_try = None
    return row


def _release(row: Subscription, **state: object) -> None:
    Subscription.objects.filter(pk=row.pk, claim=row.claim).update(claim=None, leased_until=None, **state)


def _facts(row: Delivery, events: Mapping[UUID, Event]) -> Facts | None:
    """Return the event to send; None for an event that is no longer stored."""
    if row.event_id is None:  # a test
        return Facts(row.pk, row.event_type, "", "", "", None, None, row.created)
    event = events.get(row.event_id)
    return None if event is None else facts_of(event)


class _Sender:
    """One task's work on a claimed webhook. It changes `row` as it goes; `work_on` stores that."""

    def __init__(self, row: Subscription, endpoint: Endpoint, clock: Clock) -> None:
        self._row, self._endpoint, self._clock = row, endpoint, clock
        self.slow = False
        self._until = time.monotonic() + _BUDGET_SECONDS

    def shake_hands(self) -> None:
        """Do the handshake that was requested and has not been tried."""
        row, now = self._row, self._clock()
        if row.handshake is not None and row.handshake >= row.validation_requested:
            return
        try:
            self._endpoint.shake_hands()
            row.valid, row.error = True, ""
        except ReceiverError as error:
            row.valid, row.error = False, str(error)
        row.handshake = max(now, row.validation_requested)
        Subscription.objects.filter(pk=row.pk, claim=row.claim).update(
            handshake=row.handshake, valid=row.valid, error=row.error
        )

    def send_due(self) -> None:
        """Send until nothing is due, the webhook has to pause, or the time of the task is over."""
        blocked: set[UUID] = set()  # objects whose earliest event has to wait
        while rows := list(self._pending().exclude(object_id__in=blocked).order_by("position", "pk")[:_BATCH]):
            events = Event.objects.in_bulk([row.event_id for row in rows if row.event_id is not None])
            for row in rows:
                if row.object_id in blocked:
                    continue
                if row.next_try > self._clock() or not self._send(row, events):
                    blocked.add(row.object_id)
                if self._row.next_try is not None or time.monotonic() > self._until or not self._renew():
                    return

    def _pending(self) -> QuerySet[Delivery]:
        return Delivery.objects.filter(subscription=self._row, state=_State.PENDING)

    def _renew(self) -> bool:
        """Keep the lease. False: the webhook was removed, or another task has it."""
        rows = Subscription.objects.filter(pk=self._row.pk, claim=self._row.claim)
        return rows.update(leased_until=self._clock() + _LEASE) == 1

    def _send(self, row: Delivery, events: Mapping[UUID, Event]) -> bool:
        """Make one attempt. Returns whether the object's next event may follow."""
        facts = _facts(row, events)
        if facts is None:
            self._end(row, _State.DEAD, error="The event is no longer stored.")
            return True
        started = time.monotonic()
        try:
            status = self._endpoint.send(facts, attempt=row.attempts + 1)
        except ReceiverError as error:
            self._note_failure(row, error)
            return row.state == _State.DEAD
        finally:
            self.slow = time.monotonic() - started > _SLOW_SECONDS
        self._end(row, _State.DELIVERED, status=status, attempts=row.attempts + 1)
        self._note_success()
        return True

    def _note_success(self) -> None:
        row, now = self._row, self._clock()
        if rules.rest(row.failures) is not None:  # the receiver is back: what waits for a later attempt is due now
            self._pending().filter(next_try__gt=now).update(next_try=now)
        row.failures, row.error = 0, ""
        Subscription.objects.filter(pk=row.pk).update(last_delivered=now, failures=0, error="")

    def _note_failure(self, row: Delivery, error: ReceiverError) -> None:
        now, attempts = self._clock(), row.attempts + 1
        values = {"attempts": attempts, "status": error.status, "error": str(error)}
        if rules.is_given_up(row.since, now=now):
            self._end(row, _State.DEAD, **values)
        else:
            again = now + rules.pause(attempts)
            Delivery.objects.filter(pk=row.pk, state=_State.PENDING).update(next_try=again, **values)
            self._pending().filter(object_id=row.object_id, next_try__lt=again).update(next_try=again)
        self._row.failures += 1
        self._row.error = str(error)
        pause = rules.rest(self._row.failures)
        if pause is not None:
            self._row.next_try = now + pause
            too_old = self._pending().filter(since__lte=now - rules.GIVEN_UP_AFTER)
            too_old.update(state=_State.DEAD, done=now, error=str(error))

    def _end(self, row: Delivery, state: Delivery.State, **values: object) -> None:
        row.state = state
        Delivery.objects.filter(pk=row.pk, state=_State.PENDING).update(state=state, done=self._clock(), **values)
