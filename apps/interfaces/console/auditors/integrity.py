"""The integrity of the audit log: state, checkpoints and incidents of each log, and verification on request."""

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.audit_log.operation_names import Operation
from apps.audit_log.records import ORGANISATION
from apps.audit_reader import integrity, search_service, staleness, tasks
from apps.audit_reader.integrity import LogState
from apps.audit_reader.models import Task
from apps.audit_reader.staleness import StalledProcess
from apps.audit_reader.stall_thresholds import most_severe
from apps.audit_reader.trusted_keys import vkeys
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.interfaces.console import charts
from apps.interfaces.console.auditors import stall_banner
from apps.interfaces.console.auditors.base import AuditorsPage
from apps.interfaces.console.auditors.stall_banner import StallMessage
from apps.interfaces.console.labels import counted
from apps.log_delivery.queries import list_statuses

_CHAIN = 24
_NEWEST = 50_000  # records of a quick verification


class Integrity(AuditorsPage):
    permissions: ClassVar = {"get": Permission.AUDIT_READ, "post": Permission.AUDIT_READ}
    section = "auditors:integrity"
    template = "portal/auditors/integrity.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show all logs, and one of them, `vault`, in detail."""
        self.grant()
        params = request.GET.dict()
        checks = tasks.list_tasks(kind=Task.Kind.CHECK, limit=5)
        if params.get("part") == "checks":
            return self.show(template=f"{self.template}#checks", checks=self._with_progress(checks))
        chosen = self.chosen({"vault": params.get("vault", "")})
        moment = now()
        search_service.search(grant=self.grant(chosen.scope), operation=Operation.LOG_INTEGRITY, vault=chosen.name)
        waiting = staleness.count_unsequenced(now=moment)
        logs, statuses = integrity.list_logs(waiting=waiting), list_statuses()
        numbering, checking = staleness.numbering(waiting, now=moment), staleness.checking(now=moment)
        stands = [*stall_banner.of_the_log(numbering, checking), *stall_banner.of_deliveries(statuses, now=moment)]
        log_id = chosen.log_id if chosen.log_id is not None else next((log.log_id for log in logs), ORGANISATION)
        points = integrity.list_checkpoints(log_id=log_id, limit=_CHAIN)
        incidents = integrity.list_incidents(limit=100)
        return self.show(
            logs=[
                (log, self.names.vault(log.log_id), self.names.parameter(log.log_id), log.pace(now=moment))
                for log in logs
            ],
            sentence=_sentence(logs, checking),
            state=_state(logs, stands),
            stands=stands,
            checking=checking,
            moment=moment,
            closely=next((log for log in logs if log.log_id == log_id), None),
            closely_name=self.names.vault(log_id),
            closely_address=self.names.parameter(log_id),
            strip=charts.strip([(point.size, point.at) for point in reversed(points)]),
            points=points,
            incidents=[(row, self.names.vault(row.log_id)) for row in incidents],
            checks=self._with_progress(checks),
            newest=_NEWEST,
            vkeys=vkeys(),
            command="portal audit vkey > log.vkey\nportal audit verify DIR --vkey log.vkey",
            delivered=[(row, row.lag(now=moment), row.shown(now=moment)) for row in statuses],
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """Request the verification of a log, or of its newest records."""
        chosen = self.chosen({"vault": request.POST.get("vault", "")})
        log_id = chosen.log_id if chosen.log_id is not None else ORGANISATION
        newest = None if request.POST.get("all") == "1" else _NEWEST
        name = self.names.vault(log_id)
        tasks.request_verification(
            grant=self.grant(chosen.scope), log_id=log_id, vault_name=name, newest=newest, now=now()
        )
        text = f"Verification of the log of {name} started. Findings appear here."
        return self.redirect_with_success(text, f"{request.path}?vault={self.names.parameter(log_id)}#checks")

    def _with_progress(self, checks: list[Task]) -> list[tuple[Task, float, float | None]]:
        moment = now()
        return [(task, task.rate(moment), task.seconds_left(moment)) for task in checks]


class CancelTask(AuditorsPage):
    permissions: ClassVar = {"post": Permission.AUDIT_READ}

    def post(self, request: HttpRequest, task_id: UUID) -> HttpResponse:
        """Stop a verification or a pack at its next step, or delete the file of a finished pack."""
        del request
        task = tasks.cancel(grant=self.grant(), task_id=task_id, now=now())
        text = "Cancelled." if task.state == Task.State.CANCELLED else "File deleted."
        return self.redirect_with_success(text, _home(task.kind))

    def error_url(self) -> str:
        """Where tasks of its kind are; of one that is not there, the packs."""
        try:
            task = tasks.get_task(task_id=self.kwargs["task_id"])
        except tasks.TaskNotFound:
            return reverse("auditors:packs")
        return reverse(_home(task.kind))


def _home(kind: str) -> str:
    return "auditors:packs" if kind == Task.Kind.PACK else "auditors:integrity"


def _state(logs: Sequence[LogState], stands: Sequence[StallMessage]) -> tuple[str, str]:
    """The most severe finding, else stalled process, as a status label shows it: (level, text)."""
    level = most_severe(log.level for log in logs)
    if stands and level != "wrong":
        return most_severe(row.level for row in stands), "stalled"
    return next(((log.level, log.word) for log in logs if log.level == level), ("none", "empty"))


def _sentence(logs: Sequence[LogState], checking: StalledProcess | None) -> str:
    wrong = [log for log in logs if log.level == "wrong"]
    if not logs:
        return "There are no records yet."
    if wrong:
        return f"Verification failed for {counted(len(wrong), 'log', 'logs')}."
    first = sum(log.verified_at is None for log in logs)
    verified, parts = len(logs) - first, []
    if verified and checking:
        parts.append(f"{counted(verified, 'log was', 'logs were')} intact when last verified.")
    elif verified:
        parts.append(f"{counted(verified, 'log', 'logs')} verified.")
    if first:
        parts.append(f"{counted(first, 'log', 'logs')} not yet fully verified.")
    return " ".join(parts)
