"""Bulk rotations and staged rollovers of the keys of a vault: start, progress, pause, cancel, retire."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core.clock import lifecycle_now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.bulk_rotation import operations, queries, rehearsals, rules
from apps.domain.bulk_rotation.models import Rollover
from apps.domain.bulk_rotation.operations import RolloverPlan
from apps.interfaces.console.form_commands import commands
from apps.interfaces.console.labels import counted, word
from apps.interfaces.console.security_operations.base import SecopsPage, VaultPage
from apps.interfaces.console.security_operations.rotation_forms import RolloverForm, StagedRolloverForm
from apps.interfaces.console.vault_pages import VaultFormPage

_MOST_KEYS = 200  # in the table of a page
_LONGEST_NUMBER = 6


class RolloverPage(SecopsPage):
    """Base of the pages about bulk rotations and rollovers."""

    section = "secops:vaults"


class NewRollover(VaultFormPage, VaultPage):
    permissions: ClassVar = {"get": Permission.KEYS_ROTATE, "post": Permission.KEYS_ROTATE}
    error_field = "older_than_days"
    form_class = RolloverForm

    def submit(self, form: RolloverForm) -> HttpResponse:
        """Start the bulk rotation."""
        plan = RolloverPlan(**form.cleaned_data)
        row = operations.start(grant=self.grant(self.scope()), vault=self.vault, plan=plan, now=lifecycle_now())
        text = "Bulk rotation started. You can leave this page; it runs in the background."
        return self.redirect_with_success(text, "secops:rollover", row.pk)

    def texts(self, form: RolloverForm) -> dict[str, Any]:
        count = queries.count_keys(vault=self.vault, older_than_days=0, now=lifecycle_now())
        keys = counted(count, "enabled key", "enabled keys")
        return {
            **super().texts(form),
            "title": f"Rotate many keys of {self.vault.name}",
            "lead": f"Creates a new version of {keys}. Older versions still decrypt.",
            "verb": f"Rotate keys of {self.vault.name}",
            **_link_to_list(),
        }


class NewStagedRollover(VaultFormPage, VaultPage):
    permissions: ClassVar = {"get": Permission.KEYS_ROTATE, "post": Permission.KEYS_ROTATE}
    error_field = "key"
    form_class = StagedRolloverForm
    title = "Roll keys over"
    lead = "Creates new versions, shows who still uses the old ones, and lets you retire these when all have moved."
    verb = "Start rollover"

    def form(self, data: Any = None) -> StagedRolloverForm:
        return StagedRolloverForm(data, initial={"key": self.request.GET.get("key", "")[:127]})

    def texts(self, form: StagedRolloverForm) -> dict[str, Any]:
        return super().texts(form) | _link_to_list()

    def submit(self, form: StagedRolloverForm) -> HttpResponse:
        """Start the rollover."""
        row = operations.start(grant=self.grant(self.scope()), vault=self.vault, plan=form.plan(), now=lifecycle_now())
        return self.redirect_with_success("Rollover started. It runs in the background.", "secops:rollover", row.pk)


def _link_to_list() -> dict[str, str]:
    return {"list_url": reverse("secops:rollovers"), "list_title": "All rollovers"}


class Rollovers(RolloverPage):
    permissions: ClassVar = {"get": Permission.VAULTS_READ}
    template = "portal/secops/rollovers.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The latest 50 bulk rotations and rollovers of all vaults."""
        self.grant()
        return self.show(rows=queries.list_rollovers(limit=50))


