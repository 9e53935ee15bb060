"""The Celery task of the audit worker, beside its lane and its sequencer."""

import logging
from typing import Any

from celery import current_app, shared_task

from apps.audit_reader import continuous_verification
from apps.audit_reader.trusted_keys import trusted_verifiers
from apps.core import clock
from apps.core.errors import VaultError
from apps.workers.audit_worker import witness
from apps.workers.audit_worker.worker import AuditStep

logger = logging.getLogger(__name__)

_VERIFY_SECONDS = 5.0

current_app.steps["worker"].add(AuditStep)


@shared_task(name="audit.check")
def verify_logs(**_: Any) -> None:
    """Verify the logs for a few seconds, continuing where the last run stopped."""
    verifiers = trusted_verifiers()
    older = witness.load_checkpoints(verifiers)
    try:
        continuous_verification.advance(verifiers=verifiers, older=older, now=clock.now(), seconds=_VERIFY_SECONDS)
    except VaultError as error:
        logger.warning("The logs could not be verified now (%s).", error.message)
