"""Jobs that are refused: somebody wrote their rows, or they fail whenever they are tried.

Nothing was made. The log of the vault (or of the organisation) gets a record, without the caller whom the row names,
and an incident that nobody can remove.
"""

from datetime import datetime

from apps.audit_log.models import Incident
from apps.audit_log.operation_names import Operation
from apps.audit_log.records import ORGANISATION, Phase
from apps.audit_log.writer import append
from apps.core.ids import uuid7
from apps.core.principals import RequestContext
from apps.domain.access.audit_records import make_record
from apps.domain.access.grants import Scope
from apps.domain.access.system_grants import SYSTEM
from apps.domain.hsm_client.models import Job
from apps.domain.vaults.models import Vault
from apps.workers.hsm_worker.job_facts import OPERATIONS


def report_refused(job: Job, reason: str, *, vault: Vault | None, now: datetime) -> None:
    """Record a refused job in the caller's transaction. `reason`: a sentence of ours, without values of the row."""
    kind = job.kind if job.kind in OPERATIONS else "of an unknown kind"
    sentence = f"The job {kind} for {job.subject_id} was refused. {reason} Nothing was made."
    record = make_record(
        SYSTEM,
        Scope.of(vault),
        RequestContext(request_id=uuid7(), user_agent="hsm-worker"),
        operation=Operation.JOB_REFUSED,
        phase=Phase.DENIAL,
        status=500,
        object_id=f"jobs/{job.pk.hex}",
        at=now,
        description=sentence,
    )
    append([record])
    log_id = vault.pk if vault else ORGANISATION
    Incident.report(log_id=log_id, problem=Incident.REFUSED_JOB, sentence=sentence, now=now)
