"""The log destination of a vault: set, test, replay; and the retention of its records."""

from datetime import timedelta
from typing import Any, ClassVar

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.functional import cached_property

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.vaults.models import Vault
from apps.interfaces.console import charts
from apps.interfaces.console.base import FormPage
from apps.interfaces.console.form_commands import commands
from apps.interfaces.console.security_operations.base import VaultPage
from apps.interfaces.console.security_operations.log_destination_forms import DestinationForm, ReplayForm, RetentionForm
from apps.log_delivery import operations, queries
from apps.log_delivery.models import LogDestination
from apps.log_delivery.rules import FIELDS


class DeliveryPage(VaultPage):
    """Base of these pages; errors are shown on the vault's settings."""

    permissions: ClassVar = {"post": Permission.VAULTS_UPDATE}
    error_page = ("secops:vault_settings", "name")

    def changed(self, text: str) -> HttpResponse:
        """Redirect to the vault's settings, where the effect is seen."""
        return self.redirect_with_success(text, "secops:vault_settings", self.vault.name)


class LogDestinationPage(DeliveryPage, FormPage):
    uses_objects = True
    permissions: ClassVar = {"get": Permission.LOG_DESTINATIONS_READ, "post": Permission.VAULTS_UPDATE}
    template = "portal/secops/log_destination.html"
    require_reauth_before_form = True  # credentials of the storage are in the form
    error_field = None

    @cached_property
    def before(self) -> LogDestination | None:
        """What is set."""
        return queries.find_destination(vault_id=self.vault.pk)

    @cached_property
    def kind(self) -> str:
        """The kind of storage that the address names. Raises `Http404`."""
        kind = self.request.GET.get("kind", self.before.kind if self.before else "s3")
        if kind not in FIELDS:
            raise Http404
        return kind

    def form(self, data: Any = None) -> DestinationForm:
        """The form of a kind of storage; with what is set, but for credentials."""
        return DestinationForm(data, kind=self.kind, before=self.before)

    def submit(self, form: DestinationForm) -> HttpResponse:
        """Set it."""
        grant = self.grant(self.scope())
        operations.set_destination(grant=grant, vault=self.vault, kind=self.kind, now=now(), **form.values())
        return self.changed(f"Log destination of {self.vault.name} saved. Test it now.")

    def texts(self, form: DestinationForm) -> dict[str, Any]:
        return {
            "vault": self.vault,
            "kind": self.kind,
            "kinds": LogDestination.Kind.choices,
            "before": self.before,
            "command": form.command(self.vault, self.kind, self.before),
        }


class TestLogDestination(DeliveryPage):
    operation = Operation.PAGE_TRY_LOG_DESTINATION

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Write a test object; an error is shown beside the destination."""
        error = operations.try_destination(grant=self.grant(self.scope()), vault=self.vault, now=now())
        return self.changed("The storage rejected the test object." if error else "Test object delivered.")


class RemoveLogDestination(DeliveryPage):
    require_reauth = True

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Keep the log here only; what was delivered stays where it is."""
        operations.remove_destination(grant=self.grant(self.scope()), vault=self.vault, now=now())
        return self.changed(f"Log destination of {self.vault.name} removed.")


class ReplayLog(DeliveryPage):
    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Redeliver a range."""
        form = ReplayForm(request.POST)
        if not form.is_valid():
            raise operations.BadReplay("Enter the first and the last record number.")
        operations.replay(grant=self.grant(self.scope()), vault=self.vault, now=now(), **form.cleaned_data)
        return self.changed("These records will be redelivered.")


class LogRetentionPage(DeliveryPage):
    require_reauth = True

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Set how long records are kept here."""
        form = RetentionForm(request.POST)
        if not form.is_valid():
            raise operations.BadReplay("Enter 1 to 3660 days, or leave empty.")
        operations.set_retention(grant=self.grant(self.scope()), vault=self.vault, now=now(), **form.cleaned_data)
        return self.changed(f"Log retention of {self.vault.name} changed.")


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
        "delivery": status,
        "state": status.shown(now=moment),
        "lag": status.lag(now=moment),
        "chart": charts.delay_chart(rows),
        "replay": ReplayForm(),
        "replay_command": ReplayForm.cli.of(vault=vault.name),
    }
