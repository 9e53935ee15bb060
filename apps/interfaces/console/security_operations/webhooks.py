"""The webhooks of a vault: add, test, see and repeat deliveries, replace the signing secret, remove."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse

from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.event_delivery import operations, queries
from apps.event_delivery.models import Delivery
from apps.event_delivery.rules import OVERLAP
from apps.interfaces.console.base import FormPage
from apps.interfaces.console.form_commands import command, commands
from apps.interfaces.console.security_operations.base import VaultPage
from apps.interfaces.console.security_operations.webhook_forms import WebhookForm

_OVERLAP_HOURS = int(OVERLAP.total_seconds()) // 3600
_READ_AND_CHANGE = {"get": Permission.VAULTS_UPDATE, "post": Permission.VAULTS_UPDATE}


class Webhooks(VaultPage, FormPage):
    permissions: ClassVar = _READ_AND_CHANGE
    uses_objects = True
    require_reauth = True
    template = "portal/secops/webhooks.html"
    form_class = WebhookForm
    error_field = None

    def submit(self, form: WebhookForm) -> HttpResponse:
        """Add a webhook, and show its signing secret."""
        grant = self.grant(self.scope())
        row, secret = operations.create(grant=grant, vault=self.vault, now=now(), **form.values())
        return self.show(template="portal/secops/webhook_secret.html", vault=self.vault, webhook=row, secret=secret)

    def texts(self, form: WebhookForm) -> dict[str, Any]:
        return {
            "vault": self.vault,
            "rows": queries.list_subscriptions(vault_id=self.vault.pk),
            "command": form.cli.of(vault=self.vault.name),
        }


class WebhookPage(VaultPage):
    """Base of the pages about one webhook; errors are shown on its page."""

    permissions: ClassVar = {"post": Permission.VAULTS_UPDATE}
    error_page = ("secops:webhook", "name", "webhook")

    def named(self) -> dict[str, Any]:
        """What every operation on the webhook of the address takes."""
        return {"grant": self.grant(self.scope()), "vault": self.vault, "name": self.kwargs["webhook"]}

    def changed(self, text: str) -> HttpResponse:
        """Redirect to the webhook, where the effect is seen."""
        return self.redirect_with_success(text, "secops:webhook", self.vault.name, self.kwargs["webhook"])


class OneWebhook(WebhookPage):
    permissions: ClassVar = {"get": Permission.VAULTS_UPDATE}
    template = "portal/secops/webhook.html"

    def get(self, request: HttpRequest, name: str, webhook: str) -> HttpResponse:
        """The state, and the newest deliveries."""
        self.grant(self.scope())
        state = request.GET.get("state", "")
        if state and state not in Delivery.State.values:
            raise Http404
        row = queries.get_subscription(vault_id=self.vault.pk, name=webhook)
        acts = ("show", "test", "validate", "redeliver", "rotate-secret", "remove")
        return self.show(
            vault=self.vault,
            webhook=row,
            deliveries=queries.list_deliveries(subscription=row, state=state),
            state=state,
            states=Delivery.State.choices,
            overlap_hours=_OVERLAP_HOURS,
            command="\n".join(
                [
                    commands("webhook", acts, self.vault.name, webhook),
                    command("webhook deliveries", self.vault.name, webhook, state=state),
                ]
            ),
        )


class ValidateWebhook(WebhookPage):
    def post(self, request: HttpRequest, name: str, webhook: str) -> HttpResponse:
        """Do the handshake again."""
        operations.request_validation(**self.named(), now=now())
        return self.changed("The handshake is requested. Reload this page for its result.")


class SendTestEvent(WebhookPage):
    def post(self, request: HttpRequest, name: str, webhook: str) -> HttpResponse:
        """Send a test event."""
        operations.send_test(**self.named(), now=now())
        return self.changed("A test event is on its way. Reload this page for its state.")


class RedeliverEvents(WebhookPage):
    def post(self, request: HttpRequest, name: str, webhook: str) -> HttpResponse:
        """Send one event again, or all that were given up."""
        text = request.POST.get("delivery", "")
        try:
            delivery_id = UUID(text) if text else None
        except ValueError:
            raise Http404 from None
        count = operations.redeliver(**self.named(), delivery_id=delivery_id, now=now())
        return self.changed(f"{count} event{'' if count == 1 else 's'} will be sent again.")


class RotateWebhookSecret(WebhookPage):
    uses_objects = True
    require_reauth = True

    def post(self, request: HttpRequest, name: str, webhook: str) -> HttpResponse:
        """Replace the signing secret, and show the new one."""
        secret = operations.rotate_secret(**self.named(), overlap_hours=_OVERLAP_HOURS, now=now())
        row = queries.get_subscription(vault_id=self.vault.pk, name=webhook)
        return self.show(template="portal/secops/webhook_secret.html", vault=self.vault, webhook=row, secret=secret)


class RemoveWebhook(WebhookPage):
    require_reauth = True

    def post(self, request: HttpRequest, name: str, webhook: str) -> HttpResponse:
        """Remove it, with its deliveries."""
        operations.delete(**self.named())
        return self.redirect_with_success(f"Webhook {webhook} removed.", "secops:webhooks", self.vault.name)
