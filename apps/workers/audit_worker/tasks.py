"""What the audit worker does as Celery tasks, beside its lane and its sequencer."""

import logging
from typing import Any

from celery import current_app, shared_task

from apps.audit_log import sequencer
from apps.audit_reader import continuous_verification
from apps.audit_reader.trusted_keys import trusted_verifiers
from apps.core import clock
from apps.core.errors import VaultError
from apps.workers.audit_worker import witness
from apps.workers.audit_worker.worker import AuditStep

logger = logging.getLogger(__name__)

_CHECK_SECONDS = 5.0

current_app.steps["worker"].add(AuditStep)


@shared_task(name="audit.make_days")
def create_partitions(**_: Any) -> None:
    """See that the partitions of the coming days are there, also when the sequencer stands."""
    sequencer.create_partitions(now=clock.now())


@shared_task(name="audit.check")
def check(**_: Any) -> None:
    """Look at the logs again for a few seconds: is every record still what was signed?"""
    verifiers = trusted_verifiers()
    older = witness.load_checkpoints(verifiers)
    try:
        continuous_verification.advance(verifiers=verifiers, older=older, now=clock.now(), seconds=_CHECK_SECONDS)
    except VaultError as error:
        logger.warning("The logs could not be checked now (%s).", error.message)
