"""The Celery app. `CELERY["imports"]` in the settings of a process names its task modules."""

from celery import Celery
from django.conf import settings

app = Celery("vaultportal")
app.conf.update(settings.CELERY)
