"""Forms of security operations."""

from collections.abc import Collection, Iterable
from typing import Any, Self

from django import forms

from apps.core.principals import PersonRole
from apps.domain.access.permissions import Permission
from apps.domain.access.queries import list_groups
from apps.domain.access.roles import ASSIGNABLE
from apps.domain.identity.queries import list_applications, list_developer_names
from apps.domain.keys.key_material import LARGEST_TEXT, ImportedKeyMaterial, parse_pem
from apps.domain.keys.rules import NewKey
from apps.domain.security_worlds.queries import list_worlds
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import list_vaults
from apps.interfaces.console.form_commands import CliCommand, CommandForm, Values, flag, software

_KEY_KINDS = (
    ("RSA-2048", "RSA 2048"),
    ("RSA-3072", "RSA 3072"),
    ("RSA-4096", "RSA 4096"),
    ("EC-P-256", "EC P-256"),
    ("EC-P-384", "EC P-384"),
    ("EC-P-521", "EC P-521"),
    ("oct-256", "AES 256"),
    ("OKP-Ed25519", "Ed25519"),
    ("AKP-ML-DSA-44", "ML-DSA-44 (post-quantum signatures)"),
    ("AKP-ML-DSA-65", "ML-DSA-65 (post-quantum signatures)"),
    ("AKP-ML-DSA-87", "ML-DSA-87 (post-quantum signatures)"),
    ("AKP-ML-KEM-768", "ML-KEM-768 (post-quantum key wrapping)"),
    ("AKP-ML-KEM-1024", "ML-KEM-1024 (post-quantum key wrapping)"),
)
_PARAMETER_OPTIONS = {"EC": "--curve", "OKP": "--curve", "AKP": "--algorithm"}
_USUAL_ROLE = "key-vault-crypto-user"  # only uses keys
_ROLE_TEXTS = {  # auditors are invited by the machine's command
    PersonRole.SECURITY_OPERATIONS: "security operations: vaults, keys, applications, access, incidents",
    PersonRole.DEVELOPER: "developer: vaults in which they have a role, and their own test vaults",
}


def world_choices() -> list[tuple[str, str]]:
    """The security worlds."""
    return [(world.name, f"{world.name} ({world.geography})") for world in list_worlds()]


def _vault_choices() -> list[tuple[str, str]]:
    return [(vault.name, vault.name) for vault in list_vaults()]


