"""The thread that looks four times a second for new events and due webhooks, and sends a task for each due webhook.

Rows have what is due; the messages of the broker only notify, and a task whose message was lost is sent again.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import connection

from apps.core import clock
from apps.core.sql import execute, select
from apps.domain.events.queries import number_pending

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
_SENT_AGAIN_AFTER = 5.0  # seconds: the message may be lost, or with a worker that died
_MOST_SLOW = 8  # tasks at once for receivers that answer slowly: half of the threads, so that the others never wait
_FANNED_OUT = 1000  # events for each webhook and look: one that was away for long delays no other
# Adds a delivery for each event after the position of each webhook, and advances the position, in one statement. A
# webhook whose row another process has locked is left for the next look.
_FAN_OUT = """
    WITH behind AS (
        SELECT s.id, s.vault_id, s.position, s.types, least(p.last, s.position + %(most)s) AS last
        FROM event_delivery_subscription s
        JOIN events_vaultposition p ON p.vault_id = s.vault_id AND p.last > s.position
        WHERE s.valid ORDER BY s.id FOR UPDATE OF s SKIP LOCKED
    ), added AS (
        INSERT INTO event_delivery_delivery
            (id, subscription_id, event_id, event_type, object_id, object_name, position, state, attempts, since,
            next_try, error, created)
        SELECT gen_random_uuid(), behind.id, e.id, e.type, e.object_id, e.object_name, e.position, 'pending', 0,
            %(now)s, %(now)s, '', %(now)s
        FROM behind JOIN events_event e
        ON e.vault_id = behind.vault_id AND e.position > behind.position AND e.position <= behind.last
        WHERE behind.types = '[]' OR jsonb_exists(behind.types, e.type)
        ON CONFLICT DO NOTHING
    )
    UPDATE event_delivery_subscription s SET position = behind.last FROM behind WHERE s.id = behind.id"""
_DUE = """
    SELECT s.id, s.slow FROM event_delivery_subscription s JOIN vaults_vault v ON v.id = s.vault_id
    WHERE v.purged IS NULL AND (s.leased_until IS NULL OR s.leased_until < %(now)s)
        AND (s.next_try IS NULL OR s.next_try <= %(now)s)
        AND (s.handshake IS NULL OR s.handshake < s.validation_requested OR s.valid AND EXISTS (
            SELECT FROM event_delivery_delivery d
            WHERE d.subscription_id = s.id AND d.state = 'pending' AND d.next_try <= %(now)s))"""


class Dispatcher:
    """Sends tasks. `send(subscription_id)` sends that of a webhook; `began` and `ended` report its start and end."""

    def __init__(self, send: Callable[[UUID], None]) -> None:
        self._send = send
        # Webhook: when its task was sent (monotonic seconds; infinity while it runs), and whether the receiver is slow.
        self._sent: dict[UUID, tuple[float, bool]] = {}
        self._lock = threading.Lock()

    def look(self, *, now: datetime) -> None:
        """Add deliveries of new events, and send tasks for due webhooks. Raises `django.db.Error`."""
        number_pending()
        execute(_FAN_OUT, {"now": now, "most": _FANNED_OUT})
        for subscription_id in self._choose(select(_DUE, {"now": now})):
            self._send(subscription_id)

    def began(self, subscription_id: UUID) -> bool:
        """Note that a task begins in this process. False: another one for this webhook runs already."""
        with self._lock:
            sent, is_slow = self._sent.get(subscription_id, (0.0, False))
            self._sent[subscription_id] = math.inf, is_slow
            return sent < math.inf

    def ended(self, subscription_id: UUID) -> None:
        """Note that a task of this process has ended."""
        with self._lock:
            self._sent.pop(subscription_id, None)

    def run_forever(self) -> None:
        """Look every `POLL_SECONDS`; an error is logged and does not end the loop."""
        pause = threading.Event()
        while True:
            try:
                self.look(now=clock.now())
            except DatabaseError as error:
                logger.warning("The database is away (%s)", type(error).__name__)
                connection.close()
            except Exception:  # the broker may be away
                logger.exception("Tasks cannot be sent")
            pause.wait(POLL_SECONDS)

    def _choose(self, due: Iterable[tuple[UUID, bool]]) -> list[UUID]:
        moment, chosen = time.monotonic(), []
        with self._lock:
            sent = {key: value for key, value in self._sent.items() if moment - value[0] < _SENT_AGAIN_AFTER}
            slow = sum(is_slow for _, is_slow in sent.values())
            for subscription_id, is_slow in due:
                if subscription_id in sent or (is_slow and slow >= _MOST_SLOW):
                    continue
                slow += is_slow
                sent[subscription_id] = moment, is_slow
                chosen.append(subscription_id)
            self._sent = sent
        return chosen
