"""History of an object, as far as database rows show it.

Security operations may not read the audit log. Versions, jobs, policies, approvals and counters show most events, but
not all: of an attribute that changed twice only the last change, of a removed role nothing. The page says so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from apps.audit_log.operation_names import USES
from apps.domain.approvals.models import ApprovalRequest
from apps.domain.catalog.queries import versions_of
from apps.domain.hsm_client.models import Job
from apps.domain.keys.models import Key, RotationPolicy
from apps.domain.vaults.models import Vault
from apps.usage.queries import uses_of_object

_VERSIONS = 200
_CREATION_SPAN = timedelta(seconds=2)  # creating a version writes it twice, which is not a change


@dataclass(frozen=True, slots=True)
class Event:
    """An event of an object. `what` is one of `made`, `failed`, `changed`, `deleted`, `policy`, `first use`,
    `asked`, `approved`, `rejected`; `detail` depends on it.
    """

    at: datetime
    what: str
    who: str = ""  # a person's name, an application's client id, "system"; "": unknown
    version: str = ""
    detail: str = ""
    kind: str = ""  # made: the operation; asked and decided: the act


def list_history(*, vault: Vault, kind: str, row: Any, limit: int) -> list[Event]:
    """List the events of an object, the latest first."""
    events = [
        *_versions(row),
        *_policy(row),
        *_approvals(vault, kind, row),
        *_first_uses(vault, f"{kind}/{row.name}"),
    ]
    if row.deleted:
        events.append(Event(row.deleted, "deleted"))
    return sorted(events, key=lambda event: event.at, reverse=True)[:limit]


def _versions(row: Any) -> list[Event]:
    versions = versions_of(row, limit=_VERSIONS)
    jobs = _jobs(row)
    events = [_failure(job) for job in jobs.values() if job.state == Job.State.FAILED]
    for version in versions:
        job = jobs.get(version.pk)
        who, operation = (job.grant.get("caller", ""), job.grant.get("operation", "")) if job else ("", "")
        client = str((job.grant.get("detail") or {}).get("clientInfo", "")) if job and who == "system" else ""
        events.append(Event(version.created, "made", who, version.version, client, operation))
        if version.updated - version.created > _CREATION_SPAN:
            state = "enabled" if version.enabled else "disabled"
            events.append(Event(version.updated, "changed", "", version.version, state))
    return events


def _jobs(row: Any) -> dict[UUID, Job]:
    """Map versions of a key to the jobs that created them; imported and restored versions have none."""
    if not isinstance(row, Key):
        return {}
    versions = row.versions.order_by("-created").values_list("pk", flat=True)[:_VERSIONS]
    return {job.subject_id: job for job in Job.objects.filter(subject_type="keyversion", subject_id__in=list(versions))}


def _failure(job: Job) -> Event:
    version = str(job.grant.get("object_id", "")).rpartition("/")[2]
    return Event(job.finished or job.created, "failed", job.grant.get("caller", ""), version, job.message)


def _policy(row: Any) -> list[Event]:
    policy = RotationPolicy.objects.filter(key=row).first() if isinstance(row, Key) else None
    return [Event(policy.updated, "policy")] if policy else []


def _approvals(vault: Vault, kind: str, row: Any) -> list[Event]:
    events = []
    for request in ApprovalRequest.objects.filter(vault_id=vault.pk, subject__iexact=f"{kind}/{row.name}"):
        if request.concerns and row.pk not in request.concerns:
            continue  # about an earlier object of this name
        act = request.get_act_display()
        events.append(Event(request.created, "asked", request.requester, kind=act))
        if request.decided is not None:
            decision = "rejected" if request.state == ApprovalRequest.State.REJECTED else "approved"
            events.append(Event(request.decided, decision, request.decider, detail=request.note, kind=act))
    return events


def _first_uses(vault: Vault, object_id: str) -> list[Event]:
    """List each caller's first use of any version."""
    first: dict[UUID, Event] = {}
    for use in uses_of_object(vault_id=vault.pk, object_id=object_id):
        known = first.get(use.caller_id)
        if use.done and use.operation in USES and (known is None or use.first < known.at):
            version = use.object_id.removeprefix(f"{object_id}").lstrip("/")
            first[use.caller_id] = Event(use.first, "first use", use.caller, version, kind=use.operation)
    return list(first.values())
