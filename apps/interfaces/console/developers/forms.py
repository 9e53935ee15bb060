"""Forms of developers."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.domain.access.roles import ASSIGNABLE
from apps.domain.identity.models import ApplicationIdentity
from apps.interfaces.console.form_commands import CliCommand, CommandForm, flag
from apps.interfaces.console.security_operations.forms import NAME, world_choices
from apps.interfaces.console.security_operations.forms import ApplicationForm as AnyApplicationForm
from apps.interfaces.console.security_operations.forms import KeyForm as AnyKeyForm

_ROLES = [(role.codename, role.name) for role in ASSIGNABLE]


class TestVaultForm(CommandForm):
    cli = CliCommand("vault create", ("name",), {"test": flag("--test"), "world_name": "--world"})

    name = forms.CharField(
        label=_("Name"), max_length=24, help_text=_("3 to 24 letters, digits and hyphens. Becomes its host name.")
    )
    world_name = forms.ChoiceField(
        label=_("Security world"), choices=world_choices, help_text=_("It seals the secrets of the vault.")
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
        label=_("Content type (optional)"), max_length=255, required=False, help_text=_("For people and programs.")
    )


class RevealForm(CommandForm):
    cli = CliCommand("secret show", ("secret",), {"vault": "--vault", "reveal": flag("--value"), "reason": "--reason"})

    reason = forms.CharField(
        label=_("Why do you need to see it"),
        max_length=300,
        help_text=_("Your name, the time and this reason go into the usage log. The value hides after 30 seconds."),
    )


class ApplicationForm(AnyApplicationForm):
    vault = forms.ChoiceField(label=_("Give it a role in a test vault of yours"), required=False)
    role = forms.ChoiceField(label=_("Role"), required=False, choices=_ROLES, initial="key-vault-administrator")


class RoleForm(CommandForm):
    cli = CliCommand("access grant", ("application", "role"), {"vault": "--vault"})

    application = forms.ChoiceField(label=_("Application"))
    role = forms.ChoiceField(label=_("Role"), choices=_ROLES, initial="key-vault-administrator")

    def __init__(self, *args: Any, applications: list[ApplicationIdentity], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["application"].choices = [(row.name, row.name) for row in applications]  # type: ignore[attr-defined]  # a ChoiceField's


class CertificateForm(forms.Form):
    certificate = forms.CharField(
        label=_("Certificate (PEM)"),
        max_length=16384,
        help_text=_("The certificate alone. Its private key stays with the application."),
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
    )


class TrustForm(CommandForm):
    cli = CliCommand(
        "application trust",
        ("application",),
        {"issuer": "--issuer", "subject": "--subject", "audience": "--audience"},
    )

    issuer = forms.URLField(
        label=_("Issuer"), max_length=512, assume_scheme="https", help_text=_("As in the tokens' `iss`, by https.")
    )
    subject = forms.CharField(label=_("Subject"), max_length=512, help_text=_("Exactly as in the tokens' `sub`."))
    audience = forms.CharField(label=_("Audience"), max_length=512, initial="api://AzureADTokenExchange")
