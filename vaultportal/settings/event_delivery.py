"""Delivery of events to webhooks: no HSM, no PIN, no audit log, no web interface."""

from vaultportal.settings.base import *  # noqa: F403  settings modules inherit this way
from vaultportal.settings.base import CELERY

LANE_PEER = "events"
CELERY = {**CELERY, "imports": ["apps.workers.event_delivery.tasks"]}
