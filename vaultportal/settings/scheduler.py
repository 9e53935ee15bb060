"""The scheduler and its worker: maintenance without an HSM."""

from vaultportal.env import env_int
from vaultportal.settings.base import *  # noqa: F403  settings modules inherit this way
from vaultportal.settings.base import CELERY

CELERY = {
    **CELERY,
    "imports": ["apps.workers.scheduler.tasks"],
    "beat_schedule": {
        "advance": {
            "task": "housekeeping.advance",
            "schedule": 2.0,
            "options": {"queue": "jobs", "expires": 5},
        },
        "sweep": {
            "task": "housekeeping.sweep",
            "schedule": env_int("SWEEP_SECONDS", 60),
            "options": {"queue": "jobs", "expires": 50},
        },
        "token-keys": {
            "task": "housekeeping.token_keys",
            "schedule": 60.0,
            "options": {"queue": "jobs", "expires": 50},
        },
    },
}
