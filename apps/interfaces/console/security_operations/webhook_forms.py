"""The form of a webhook."""

from typing import Any

from django import forms

from apps.domain.events.rules import EventType
from apps.event_delivery.models import Subscription
from apps.interfaces.console.form_commands import CliCommand, CommandForm, Values

_TYPES = [(kind.value, kind.value) for kind in EventType if kind is not EventType.SUBSCRIPTION_TESTED]


def _types(value: str, _values: Values) -> list[str]:
    return ["--type", value] if value else []


def _authority(value: str, _values: Values) -> list[str]:
    """The command takes a file."""
    return ["--receiver-ca", "FILE"] if value else []


class WebhookForm(CommandForm):
    cli = CliCommand(
        "webhook add",
        ("vault", "name"),
        {"url": "--url", "schema": "--schema", "event_type": _types, "ca_pem": _authority},
    )

    name = forms.CharField(label="Name", max_length=64, help_text="Lower-case letters, digits and hyphens.")
    url = forms.CharField(label="Address", max_length=1024, help_text="For example https://crm.example.com/events.")
    schema = forms.ChoiceField(label="Schema", choices=Subscription.Schema.choices)
    event_type = forms.ChoiceField(label="Events", required=False, choices=[("", "All events"), *_TYPES])
    ca_pem = forms.CharField(
        label="CA certificate of the receiver (PEM)",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Default: the system's trusted CAs.",
    )

    def values(self) -> dict[str, Any]:
        """The arguments of `operations.create`."""
        data = dict(self.cleaned_data)
        chosen = data.pop("event_type")
        return {**data, "types": [chosen] if chosen else []}
