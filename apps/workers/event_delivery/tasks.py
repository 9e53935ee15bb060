"""The Celery task that sends to one webhook, and the start of the thread that sends these tasks."""

import threading
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_ready

from apps.core import clock
from apps.workers.event_delivery.dispatcher import Dispatcher
from apps.workers.event_delivery.sending import work_on

QUEUE = "events"
_EXPIRES = 10  # seconds: a later message is sent meanwhile


@shared_task(name="events.deliver")
def deliver(subscription_id: str) -> None:
    """Send the due deliveries of a webhook. A second message for the same webhook is harmless."""
    key = UUID(subscription_id)
    if not _dispatcher.began(key):  # its end would be taken for that of the task that runs
        return
    try:
        work_on(key, clock=clock.now)
    finally:
        _dispatcher.ended(key)


def _send(subscription_id: UUID) -> None:
    deliver.apply_async((str(subscription_id),), queue=QUEUE, expires=_EXPIRES)


_dispatcher = Dispatcher(_send)


@worker_ready.connect
def start_dispatcher(**_: Any) -> None:
    """Start the dispatcher's thread when the worker is ready."""
    threading.Thread(target=_dispatcher.run_forever, name="dispatcher", daemon=True).start()
