"""The Celery app. The settings of each process list its task modules."""

from celery import Celery
from django.conf import settings

app = Celery("vaultportal")
app.conf.update(settings.CELERY)
