"""Forms of security operations."""

from collections.abc import Collection
from typing import Any, Self

from django import forms

from apps.core.principals import PersonRole
from apps.domain.access.permissions import Permission
from apps.domain.access.queries import list_groups
from apps.domain.access.roles import ASSIGNABLE
from apps.domain.identity.queries import list_applications, list_developer_names
from apps.domain.keys.key_material import LARGEST_TEXT, ImportedKeyMaterial, parse_pem
from apps.domain.keys.models import RotationPolicy
from apps.domain.keys.rotation_policy import Policy
from apps.domain.keys.rules import NewKey
from apps.domain.security_worlds.queries import list_worlds
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import list_vaults

_KEYS = (
    ("RSA-2048", "RSA 2048"),
    ("RSA-3072", "RSA 3072"),
    ("RSA-4096", "RSA 4096"),
    ("EC-P-256", "EC P-256"),
    ("EC-P-384", "EC P-384"),
    ("EC-P-521", "EC P-521"),
    ("oct-256", "AES 256"),
)
_USUAL_ROLE = "key-vault-crypto-user"  # uses keys, and no more
_DUTIES = {
    PersonRole.SECURITY_OPERATIONS: "security operations: vaults, keys, applications, access, incidents",
    PersonRole.DEVELOPER: "developer: vaults in which they have a role, and their own test vaults",
    PersonRole.AUDITOR: "auditor: read-only access to the audit log and its proofs",
}
NAME = forms.RegexField(
    label="Name",
    regex=r"^[0-9a-zA-Z-]{1,127}\Z",
    help_text="Letters, digits and hyphens, up to 127.",
    error_messages={"invalid": "Only letters, digits and hyphens, up to 127."},
)


