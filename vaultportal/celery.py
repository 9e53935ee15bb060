"""The Celery app. Which task modules it loads, the settings of the process say."""

from celery import Celery
from django.conf import settings

app = Celery("vaultportal")
app.conf.update(settings.CELERY)
