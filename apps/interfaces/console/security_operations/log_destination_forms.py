"""Forms for where a vault's usage log goes: one made of the settings of its kind."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.domain.vaults.models import Vault
from apps.interfaces.console.form_commands import CliCommand, CommandForm, Option, Values, value_or
from apps.log_delivery.models import LogDestination
from apps.log_delivery.rules import CREDENTIALS, FIELDS, LONGEST_RETENTION_DAYS

_LABELS: dict[str, tuple[Any, Any]] = {
    "path": (_("Directory"), _("Below the one that this installation sets aside, as in team-a/payroll.")),
    "endpoint": (_("Address of the storage"), _("As in https://s3.eu-central-1.amazonaws.com.")),
    "region": (_("Region"), _("Empty: us-east-1.")),
    "bucket": (_("Bucket"), _("Switch object lock on there: then nobody can change what was delivered.")),
    "prefix": (_("Prefix"), _("What the names of all objects begin with; may be empty.")),
    "ca_pem": (_("Certificate authority of the storage (PEM)"), _("Empty: the authorities that this system trusts.")),
    "access_key_id": (_("Access key id"), ""),
    "secret_access_key": (_("Secret access key"), ""),
    "account_url": (_("Address of the account"), _("As in https://account.blob.core.windows.net.")),
    "container": (_("Container"), _("Give it an immutability policy: then nobody can change what was delivered.")),
    "account_key": (_("Account key"), _("Or a SAS token below.")),
    "sas_token": (_("SAS token"), _("With the rights to create and write.")),
    "host": (_("Host"), ""),
    "port": (_("Port"), _("Syslog over TLS has 6514.")),
    "client_certificate": (_("Client certificate (PEM)"), _("If the receiver wants one.")),
    "client_key": (_("Key of the client certificate (PEM)"), ""),
    "url": (_("Address"), _("Each object is posted there, with a signature (Standard Webhooks).")),
    "secret": (_("Secret of the signature"), _("whsec_ and the base64 of 24 to 64 random bytes.")),
}


def _setting(name: str) -> Option:
    """A setting; one that is stored and was emptied is ended."""

    def words(value: str, values: Values) -> list[str]:
        return ["--setting", f"{name}={value}"] if value or name in values["stored"].split() else []

    return words


def _credentials(entered: str, values: Values) -> list[str]:
    """The names of credentials that are new: the command asks for them, as no argument carries one."""
    names = entered.split()
    if "credentials" not in values["stored"].split():
        if values["kind"] == "azure-blob":
            names = names or ["account_key"]
        else:
            names += [f.name for f in FIELDS.get(values["kind"], ()) if f.credential and f.required]
    return [word for name in dict.fromkeys(names) for word in ("--credential", name)]


def _public_key(value: str, values: Values) -> list[str]:
    """The command takes a file."""
    if value:
        return ["--public-key", "FILE"]
    return ["--no-public-key"] if "public_key" in values["stored"].split() else []


class DestinationForm(CommandForm):
    """The settings of one kind of destination. Stored credentials may be left out."""

    cli = CliCommand(
        "log set",
        ("vault",),
        {
            "kind": "--kind",
            **{f.name: _setting(f.name) for fields in FIELDS.values() for f in fields if not f.credential},
            "entered": _credentials,
            "public_key": _public_key,
            "on_full": "--on-full",
        },
        secrets=tuple(sorted(CREDENTIALS)),
    )

    def __init__(self, *args: Any, kind: str, before: LogDestination | None, **kwargs: Any) -> None:
        same = before is not None and before.kind == kind
        initial = (
            {**before.config, "public_key": before.public_key, "on_full": before.on_full} if before and same else {}
        )
        super().__init__(*args, **{**kwargs, "initial": initial})
        stored_credentials = before.credential_names if before and same else []
        for field in FIELDS[kind]:
            label, help_text = _LABELS[field.name]
            stored = field.name in stored_credentials
            self.fields[field.name] = forms.CharField(
                label=label,
                help_text=_("Stored and sealed. Empty: it stays.") if stored else help_text,
                required=field.required and not stored,
                max_length=32 * 1024 if field.pem else 1024,
                widget=_widget(credential=field.credential, pem=field.pem),
            )
        if kind != "syslog":
            self.fields["public_key"] = forms.CharField(
                label=_("Public key of the owner (PEM)"),
                help_text=_(
                    "RSA. If given, records are encrypted to it, and the storage's operators cannot read them."
                ),
                required=False,
                max_length=8192,
                widget=_widget(credential=False, pem=True),
            )
        self.fields["on_full"] = forms.ChoiceField(
            label=_("When records could not be delivered for three days, or the disk is full"),
            choices=(
                (LogDestination.OnFull.GO_ON, _("Go on; records wait here")),
                (LogDestination.OnFull.FAIL_CLOSED, _("Serve nothing from this vault until they can be")),
            ),
            widget=forms.RadioSelect,
            initial=LogDestination.OnFull.GO_ON,
        )

    @classmethod
    def command(cls, vault: Vault, kind: str, before: LogDestination | None) -> CliCommand:
        """The command with what is stored: it keeps what the form leaves out, and ends what the form empties."""
        stored = ["public_key"] if before and before.public_key else []
        if before and before.kind == kind:
            stored += [*before.config, *(["credentials"] if before.credential_names else [])]
        return cls.cli.of(vault=vault.name, kind=kind, stored=" ".join(stored))

    def values(self) -> dict[str, Any]:
        """The arguments of the domain operation."""
        data = dict(self.cleaned_data)
        more = {"on_full": data.pop("on_full"), "public_key": data.pop("public_key", "")}
        return {"given": data, **more}


class ReplayForm(CommandForm):
    cli = CliCommand("log replay", ("vault",), {"first": "--first", "last": "--last"})

    first = forms.IntegerField(label=_("First record"), min_value=0)
    last = forms.IntegerField(label=_("Last record"), min_value=0)


class RetentionForm(CommandForm):
    cli = CliCommand("log keep", ("vault",), {"days": value_or("--days", "0")})

    days = forms.IntegerField(
        label=_("Days that records stay here"),
        min_value=1,
        max_value=LONGEST_RETENTION_DAYS,
        required=False,
        help_text=_("Empty: for ever. What proves them stays in any case."),
    )


class _Unshown(forms.Textarea):
    """Takes a credential of several lines, and never writes one into a page."""

    def format_value(self, value: Any) -> str | None:
        del value
        return None


def _widget(*, credential: bool, pem: bool) -> forms.Widget:
    if pem and credential:
        return _Unshown(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"})
    if pem:
        return forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"})
    if credential:
        return forms.PasswordInput(attrs={"autocomplete": "off"})
    return forms.TextInput(attrs={"autocomplete": "off"})
