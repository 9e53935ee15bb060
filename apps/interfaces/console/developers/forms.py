"""Forms of developers."""

from typing import Any

from django import forms

from apps.domain.access.roles import ASSIGNABLE
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.security_worlds.queries import list_worlds
from apps.interfaces.console.security_operations.forms import NAME
from apps.interfaces.console.security_operations.forms import KeyForm as AnyKeyForm

_ROLES = [(role.codename, role.name) for role in ASSIGNABLE]


class TestVaultForm(forms.Form):
    name = forms.CharField(
        label="Name", max_length=24, help_text="3 to 24 letters, digits and hyphens. Becomes its host name."
    )
    world_name = forms.ChoiceField(label="Security world", help_text="Encrypts the secrets of the vault.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["world_name"].choices = [  # type: ignore[attr-defined]  # a ChoiceField's
            (world.name, f"{world.name} ({world.geography})") for world in list_worlds()
        ]


class KeyForm(AnyKeyForm):
    """In a test vault the protection is not to be chosen."""

    def __init__(self, *args: Any, test: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if test:
            self.fields["protection"].initial = "software"
            self.fields["protection"].disabled = True


class NewSecretForm(forms.Form):
    name = NAME
    content_type = forms.CharField(
        label="Content type (optional)", max_length=255, required=False, help_text="A hint for people and applications."
    )


class RevealForm(forms.Form):
    reason = forms.CharField(
        label="Reason",
        max_length=300,
        help_text="Your name, the time and this reason are recorded. The value is hidden after 30 seconds.",
    )


class ApplicationForm(forms.Form):
    name = forms.CharField(label="Name", max_length=128)
    vault = forms.ChoiceField(label="Role assignment in your test vault (optional)", required=False)
    role = forms.ChoiceField(label="Role", required=False, choices=_ROLES, initial="key-vault-administrator")

    def __init__(self, *args: Any, vaults: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["vault"].choices = [("", "None"), *((name, name) for name in vaults)]  # type: ignore[attr-defined]  # a ChoiceField's


class RoleForm(forms.Form):
    application = forms.ChoiceField(label="Application")
    role = forms.ChoiceField(label="Role", choices=_ROLES, initial="key-vault-administrator")

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


class TrustForm(forms.Form):
    issuer = forms.URLField(
        label="Issuer",
        max_length=512,
        assume_scheme="https",
        help_text="The `iss` claim of the tokens, an https address.",
    )
    subject = forms.CharField(label="Subject", max_length=512, help_text="The exact `sub` claim of the tokens.")
    audience = forms.CharField(label="Audience", max_length=512, initial="api://AzureADTokenExchange")