class VaultForm(forms.Form):
    name = forms.CharField(
        label="Name", max_length=24, help_text="3 to 24 letters, digits and hyphens. Becomes its host name."
    )
    world_name = forms.ChoiceField(
        label="Security world",
        help_text="The HSMs of one geography that hold this vault's keys. Cannot be changed later.",
    )
    production = forms.BooleanField(
        label="Production vault: purge, role grants and key imports need approval by a second person", required=False
    )
    purge_protection = forms.BooleanField(
        label="Purge protection: deleted items cannot be purged before the retention period ends. "
        "Cannot be turned off.",
        required=False,
    )
    recoverable_days = forms.IntegerField(
        label="Retention of deleted items (days)", min_value=7, max_value=90, initial=90
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["world_name"].choices = [  # type: ignore[attr-defined]  # a ChoiceField's
            (world.name, f"{world.name} ({world.geography})") for world in list_worlds()
        ]


class VaultSettingsForm(forms.Form):
    recoverable_days = forms.IntegerField(label="Retention of deleted items (days)", min_value=7, max_value=90)
    purge_protection = forms.BooleanField(label="Purge protection (cannot be turned off)", required=False)
    production = forms.BooleanField(
        label="Production vault: some operations need approval by a second person (so does turning this off)",
        required=False,
    )

    def __init__(self, *args: Any, vault: Vault, **kwargs: Any) -> None:
        initial = {name: getattr(vault, name) for name in ("recoverable_days", "purge_protection", "production")}
        super().__init__(*args, **{**kwargs, "initial": initial})


class KeyForm(forms.Form):
    name = NAME
    kind = forms.ChoiceField(label="Kind", choices=_KEYS)
    protection = forms.ChoiceField(
        label="Protection",
        choices=(("hsm", "HSM-protected"), ("software", "Software-protected (testing)")),
        widget=forms.RadioSelect,
        initial="hsm",
    )

    def spec(self) -> NewKey:
        """What the domain asks for."""
        key_type, _dash, parameter = self.cleaned_data["kind"].partition("-")
        return NewKey(key_type=key_type, hardware=self.cleaned_data["protection"] == "hsm", parameter=parameter)


class ImportForm(forms.Form):
    """The key itself is never shown again: not after a mistake either."""

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
    protection = forms.ChoiceField(
        label="Protection",
        choices=(("hsm", "HSM-protected"), ("software", "Software-protected (testing)")),
        widget=forms.RadioSelect,
        initial="hsm",
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        file, text = data.get("file"), data.get("text") or ""
        if bool(file) == bool(text.strip()):
            self.add_error("file", "Choose a file or paste the key, not both.")
        elif file and file.size > LARGEST_TEXT:
            self.add_error("file", "Too large: a key in PEM or JWK format has a few kilobytes.")
        return data

    def brought(self) -> ImportedKeyMaterial:
        """The key. Raises `BadKeyParameter`."""
        file = self.cleaned_data.get("file")
        return parse_pem(file.read().decode("utf-8", "replace") if file else self.cleaned_data["text"])

    def without_the_key(self) -> Self:
        """The same form to try again: everything but the key, with what was wrong."""
        kept = type(self)({name: self.data.get(name, "") for name in ("name", "protection")})
        kept.errors.clear()  # looking at them has cleaned the form
        kept.errors.update(self.errors)
        return kept


class PolicyForm(forms.Form):
    """Days instead of ISO 8601: what people mean."""

    rotate_after = forms.IntegerField(label="Rotate every … days", min_value=7, max_value=3650, required=False)
    expires_after = forms.IntegerField(
        label="Versions expire after … days", min_value=28, max_value=3650, required=False
    )

    @classmethod
    def of(cls, policy: RotationPolicy | None) -> Self:
        """Filled with what is set, where that is in days."""
        if policy is None:
            return cls()
        return cls(
            initial={"rotate_after": _days(policy.rotate_after_create), "expires_after": _days(policy.expiry_time)}
        )

    def policy(self) -> Policy:
        """The policy as the contract writes it."""
        after, expiry = self.cleaned_data.get("rotate_after"), self.cleaned_data.get("expires_after")
        return Policy(expiry_time=f"P{expiry}D" if expiry else "", rotate_after_create=f"P{after}D" if after else "")


class RolloverForm(forms.Form):
    older_than_days = forms.IntegerField(
        label="Only keys older than … days",
        min_value=0,
        max_value=3650,
        initial=0,
        help_text="0 = all enabled keys.",
    )
    reason = forms.CharField(label="Reason", max_length=300, help_text="Recorded in the audit log.")


class ApplicationForm(forms.Form):
    name = forms.CharField(label="Name", max_length=128)
    vault = forms.ChoiceField(label="Role assignment (optional)", required=False)
    role = forms.ChoiceField(
        label="Role",
        required=False,
        choices=[(role.codename, role.name) for role in ASSIGNABLE],
        initial=_USUAL_ROLE,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        vaults = [(vault.name, vault.name) for vault in list_vaults()]
        self.fields["vault"].choices = [("", "None"), *vaults]  # type: ignore[attr-defined]  # a ChoiceField's


class GrantForm(forms.Form):
    """`who` is application/<name>, application/person:<developer> or group/<name>."""

    who = forms.ChoiceField(label="Application, developer or group")
    vault = forms.ChoiceField(label="Vault")
    role = forms.ChoiceField(
        label="Role", choices=[(role.codename, role.name) for role in ASSIGNABLE], initial=_USUAL_ROLE
    )
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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        applications = [(f"application/{row.name}", row.name) for row in list_applications()]
        developers = [(f"application/{name}", name) for name in list_developer_names()]
        groups = [(f"group/{row.name}", row.name) for row in list_groups()]
        self.fields["who"].choices = [  # type: ignore[attr-defined]  # a ChoiceField's
            ("Applications", applications),
            *([("Developers", developers)] if developers else []),
            *([("Groups", groups)] if groups else []),
        ]
        vaults = [(vault.name, vault.name) for vault in list_vaults()]
        self.fields["vault"].choices = vaults  # type: ignore[attr-defined]  # a ChoiceField's
        self.possible = bool(vaults and (applications or developers or groups))  # there is somebody, and somewhere

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if bool(data.get("kind")) != bool(data.get("item")):
            self.add_error("item", "Choose an object type and enter its name, or leave both empty for the whole vault.")
        return data


class GroupForm(forms.Form):
    name = forms.RegexField(
        label="Name",
        regex=r"^[0-9A-Za-z][0-9A-Za-z ._-]{0,126}\Z",
        help_text="Up to 127 letters, digits, blanks, dots, hyphens and underscores.",
        error_messages={"invalid": "Only letters, digits, blanks, dots, hyphens and underscores, up to 127."},
    )


class MemberForm(forms.Form):
    application = forms.ChoiceField(label="Application")

    def __init__(self, *args: Any, members: Collection[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        others = [row.name for row in list_applications() if row.name not in members]
        self.fields["application"].choices = [(name, name) for name in others]  # type: ignore[attr-defined]


class SimulateForm(forms.Form):
    """Who, what, where."""

    principal = forms.CharField(label="Application or person", max_length=150)
    permission = forms.ChoiceField(
        label="Operation",
        choices=[(p.value, p.value) for p in Permission if p.startswith(("keys/", "secrets/", "certificates/"))],
    )
    vault = forms.CharField(label="Vault", max_length=24)
    item = forms.CharField(label="Object name (optional)", max_length=127, required=False)


class InviteForm(forms.Form):
    username = forms.CharField(label="Username (can be changed when accepting)", max_length=128, required=False)
    duty = forms.ChoiceField(
        label="Role", choices=[(duty.value, said) for duty, said in _DUTIES.items()], widget=forms.RadioSelect
    )


def _days(duration: str) -> int | None:
    inner = duration.removeprefix("P").removesuffix("D")
    return int(inner) if inner.isdigit() else None
