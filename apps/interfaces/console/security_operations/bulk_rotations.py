"""Rolling many keys of a vault: beginning it, watching how far it is, pausing and cancelling it."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.core.clock import now
from apps.core.errors import VaultError
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.bulk_rotation import operations, queries, rules
from apps.domain.bulk_rotation.models import Rollover
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import get_vault
from apps.interfaces.console.labels import counted
from apps.interfaces.console.security_operations import cli_examples
from apps.interfaces.console.security_operations.base import SecopsPage
from apps.interfaces.console.security_operations.forms import RolloverForm


class RolloverPage(SecopsPage):
    """What its subclasses share."""

    section = "secops:vaults"


class NewRollover(RolloverPage):
    permissions: ClassVar = {"get": Permission.KEYS_ROTATE, "post": Permission.KEYS_ROTATE}
    template = "portal/parts/form_page.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """The form, and how many keys it would take."""
        del request
        vault = get_vault(name=name)
        self.grant(Scope.of(vault))
        return self._form(vault, RolloverForm())

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Begin."""
        vault = get_vault(name=name)
        form = RolloverForm(request.POST)
        if not form.is_valid():
            return self._form(vault, form)
        try:
            row = operations.start(grant=self.grant(Scope.of(vault)), vault=vault, now=now(), **form.cleaned_data)
        except VaultError as error:
            form.add_error("older_than_days", error.message)
            return self._form(vault, form)
        text = "Bulk rotation started. You can leave this page; it runs in the background."
        return self.done(text, "secops:rollover", row.pk)

    def _form(self, vault: Vault, form: RolloverForm) -> HttpResponse:
        count = queries.count_keys(vault=vault, older_than_days=0, now=now())
        keys = counted(count, "enabled key", "enabled keys")
        return self.show(
            400 if form.errors else 200,
            form=form,
            title=f"Rotate many keys of {vault.name}",
            lead=f"Creates a new version of {keys}. Older versions still decrypt.",
            verb=f"Rotate keys of {vault.name}",
            command=cli_examples.rollover_new(vault.name),
            crumb=vault.name,
            crumb_url=reverse("secops:vault", args=[vault.name]),
        )


class Rollovers(RolloverPage):
    permissions: ClassVar = {"get": Permission.VAULTS_READ}
    template = "portal/secops/rollovers.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """The last ones."""
        del request
        self.grant()
        return self.show(rows=queries.list_rollovers(limit=50))


class OneRollover(RolloverPage):
    permissions: ClassVar = {"get": Permission.VAULTS_READ}
    template = "portal/secops/rollover.html"

    def get(self, request: HttpRequest, rollover_id: UUID) -> HttpResponse:
        """How far it is; `?part=progress` is what the page asks for again and again."""
        row = queries.get_rollover(rollover_id=rollover_id)
        self.grant(Scope.of(row.vault))
        part = f"{self.template}#progress" if request.GET.get("part") == "progress" else ""
        return self.show(template=part, **self._facts(row, seen=request.GET.get("seen", "")))

    @staticmethod
    def _facts(row: Rollover, *, seen: str) -> dict[str, Any]:
        moment = now()
        progress = queries.progress_of(row, now=moment)
        tenth = str(progress.percent // 10 * 10)
        return {
            "row": row,
            "command": cli_examples.rollover(row.pk, running=row.state == Rollover.State.RUNNING),
            "progress": progress,
            "tenth": tenth,
            "again": f"{reverse('secops:rollover', args=[row.pk])}?part=progress&seen={tenth}",
            "announce": seen not in ("", tenth),  # screen readers hear each tenth once
            "pause": 0 if row.finished else rules.pause_before_asking_again(age=moment - row.created),
            "current": queries.current_keys(row, limit=3),
            "latest": queries.latest_keys(row, limit=10),
            "failed": queries.failed_keys(row, limit=100),
        }


class SwitchRollover(RolloverPage):
    permissions: ClassVar = {"post": Permission.KEYS_ROTATE}

    def post(self, request: HttpRequest, rollover_id: UUID) -> HttpResponse:
        """Pause, go on, or cancel; keys that the HSM has are finished in any case."""
        row = queries.get_rollover(rollover_id=rollover_id)
        state = request.POST.get("state", "")
        operations.set_state(grant=self.grant(Scope.of(row.vault)), rollover_id=row.pk, state=state)
        text = {
            Rollover.State.PAUSED: "Paused. Keys already in the HSM will finish.",
            Rollover.State.RUNNING: "Resumed.",
            Rollover.State.CANCELLED: "Cancelled. Keys already rotated stay rotated.",
        }[Rollover.State(state)]
        return self.done(text, "secops:rollover", row.pk)

    def came_from(self) -> str:
        return reverse("secops:rollover", args=[self.kwargs["rollover_id"]])
