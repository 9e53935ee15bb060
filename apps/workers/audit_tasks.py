"""What the audit worker does as Celery tasks, beside its lane and its sequencer."""

import logging
from typing import Any

from celery import current_app, shared_task

from apps.audit import sequencing
from apps.core import clock
from apps.workers.audit_worker import AuditStep

logger = logging.getLogger(__name__)

current_app.steps["worker"].add(AuditStep)


@shared_task(name="audit.make_days")
def make_days(**_: Any) -> None:
    """See that the partitions of the coming days are there, also when the sequencer stands."""
    sequencing.make_days(now=clock.now())
