"""Forms of developers."""

from typing import Any

from django import forms

from apps.domain.identity.models import ApplicationIdentity
from apps.interfaces.console.form_commands import CliCommand, CommandForm, flag
from apps.interfaces.console.security_operations.forms import NAME, ROLE_CHOICES, VAULT_NAME, world_choices
from apps.interfaces.console.security_operations.forms import ApplicationForm as AnyApplicationForm
from apps.interfaces.console.security_operations.forms import KeyForm as AnyKeyForm


class TestVaultForm(CommandForm):
    cli = CliCommand("vault create", ("name",), {"test": flag("--test"), "world_name": "--world"})

    name = VAULT_NAME
    world_name = forms.ChoiceField(
        label="Security world", choices=world_choices, help_text="Encrypts the secrets of the vault."
    )


class KeyForm(AnyKeyForm):
    """In a test vault the protection is not to be chosen."""

    def __init__(self, *args: Any, test: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if test:
            self.fields["protection"].initial = "software"
            self.fields["protection"].disabled = True


class NewSecretForm(CommandForm):
    cli = CliCommand("secret create", ("name",), {"vault": "--vault", "content_type": "--content-type"})

    name = NAME
    content_type = forms.CharField(
        label="Content type (optional)", max_length=255, required=False, help_text="A hint for people and applications."
    )


class RevealForm(CommandForm):
    cli = CliCommand("secret show", ("secret",), {"vault": "--vault", "reveal": flag("--value"), "reason": "--reason"})

    reason = forms.CharField(
        label="Reason",
        max_length=300,
        help_text="Your name, the time and this reason are recorded. The value is hidden after 30 seconds.",
    )


class ApplicationForm(AnyApplicationForm):
    vault = forms.ChoiceField(label="Role assignment in your test vault (optional)", required=False)
    role = forms.ChoiceField(label="Role", required=False, choices=ROLE_CHOICES, initial="key-vault-administrator")


class RoleForm(CommandForm):
    cli = CliCommand("access assign", ("application", "role"), {"vault": "--vault"})

    application = forms.ChoiceField(label="Application")
    role = forms.ChoiceField(label="Role", choices=ROLE_CHOICES, initial="key-vault-administrator")

    def __init__(self, *args: Any, applications: list[ApplicationIdentity], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["application"].choices = [(row.name, row.name) for row in applications]  # type: ignore[attr-defined]  # a ChoiceField's


class CertificateForm(forms.Form):
    certificate = forms.CharField(
        label="Certificate (PEM)",
        max_length=16384,
        help_text="Certificate only. The private key stays with the application.",
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
    )


class TrustForm(CommandForm):
    cli = CliCommand(
        "application trust",
        ("application",),
        {"issuer": "--issuer", "subject": "--subject", "audience": "--audience"},
    )

    issuer = forms.URLField(
        label="Issuer",
        max_length=512,
        assume_scheme="https",
        help_text="The `iss` claim of the tokens, an https address.",
    )
    subject = forms.CharField(label="Subject", max_length=512, help_text="The exact `sub` claim of the tokens.")
    audience = forms.CharField(label="Audience", max_length=512, initial="api://AzureADTokenExchange")
