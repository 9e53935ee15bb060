"""The Celery app. `CELERY["imports"]` in the settings of a process names its task modules."""

from typing import Any

from celery import Celery
from celery.signals import task_prerun
from django.conf import settings
from django.db import close_old_connections

app = Celery("vaultportal")
app.conf.update(settings.CELERY)


@task_prerun.connect
def replace_broken_connection(**_: Any) -> None:
    """Replace a connection that failed since the last task, as Django does before a request."""
    close_old_connections()
