"""Forms for the log destination of a vault, built from the settings of its kind, and for retention."""

from typing import Any

from django import forms

from apps.domain.vaults.models import Vault
from apps.interfaces.console.form_commands import CliCommand, CommandForm, Option, Values, value_or
from apps.log_delivery.models import LogDestination
from apps.log_delivery.rules import CREDENTIALS, FIELDS, LONGEST_RETENTION_DAYS

_LABELS: dict[str, tuple[Any, Any]] = {
    "path": ("Directory", "Relative to the directory configured by the operator, for example team-a/payroll."),
    "endpoint": ("Storage URL", "For example https://s3.eu-central-1.amazonaws.com."),
    "region": ("Region", "Default: us-east-1."),
    "bucket": ("Bucket", "Enable object lock so that delivered objects cannot be changed."),
    "prefix": ("Prefix", "Prefix of all object names (optional)."),
    "ca_pem": ("CA certificate of the storage (PEM)", "Default: the system's trusted CAs."),
    "access_key_id": ("Access key ID", ""),
    "secret_access_key": ("Secret access key", ""),
    "account_url": ("Account URL", "For example https://account.blob.core.windows.net."),
    "container": ("Container", "Set an immutability policy so that delivered blobs cannot be changed."),
    "account_key": ("Account key", "Or use a SAS token below."),
    "sas_token": ("SAS token", "With create and write permissions."),
    "host": ("Host", ""),
    "port": ("Port", "The standard port of syslog over TLS is 6514."),
    "client_certificate": ("Client certificate (PEM)", "If the receiver requires one."),
    "client_key": ("Client private key (PEM)", ""),
    "url": ("Address", "Each object is sent there by POST, signed (Standard Webhooks)."),
    "secret": ("Signing secret", "whsec_ and the base64 of 24 to 64 random bytes."),
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
                help_text="Stored encrypted. Leave empty to keep." if stored else help_text,
                required=field.required and not stored,
                max_length=32 * 1024 if field.pem else 1024,
                widget=_widget(credential=field.credential, pem=field.pem),
            )
        if kind != "syslog":
            self.fields["public_key"] = forms.CharField(
                label="Owner's public key (PEM)",
                help_text="RSA. If set, records are encrypted with it and the storage's operators cannot read them.",
                required=False,
                max_length=8192,
                widget=_widget(credential=False, pem=True),
            )
        self.fields["on_full"] = forms.ChoiceField(
            label="When delivery has failed for 3 days, or the disk is full",
            choices=(
                (LogDestination.OnFull.GO_ON, "Keep serving and queue records"),
                (LogDestination.OnFull.FAIL_CLOSED, "Block the vault until delivery works"),
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

    first = forms.IntegerField(label="First record", min_value=0)
    last = forms.IntegerField(label="Last record", min_value=0)


class RetentionForm(CommandForm):
    cli = CliCommand("log retention", ("vault",), {"days": value_or("--days", "0")})

    days = forms.IntegerField(
        label="Keep records for … days",
        min_value=1,
        max_value=LONGEST_RETENTION_DAYS,
        required=False,
        help_text="Empty = forever. Proofs are always kept.",
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
