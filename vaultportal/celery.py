"""The Celery app. `CELERY["imports"]` in the settings of a process names its task modules."""

from typing import Any

from celery import Celery
from celery.signals import task_prerun
from django.conf import settings
from django.db import connections

from vaultportal import broker

broker.use()
app = Celery("vaultportal")
app.conf.update(settings.CELERY)


@task_prerun.connect
def replace_broken_connection(**_: Any) -> None:
    """Close a connection that does not work any more: the database may have been restarted since the last task."""
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None and not connection.in_atomic_block and not connection.is_usable():
            connection.close()
