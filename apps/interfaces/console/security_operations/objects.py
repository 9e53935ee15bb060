"""One key, secret or certificate: versions, access, usage, rotation, history, and operations on it."""

from abc import ABC, abstractmethod
from datetime import timedelta
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.audit_log.operation_names import USES
from apps.core.clock import lifecycle_now, now
from apps.core.errors import BadRequest
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.bulk_rotation import operations as rollovers
from apps.domain.catalog import operations
from apps.domain.catalog import queries as inventory
from apps.domain.catalog.role_targets import describe_assignments
from apps.domain.identity.queries import application_names
from apps.domain.keys.operations import rotation
from apps.domain.keys.queries import KeyFacts
from apps.domain.keys.rotation_policy import RotationPolicyValues
from apps.domain.vaults.models import Vault
from apps.interfaces.console import object_pages
from apps.interfaces.console.form_commands import MOST_LINES, command, commands
from apps.interfaces.console.page_context import Undo
from apps.interfaces.console.security_operations import history
from apps.interfaces.console.security_operations.base import SecopsPage, VaultPage
from apps.interfaces.console.security_operations.rotation_forms import PolicyForm
from apps.usage import queries as usage

P = Permission
_TABS = {
    "versions": "Versions",
    "use": "Code samples",
    "access": "Access",
    "usage": "Usage",
    "consumers": "Consumers",
    "rotation": "Rotation",
    "history": "History",
}
_OF_KEYS = frozenset({"consumers", "rotation"})


class PurgeNotConfirmed(BadRequest):
    """The name or the reason is missing."""


class ObjectPage(object_pages.ObjectPage, SecopsPage):
    """Base of the pages about one object."""

    section = "secops:vaults"


class OneObject(ObjectPage):
    permissions: ClassVar = {"get": P.VAULTS_READ}
    template = "portal/secops/object.html"

    def get(self, request: HttpRequest, name: str, kind: str, item: str) -> HttpResponse:
        """The tabs: versions, use it, access, usage, rotation, history."""
        vault, row, scope = self.find_object()
        self.grant(scope)
        tab = request.GET.get("tab", "versions")
        facts = self.facts(vault, row, request.GET.get("lang", "python"))
        return self.show(
            **facts,
            tab=tab,
            tabs={name: label for name, label in _TABS.items() if name not in _OF_KEYS or kind == "keys"},
            **(self.consumers_tab(vault, row) if tab == "consumers" and kind == "keys" else {}),
            may={"recover": True, "rotate": kind == "keys", "delete": True},
            by_version=_by_version(facts["uses"]),
            callers=_recent_callers(vault, f"{kind}/{row.name}"),
            names=application_names(),
            assignments=_assignments(vault, facts["singular"], row.name) if tab == "access" else [],
            history=history.lines_of(vault, kind, row) if tab == "history" else [],
            owner=_owner(row.current),
            policy_form=PolicyForm.of(facts["policy"]) if kind == "keys" else None,
            new_application=reverse("secops:application_new") + f"?vault={vault.name}",
            command=_commands(facts["singular"], vault, row),
            policy_command=PolicyForm.cli.of(vault=vault.name, key=row.name),
        )


class NewKey(object_pages.KeyCreationPage, VaultPage):
    def success_text(self, version: KeyFacts) -> str:
        return f"Key {version.name} is ready, version {version.version[:8]}. Use the code samples below."


class RotateKey(object_pages.KeyRotation, ObjectPage):
    pass


class SetPolicy(object_pages.ObjectOperation, ObjectPage):
    permissions: ClassVar = {"post": P.KEYS_SET_ROTATION_POLICY}
    act = "setrotationpolicy"

    def perform(self, grant: Grant, vault: Vault, row: Any) -> str:
        """Set when the key is rotated automatically."""
        form = PolicyForm(self.request.POST)
        policy = form.policy() if form.is_valid() else RotationPolicyValues()
        rotation.set_policy(grant=grant, vault=vault, name=row.name, policy=policy, now=lifecycle_now())
        return f"Rotation policy of {row.name} set."

    def object_url(self) -> str:
        return super().object_url() + "?tab=rotation"


class ImpactConfirmation(ObjectPage, ABC):
    """Base of operations that may break callers: those of the last day are shown first, and the person confirms."""

    template = "portal/secops/confirm.html"

    @abstractmethod
    def verb(self, row: Any) -> str:
        """The operation, as the button has it."""

    def confirm(self, vault: Vault, row: Any) -> HttpResponse | None:
        """The page that asks for confirmation; None if there are no callers, or after the confirmation."""
        if self.request.POST.get("notified") == "yes" or not self.callers(vault, row):
            return None
        return self.show_impact(vault, row)

    def callers(self, vault: Vault, row: Any) -> list[Any]:
        """Who used the object, or the version of the address, in the last day."""
        kind, version = self.kwargs["kind"], self.kwargs.get("version", row.current.version)
        return _recent_callers(
            vault, f"{kind}/{row.name}" if version == row.current.version else f"{kind}/{row.name}/{version}"
        )

    def show_impact(self, vault: Vault, row: Any) -> HttpResponse:
        """The page that asks for confirmation."""
        return self.show(
            vault=vault,
            row=row,
            callers=self.callers(vault, row),
            names=application_names(),
            fields=[(name, value) for name, value in self.request.POST.items() if name != "csrfmiddlewaretoken"],
            back=self.object_url(),
            verb=self.verb(row),
        )


