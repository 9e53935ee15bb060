"""Evidence packs: a period of a log, packed and signed in the background."""

from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from apps.audit_log.operation_names import Operation
from apps.audit_log.records import ORGANISATION
from apps.audit_reader import evidence_packs, tasks
from apps.audit_reader.models import Task
from apps.audit_reader.search_params import InvalidSearch, parse_time
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.interfaces.console.auditors.base import AuditorsPage
from apps.interfaces.console.form_commands import CliCommand, CommandForm, utc
from apps.interfaces.console.page_context import zone_of


class PackForm(CommandForm):
    """What the page asks for, as the command line says it."""

    cli = CliCommand("audit pack", options={"vault": "--vault", "from": utc("--from"), "to": utc("--to")})
    vault = forms.ChoiceField()

    def __init__(self, *, vaults: list[str], since: datetime, until: datetime) -> None:
        super().__init__(initial={"from": since, "to": until})
        self.fields["vault"].choices = [(name, name) for name in vaults]  # type: ignore[attr-defined]  # a ChoiceField's
        self.fields |= {"from": forms.DateTimeField(), "to": forms.DateTimeField()}


class EvidencePacks(AuditorsPage):
    operation = Operation.PAGE_PACKS
    permissions: ClassVar = {"get": Permission.AUDIT_READ, "post": Permission.AUDIT_READ}
    section = "auditors:packs"
    template = "portal/auditors/packs.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the latest packs with their progress; the page requests `part=packs` while a pack is made."""
        self.grant()
        moment = now()
        packs = tasks.list_tasks(kind=Task.Kind.PACK, limit=20)
        rows = [(task, task.rate(moment), task.seconds_left(moment)) for task in packs]
        pause = _pause(packs, moment)
        announcement, announced = _announcement(packs)
        again = f"{request.path}?{urlencode({'part': 'packs', 'announced': announced})}"
        if request.GET.get("part") == "packs":
            announcement = "" if announced == request.GET.get("announced") else announcement
            return self.show(
                template=f"{self.template}#packs", packs=rows, pause=pause, announcement=announcement, again=again
            )
        today = timezone.localtime(moment).replace(hour=0, minute=0, second=0, microsecond=0)
        since, until = today.replace(day=1), moment + timedelta(minutes=1)
        form = PackForm(vaults=[*(vault.name for vault in self.vaults), "-"], since=since, until=until)
        shown: dict[str, Any] = {"packs": rows, "pause": pause, "again": again, "vaults": self.vaults}
        return self.show(**shown, since=since, until=until, form=form, command=form.cli)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Request a pack."""
        params, zone = request.POST.dict(), zone_of(request)
        since, until = parse_time(params, "from", zone), parse_time(params, "to", zone)
        if since is None or until is None:
            raise InvalidSearch("Choose a start and an end.")
        chosen = self.chosen(params)
        log_id = chosen.log_id if chosen.log_id is not None else ORGANISATION
        name = chosen.name if chosen.log_id not in (None, ORGANISATION) else "organisation"
        grant = self.grant(chosen.scope)
        tasks.request_pack(grant=grant, log_id=log_id, vault_name=name, since=since, until=until, now=now())
        return self.redirect_with_success(
            "The evidence pack is being created. You can leave this page.", "auditors:packs"
        )


class EvidencePack(AuditorsPage):
    operation = Operation.PAGE_PACK
    permissions: ClassVar = {"get": Permission.AUDIT_READ}

    def get(self, request: HttpRequest, task_id: UUID) -> HttpResponseBase:
        """Stream the file; each download is recorded."""
        del request
        task = tasks.fetch(grant=self.grant(), task_id=task_id)
        file, name = evidence_packs.open_pack(task), evidence_packs.name_of(task)
        return FileResponse(file, as_attachment=True, filename=name, content_type="application/zip")


def _pause(found: list[Task], moment: datetime) -> int:
    """Seconds until the page's next request: short at first, then longer; 0 when no pack is made."""
    running = [task for task in found if task.is_open]
    if not running:
        return 0
    age = (moment - max(task.created for task in running)).total_seconds()
    return 1 if age < 15 else 3 if age < 120 else 10


def _announcement(found: list[Task]) -> tuple[str, str]:
    """The text for screen readers about the running or latest pack, and a mark by which it is read only once."""
    task = next((task for task in found if task.is_open), found[0] if found else None)
    if task is None:
        return "", ""
    tenth = 10 * (10 * task.done // task.total) if task.total else 0
    if task.is_open:
        text = f"{task.vault_name}: {tenth} percent done"
    elif task.state == Task.State.DONE:
        text = f"The evidence pack of {task.vault_name} is ready."
    else:
        text = f"The evidence pack of {task.vault_name} failed."
    return text, f"{task.pk}.{task.state}.{tenth}"
