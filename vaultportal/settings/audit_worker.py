"""The audit worker: the audit token's PIN, the sequencer, and the HSM socket that opens data keys for readers."""

from vaultportal.settings.hsm_worker import *  # noqa: F403  settings modules inherit this way
from vaultportal.settings.hsm_worker import CELERY

STORES_DENIALS = False
CELERY = {**CELERY, "imports": ["apps.workers.audit_worker.worker"]}