def _assignee_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Applications, developers and groups; those of which there are none are left out."""
    groups = (
        ("Applications", [(f"application/{row.name}", row.name) for row in list_applications()]),
        ("Developers", [(f"application/{name}", name) for name in list_developer_names()]),
        ("Groups", [(f"group/{row.name}", row.name) for row in list_groups()]),
    )
    return [(label, choices) for label, choices in groups if choices]


def _key_options(kind: str, _values: Values) -> list[str]:
    key_type, _dash, parameter = kind.partition("-")
    return ["--type", key_type, _PARAMETER_OPTIONS.get(key_type, "--size"), parameter] if kind else []


NAME = forms.RegexField(
    label="Name",
    regex=r"^[0-9a-zA-Z-]{1,127}\Z",
    help_text="Letters, digits and hyphens, up to 127.",
    error_messages={"invalid": "Only letters, digits and hyphens, up to 127."},
)

VAULT_NAME = forms.CharField(
    label="Name", max_length=24, help_text="3 to 24 letters, digits and hyphens. Becomes its host name."
)
PROTECTION = forms.ChoiceField(
    label="Protection",
    choices=(("hsm", "HSM-protected"), ("software", "Software-protected (testing)")),
    widget=forms.RadioSelect,
    initial="hsm",
)
ROLE_CHOICES = [(role.codename, role.name) for role in ASSIGNABLE]


class VaultForm(CommandForm):
    cli = CliCommand(
        "vault create",
        ("name",),
        {
            "world_name": "--world",
            "recoverable_days": "--days",
            "production": flag("--production"),
            "purge_protection": flag("--purge-protection"),
        },
    )

    name = VAULT_NAME
    world_name = forms.ChoiceField(
        label="Security world",
        choices=world_choices,
        help_text="The HSMs of one geography that hold this vault's keys. Cannot be changed later.",
    )
    production = forms.BooleanField(
        label="Production vault: purge, role assignments and key imports need approval by a second person",
        required=False,
    )
    purge_protection = forms.BooleanField(
        label="Purge protection: deleted items cannot be purged before the retention period ends. "
        "Cannot be turned off.",
        required=False,
    )
    recoverable_days = forms.IntegerField(
        label="Retention of deleted items (days)", min_value=7, max_value=90, initial=90
    )


_VAULT_SETTINGS = ("recoverable_days", "purge_protection", "on_conflict", "near_expiry_days", "production", "rsa1_5")


class VaultSettingsForm(CommandForm):
    cli = CliCommand(
        "vault set",
        ("vault",),
        {
            "recoverable_days": "--days",
            "production": flag("--production", off="--no-production"),
            "purge_protection": flag("--purge-protection"),
            "rsa1_5": flag("--rsa1-5", off="--no-rsa1-5"),
            "on_conflict": "--on-conflict",
            "near_expiry_days": "--near-expiry",
        },
    )

    recoverable_days = forms.IntegerField(label="Retention of deleted items (days)", min_value=7, max_value=90)
    purge_protection = forms.BooleanField(label="Purge protection (cannot be turned off)", required=False)
    on_conflict = forms.ChoiceField(
        label="When a new object has the name of a deleted one",
        choices=[
            (Vault.OnConflict.REFUSE, "Refuse it: the deleted one is recovered or purged first"),
            (Vault.OnConflict.RECOVER, "Recover the deleted one and add a version, if the caller may recover it"),
        ],
    )
    near_expiry_days = forms.IntegerField(
        label="Notice of an expiry (days before)",
        min_value=1,
        max_value=365,
        help_text="For secrets, certificates, and keys whose rotation policy does not say.",
    )
    production = forms.BooleanField(
        label="Production vault: some operations need approval by a second person (so does turning this off)",
        required=False,
    )
    rsa1_5 = forms.BooleanField(
        label="Decryption with RSA1_5, for clients that know nothing else. Its padding leaks: prefer RSA-OAEP-256.",
        required=False,
    )

    def __init__(self, *args: Any, vault: Vault, **kwargs: Any) -> None:
        initial = {name: getattr(vault, name) for name in _VAULT_SETTINGS}
        super().__init__(*args, **{**kwargs, "initial": initial})


class KeyForm(CommandForm):
    cli = CliCommand(
        "key create",
        ("name",),
        {"vault": "--vault", "kind": _key_options, "protection": software},
    )

    name = NAME
    kind = forms.ChoiceField(label="Kind", choices=_KEY_KINDS)
    protection = PROTECTION

    def spec(self) -> NewKey:
        """The domain's specification of the key."""
        key_type, _dash, parameter = self.cleaned_data["kind"].partition("-")
        return NewKey(key_type=key_type, hardware=self.cleaned_data["protection"] == "hsm", parameter=parameter)


class ImportForm(CommandForm):
    """The key is never shown again, not even with an error."""

    cli = CliCommand("key import", ("name",), {"vault": "--vault", "protection": software})

    name = NAME
    file = forms.FileField(
        label="File with the private key", required=False, help_text="PEM without a password, or a JSON Web Key."
    )
    text = forms.CharField(
        label="Or the key as text",
        required=False,
        strip=False,
        max_length=LARGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"}),
    )
    protection = PROTECTION

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        file, text = data.get("file"), data.get("text") or ""
        if bool(file) == bool(text.strip()):
            self.add_error("file", "Choose a file or paste the key, not both.")
        elif file and file.size > LARGEST_TEXT:
            self.add_error("file", "Too large: a key in PEM or JWK format has a few kilobytes.")
        return data

    def key_material(self) -> ImportedKeyMaterial:
        """The key. Raises `BadKeyParameter`."""
        file = self.cleaned_data.get("file")
        return parse_pem(file.read().decode("utf-8", "replace") if file else self.cleaned_data["text"])

    def emptied_of_key(self) -> Self:
        """The form to try again: the other values and the errors, without the key."""
        form = type(self)({name: self.data.get(name, "") for name in ("name", "protection")})
        form.errors.clear()  # looking at them has cleaned the form
        form.errors.update(self.errors)
        return form


