"""The log destination of a vault: set, test, replay; and the retention of its records."""

from datetime import timedelta
from typing import Any, ClassVar

from django.http import Http404, HttpRequest, HttpResponse

from apps.core.clock import now
from apps.core.errors import VaultError
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import get_vault
from apps.interfaces.console import charts
from apps.interfaces.console.form_commands import commands
from apps.interfaces.console.security_operations.base import SecopsPage
from apps.interfaces.console.security_operations.log_destination_forms import DestinationForm, ReplayForm, RetentionForm
from apps.log_delivery import operations, queries
from apps.log_delivery.models import LogDestination
from apps.log_delivery.rules import FIELDS

_CHANGE: dict[str, Permission] = {"post": Permission.VAULTS_UPDATE}


class DeliveryPage(SecopsPage):
    """Base of these pages; errors are shown on the vault's settings."""

    section = "secops:vaults"
    error_page = ("secops:vault_settings", "name")


class LogDestinationPage(DeliveryPage):
    permissions: ClassVar = {"get": Permission.LOG_DESTINATIONS_READ, "post": Permission.VAULTS_UPDATE}
    template = "portal/secops/log_destination.html"
    require_reauth_before_form = True  # credentials of the storage are in the form

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """The form of a kind of storage; with what is set, but for credentials."""
        vault = get_vault(name=name)
        self.grant(Scope.of(vault))
        before = queries.find_destination(vault_id=vault.pk)
        kind = request.GET.get("kind", before.kind if before else "s3")
        return self._form(vault, before, kind, None)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Set it."""
        vault = get_vault(name=name)
        before = queries.find_destination(vault_id=vault.pk)
        kind = request.GET.get("kind", before.kind if before else "s3")
        if kind not in FIELDS:
            raise Http404
        form = DestinationForm(request.POST, kind=kind, before=before)
        if not form.is_valid():
            return self._form(vault, before, kind, form)
        try:
            operations.set_destination(
                grant=self.grant(Scope.of(vault)), vault=vault, kind=kind, now=now(), **form.values()
            )
        except ApprovalRequired:
            raise
        except VaultError as error:
            form.add_error(None, error.message)
            return self._form(vault, before, kind, form)
        return self.redirect_with_success(f"Log destination of {vault.name} saved. Test it now.", *_settings(vault))

    def _form(
        self, vault: Vault, before: LogDestination | None, kind: str, form: DestinationForm | None
    ) -> HttpResponse:
        if kind not in FIELDS:
            raise Http404
        shown = form or DestinationForm(kind=kind, before=before)
        kinds = LogDestination.Kind.choices
        context: dict[str, Any] = {"vault": vault, "form": shown, "kind": kind, "kinds": kinds, "before": before}
        return self.show(400 if shown.errors else 200, **context, command=shown.command(vault, kind, before))


class TryLogDestination(DeliveryPage):
    permissions: ClassVar = _CHANGE

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Write a test object; an error is shown beside the destination."""
        vault = get_vault(name=name)
        error = operations.try_destination(grant=self.grant(Scope.of(vault)), vault=vault, now=now())
        text = "The storage rejected the test object." if error else "Test object delivered."
        return self.redirect_with_success(text, *_settings(vault))


class RemoveLogDestination(DeliveryPage):
    permissions: ClassVar = _CHANGE
    require_reauth = True

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Keep the log here only; what was delivered stays where it is."""
        vault = get_vault(name=name)
        operations.remove_destination(grant=self.grant(Scope.of(vault)), vault=vault, now=now())
        return self.redirect_with_success(f"Log destination of {vault.name} removed.", *_settings(vault))


class ReplayLog(DeliveryPage):
    permissions: ClassVar = _CHANGE

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Redeliver a range."""
        vault = get_vault(name=name)
        form = ReplayForm(request.POST)
        if not form.is_valid():
            raise operations.BadReplay("Enter the first and the last record number.")
        operations.replay(grant=self.grant(Scope.of(vault)), vault=vault, now=now(), **form.cleaned_data)
        return self.redirect_with_success("These records will be redelivered.", *_settings(vault))


class LogRetentionPage(DeliveryPage):
    permissions: ClassVar = _CHANGE
    require_reauth = True

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Set how long records are kept here."""
        vault = get_vault(name=name)
        form = RetentionForm(request.POST)
        if not form.is_valid():
            raise operations.BadReplay("Enter 1 to 3660 days, or leave empty.")
        days = form.cleaned_data["days"]
        operations.set_retention(grant=self.grant(Scope.of(vault)), vault=vault, days=days, now=now())
        return self.redirect_with_success(f"Log retention of {vault.name} changed.", *_settings(vault))


def card_of(vault: Vault) -> dict[str, Any]:
    """The log's part of the context of a vault's settings."""
    status, days, moment = queries.get_status(vault_id=vault.pk), queries.retention_days(vault_id=vault.pk), now()
    context: dict[str, Any] = {
        "retention": RetentionForm(initial={"days": days}),
        "retention_days": days,
        "keep_command": RetentionForm.cli.of(vault=vault.name),
        "log_command": commands("log", ("show", "test", "remove"), vault.name),
    }
    if status is None:
        return context
    rows = queries.lags(destination_id=status.destination.pk, since=moment - timedelta(hours=24))
    return {
        **context,
        "told": status,
        "state": status.shown(now=moment),
        "lag": status.lag(now=moment),
        "chart": charts.lags(rows),
        "replay": ReplayForm(),
        "replay_command": ReplayForm.cli.of(vault=vault.name),
    }


def _settings(vault: Vault) -> tuple[str, str]:
    return "secops:vault_settings", vault.name