class OneRollover(RolloverPage):
    permissions: ClassVar = {"get": Permission.VAULTS_READ}
    template = "portal/secops/rollover.html"

    def get(self, request: HttpRequest, rollover_id: UUID) -> HttpResponse:
        """The progress; the page polls `?part=progress`."""
        row = queries.get_rollover(rollover_id=rollover_id)
        self.grant(Scope.of(row.vault))
        part = f"{self.template}#progress" if request.GET.get("part") == "progress" else ""
        return self.show(template=part, **self._facts(row, seen=request.GET.get("seen", "")))

    @staticmethod
    def _facts(row: Rollover, *, seen: str) -> dict[str, Any]:
        moment = lifecycle_now()
        progress = queries.progress_of(row, now=moment)
        tenth = str(progress.percent // 10 * 10)
        return {
            "row": row,
            "noun": word(row.kind).capitalize(),
            "short_noun": "rotation" if row.kind == Rollover.Kind.BULK else "rollover",
            "command": commands(
                "bulk-rotation" if row.kind == Rollover.Kind.BULK else "rollover",
                ("show", "pause" if row.state == Rollover.State.RUNNING else "resume", "cancel"),
                row.pk,
            ),
            "retire_command": commands("rollover", ("keys", "retire"), row.pk),
            "rehearse_command": commands("rollover", ("rehearse", "rehearsal"), row.pk),
            "brown_out_command": commands("rollover", ("brown-out",), row.pk),
            **_rehearsed_keys(row, moment),
            "scheduled": row.is_scheduled(moment),
            "progress": progress,
            "tenth": tenth,
            "again": f"{reverse('secops:rollover', args=[row.pk])}?part=progress&seen={tenth}",
            "announce": seen not in ("", tenth),  # screen readers hear each tenth once
            "pause": 0 if row.finished else rules.pause_before_asking_again(age=moment - row.created),
            "current": queries.current_keys(row, limit=3),
            "latest": queries.latest_keys(row, limit=10),
            "failed": queries.failed_keys(row, limit=100),
        }


def _rehearsed_keys(row: Rollover, moment: datetime) -> dict[str, Any]:
    """The keys of a staged or emergency rollover, each with the state of its last rehearsal."""
    turns = queries.list_turns(row, limit=_MOST_KEYS) if row.kind != Rollover.Kind.BULK else []
    found = rehearsals.rehearsals_of(row, turns)
    states = [(turn, rehearsal) for turn in turns for rehearsal in [found[turn.pk]]]
    waiting = [(turn, rehearsal) for turn, rehearsal in states if turn.state in {"observing", "moved"}]
    is_all = len(turns) < _MOST_KEYS  # what is not looked at may not be clean
    is_clean = all(rehearsals.is_clean(rehearsal, moment) for _, rehearsal in waiting)
    return {
        "turns": [(turn, rehearsal and rehearsal.state(moment), rehearsal) for turn, rehearsal in states],
        "is_clean": is_all and bool(waiting) and is_clean,
    }


class SwitchRollover(RolloverPage):
    permissions: ClassVar = {"post": Permission.KEYS_ROTATE}
    error_page = ("secops:rollover", "rollover_id")

    def post(self, request: HttpRequest, rollover_id: UUID) -> HttpResponse:
        """Pause, resume or cancel; new versions that the HSM is creating are finished in any case."""
        row = queries.get_rollover(rollover_id=rollover_id)
        state = request.POST.get("state", "")
        operations.set_state(grant=self.grant(Scope.of(row.vault)), rollover_id=row.pk, state=state)
        text = {
            Rollover.State.PAUSED: "Paused. Keys already in the HSM will finish.",
            Rollover.State.RUNNING: "Resumed.",
            Rollover.State.CANCELLED: "Cancelled. Keys already rotated stay rotated.",
        }[Rollover.State(state)]
        return self.redirect_with_success(text, "secops:rollover", row.pk)


class RetireVersions(RolloverPage):
    permissions: ClassVar = {"post": Permission.KEYS_UPDATE}
    error_page = ("secops:rollover", "rollover_id")

    def post(self, request: HttpRequest, rollover_id: UUID) -> HttpResponse:
        """Request the retirement of old versions; of those in use only with approval by a second person."""
        row = queries.get_rollover(rollover_id=rollover_id)
        grant, override = self.grant(Scope.of(row.vault)), request.POST.get("override") == "yes"
        operations.retire(grant=grant, rollover_id=row.pk, override=override, now=lifecycle_now())
        return self.redirect_with_success("The old versions are being retired.", "secops:rollover", row.pk)


class Rehearse(RolloverPage):
    permissions: ClassVar = {"post": Permission.KEYS_UPDATE}
    error_page = ("secops:rollover", "rollover_id")

    def post(self, request: HttpRequest, rollover_id: UUID) -> HttpResponse:
        """Report uses of the old versions, which succeed, as uses that would fail."""
        row = queries.get_rollover(rollover_id=rollover_id)
        hours = _number(request.POST.get("hours", ""))
        rehearsals.rehearse(grant=self.grant(Scope.of(row.vault)), rollover_id=row.pk, hours=hours, now=lifecycle_now())
        text = "The rehearsal has begun." if hours else "The rehearsal was ended."
        return self.redirect_with_success(text, "secops:rollover", row.pk)


class BrownOut(RolloverPage):
    permissions: ClassVar = {"post": Permission.KEYS_UPDATE}
    error_page = ("secops:rollover", "rollover_id")

    def post(self, request: HttpRequest, rollover_id: UUID) -> HttpResponse:
        """Refuse some uses of the old versions for a minute; 0 percent ends that."""
        row = queries.get_rollover(rollover_id=rollover_id)
        percent = _number(request.POST.get("percent", ""))
        rehearsals.brown_out(
            grant=self.grant(Scope.of(row.vault)), rollover_id=row.pk, percent=percent, now=lifecycle_now()
        )
        refused = f"{percent} % of the uses of the old versions are refused for a minute."
        text = refused if percent else "The brown-out was ended."
        return self.redirect_with_success(text, "secops:rollover", row.pk)


def _number(text: str) -> int:
    """A number that a form sends; -1, which no operation takes, for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _LONGEST_NUMBER else -1