class ApplicationForm(CommandForm):
    cli = CliCommand(
        "application create",
        ("name",),
        {"vault": "--vault", "role": lambda value, values: ["--role", value] if values["vault"] and value else []},
    )

    name = forms.CharField(label="Name", max_length=128)
    vault = forms.ChoiceField(label="Role assignment (optional)", required=False)
    role = forms.ChoiceField(label="Role", required=False, choices=ROLE_CHOICES, initial=_USUAL_ROLE)

    def __init__(self, *args: Any, vaults: Iterable[Vault], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(vault.name, vault.name) for vault in vaults]
        self.fields["vault"].choices = [("", "None"), *names]  # type: ignore[attr-defined]  # a ChoiceField's


class RoleAssignmentForm(CommandForm):
    """`who` is application/<name>, application/person:<developer> or group/<name>."""

    cli = CliCommand(
        "access assign",
        (lambda values: values["who"].partition("/")[2] or "WHO", "role"),
        {
            "vault": "--vault",
            "kind": lambda value, values: [f"--{value}", values["item"]] if value and values["item"] else [],
            "item": lambda _value, _values: [],
            "who": lambda value, _values: ["--group"] if value.startswith("group/") else [],
        },
    )

    who = forms.ChoiceField(label="Application, developer or group", choices=_assignee_choices)
    vault = forms.ChoiceField(label="Vault", choices=_vault_choices)
    role = forms.ChoiceField(label="Role", choices=ROLE_CHOICES, initial=_USUAL_ROLE)
    kind = forms.ChoiceField(
        label="Scope",
        required=False,
        choices=[
            ("", "The whole vault"),
            ("key", "A key"),
            ("secret", "A secret"),
            ("certificate", "A certificate"),
        ],
    )
    item = forms.CharField(label="Object name", max_length=127, required=False)

    @property
    def possible(self) -> bool:
        """True if there are a principal and a vault to choose."""
        return all(list(self.fields[name].choices) for name in ("who", "vault"))  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if bool(data.get("kind")) != bool(data.get("item")):
            self.add_error("item", "Choose an object type and enter its name, or leave both empty for the whole vault.")
        return data


class GroupForm(CommandForm):
    cli = CliCommand("group create", ("name",))

    name = forms.RegexField(
        label="Name",
        regex=r"^[0-9A-Za-z][0-9A-Za-z ._-]{0,126}\Z",
        help_text="Up to 127 letters, digits, blanks, dots, hyphens and underscores.",
        error_messages={"invalid": "Only letters, digits, blanks, dots, hyphens and underscores, up to 127."},
    )


class MemberForm(CommandForm):
    cli = CliCommand("group add", ("group", "application"))

    application = forms.ChoiceField(label="Application")

    def __init__(self, *args: Any, members: Collection[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = [row.name for row in list_applications() if row.name not in members]
        self.fields["application"].choices = [(name, name) for name in others]  # type: ignore[attr-defined]


class SimulateForm(CommandForm):
    """A principal, a permission and a scope."""

    cli = CliCommand("access simulate", ("principal", "permission"), {"vault": "--vault", "item": "--object"})

    principal = forms.CharField(label="Application or person", max_length=150)
    permission = forms.ChoiceField(
        label="Operation",
        choices=[(p.value, p.value) for p in Permission if p.startswith(("keys/", "secrets/", "certificates/"))],
    )
    vault = forms.CharField(label="Vault", max_length=24)
    item = forms.CharField(label="Object name (optional)", max_length=127, required=False)


class InviteForm(CommandForm):
    cli = CliCommand("person invite", options={"duty": "--role", "username": "--name"})

    username = forms.CharField(label="Username (can be changed when accepting)", max_length=128, required=False)
    duty = forms.ChoiceField(
        label="Role", choices=[(role.value, text) for role, text in _ROLE_TEXTS.items()], widget=forms.RadioSelect
    )