class SwitchVersion(ImpactConfirmation, object_pages.VersionSwitch):
    """Enable or disable one version: the first step of containing an incident."""

    def verb(self, row: Any) -> str:
        return f"Disable version {self.kwargs['version'][:8]} of {row.name}"

    def confirm(self, vault: Vault, row: Any) -> HttpResponse | None:
        return None if self.enabled else super().confirm(vault, row)

    def done(self, text: str) -> HttpResponse:
        undo = None if self.enabled else Undo(self.request.path, "enabled", "yes")
        return self.redirect_with_success(text, self.object_url(), undo=undo)


class EmergencyRollover(ImpactConfirmation, object_pages.ObjectOperation):
    """Disable the current version of a key at once, and create a new one."""

    permissions: ClassVar = {"post": P.KEYS_UPDATE}
    act = "update"

    def verb(self, row: Any) -> str:
        return f"Disable and replace the current version of {row.name}"

    def confirm(self, vault: Vault, row: Any) -> HttpResponse | None:
        """Always asks, also where nobody used the key lately."""
        return None if self.request.POST.get("notified") == "yes" else self.show_impact(vault, row)

    def perform(self, grant: Grant, vault: Vault, row: Any) -> str:
        """The callers fail within a second, until they use the new version."""
        rotate = self.grant(grant.scope, P.KEYS_ROTATE)
        reason = grant.request.reason or "emergency"
        rollovers.start_emergency(
            grant=grant, rotate=rotate, vault=vault, name=row.name, reason=reason, now=lifecycle_now()
        )
        return f"The current version of {row.name} is disabled. A new version is being created."

    def object_url(self) -> str:
        return super().object_url() + "?tab=consumers"


class Delete(ImpactConfirmation, object_pages.Deletion):
    recoverable = "It can be recovered from the recycle bin."

    def verb(self, row: Any) -> str:
        return f"Delete {row.name}"

    def done(self, text: str) -> HttpResponse:
        undo = Undo(reverse("secops:object_recover", args=[self.kwargs[name] for name in ("name", "kind", "item")]))
        return self.redirect_with_success(text, "secops:recycle_bin", undo=undo)


class Recover(object_pages.Recovery, ObjectPage):
    pass


class Purge(object_pages.ObjectOperation, ObjectPage):
    act = "purge"
    require_reauth = True

    def confirm(self, vault: Vault, row: Any) -> None:
        """The form requires the typed name and a reason."""
        if self.request.POST.get("typed") != row.name:
            raise PurgeNotConfirmed(f"Type the name {row.name} to confirm. Nothing was changed.")
        if not self.request.POST.get("reason", "").strip():
            raise PurgeNotConfirmed(f"A reason is required to purge {row.name}. Nothing was changed.")

    def perform(self, grant: Grant, vault: Vault, row: Any) -> str:
        """Remove it for good."""
        operations.purge(grant=grant, vault=vault, kind=self.kwargs["kind"], name=row.name, now=lifecycle_now())
        return f"{row.name} is purged."

    def done(self, text: str) -> HttpResponse:
        return self.redirect_with_success(text, "secops:recycle_bin")


class RecycleBin(SecopsPage):
    permissions: ClassVar = {"get": P.VAULTS_READ}
    section = "secops:recycle_bin"
    template = "portal/secops/recycle_bin.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Deleted objects, the next to be purged first."""
        principal = self.grant().principal
        rows = inventory.list_deleted(principal=principal, limit=200)
        lines = [
            command(f"{inventory.SINGULAR[kind]} recover", row.name, vault=row.vault.name)
            for kind, row in rows[:MOST_LINES]
        ]
        paths = [(kind, row, f"{row.vault.name}/{kind}/{row.name}") for kind, row in rows]
        return self.show(rows=paths, command="\n".join(lines))


def _commands(singular: str, vault: Vault, row: Any) -> str:
    """The commands of an object from day to day."""
    if row.deleted:
        purge = command(f"{singular} purge", row.name, vault=vault.name, yes_purge=row.name)
        return f"{command(f'{singular} recover', row.name, vault=vault.name)}\n{purge}"
    rotate = ("rotate",) if singular == "key" else ()
    lines = commands(singular, ("show", *rotate, "disable", "delete", "recover"), row.name, vault=vault.name)
    if singular != "key":
        return lines
    emergency = command("rollover emergency", row.name, vault=vault.name, reason="WHY", yes_disable=row.name)
    return f"{lines}\n{command('rollover consumers', row.name, vault=vault.name)}\n{emergency}"


def _recent_callers(vault: Vault, object_id: str) -> list[Any]:
    """Who used an object in the last day."""
    since = now() - timedelta(days=1)
    return usage.callers_of(vault_id=vault.pk, operations=USES, object_id=object_id, since=since)


def _owner(version: Any) -> str:
    """The value of the tag "owner": the Key Vault API has no other place for it."""
    return next((str(value) for tag, value in version.tags.items() if tag.lower() == "owner"), "")


def _by_version(uses: list[Any]) -> dict[str, int]:
    """Number of uses by version; "" where the call named none."""
    found: dict[str, int] = {}
    for use in uses:
        version = use.object_id.split("/")[2] if use.object_id.count("/") == 2 else ""
        if use.operation in USES:
            found[version] = found.get(version, 0) + use.done
    return found


def _assignments(vault: Vault, singular: str, name: str) -> list[dict[str, Any]]:
    """Those at the vault and at this object."""
    others = {"key", "secret", "certificate"}
    return [
        row
        for row in describe_assignments(vault)
        if row[singular].lower() == name.lower() or not any(row[other] for other in others)
    ]
