"""One key, secret or certificate: versions, access, usage, rotation, history, and operations on it."""

from datetime import timedelta
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.audit_log.operation_names import USES
from apps.core.clock import now
from apps.core.errors import BadRequest
from apps.domain.access.permissions import Permission
from apps.domain.access.roles import ROLES
from apps.domain.catalog import operations
from apps.domain.catalog import queries as inventory
from apps.domain.catalog.role_targets import describe_assignments
from apps.domain.identity.queries import application_names
from apps.domain.keys import rotation_policy
from apps.domain.keys.models import KeyVersion
from apps.domain.keys.operations import creation as keys
from apps.domain.keys.operations import rotation
from apps.domain.keys.queries import find_rotation_policy
from apps.domain.keys.rotation_policy import Policy
from apps.domain.vaults.models import Vault
from apps.interfaces.console.form_commands import MOST_LINES, command, commands
from apps.interfaces.console.key_creation import KeyCreationPage
from apps.interfaces.console.page_context import Undo
from apps.interfaces.console.security_operations import history
from apps.interfaces.console.security_operations.base import SecopsPage
from apps.interfaces.console.security_operations.forms import PolicyForm
from apps.interfaces.console.usage_snippets import use_it
from apps.usage import queries as usage

P = Permission


class UnknownAct(BadRequest):
    """The name or the reason is missing."""


class ObjectPage(SecopsPage):
    """Base of the pages about one object."""

    section = "secops:vaults"


class OneObject(ObjectPage):
    permissions: ClassVar = {"get": P.VAULTS_READ}
    template = "portal/secops/object.html"

    def get(self, request: HttpRequest, name: str, kind: str, item: str) -> HttpResponse:
        """The tabs: versions, use it, access, usage, rotation, history."""
        vault, row = inventory.find_object(vault_name=name, kind=kind, name=item)
        self.grant(inventory.scope_of(vault, kind, row))
        tab = request.GET.get("tab", "versions")
        object_id = f"{kind}/{row.name}"
        uses = usage.uses_of_object(vault_id=vault.pk, object_id=object_id)
        policy = find_rotation_policy(row) if kind == "keys" else None
        recent = now() - timedelta(days=1)
        return self.show(
            vault=vault,
            row=row,
            kind=kind,
            singular=inventory.SINGULAR[kind],
            tab=tab,
            versions=inventory.versions_of(row, limit=100),
            uses=uses,
            by_version=_by_version(uses),
            callers=usage.callers_of(vault_id=vault.pk, operations=USES, object_id=object_id, since=recent),
            names=application_names(),
            assignments=_assignments(vault, inventory.SINGULAR[kind], row.name) if tab == "access" else [],
            history=history.lines_of(vault, kind, row) if tab == "history" else [],
            owner=_owner(row.current),
            policy=policy,
            next_rotation=rotation_policy.due_date(policy, row.current) if policy else None,
            policy_form=PolicyForm.of(policy) if kind == "keys" else None,
            new_application=reverse("secops:application_new") + f"?vault={vault.name}",
            **use_it(vault, kind, row, request.GET.get("lang", "python")),
            command=_commands(inventory.SINGULAR[kind], vault, row),
            policy_command=PolicyForm.cli.of(vault=vault.name, key=row.name),
        )


class NewKey(KeyCreationPage, ObjectPage):
    urls = "secops"

    def success_text(self, version: KeyVersion) -> str:
        return f"Key {version.key.name} is ready, version {version.version[:8]}. Use the code samples below."


class RotateKey(ObjectPage):
    permissions: ClassVar = {"post": P.KEYS_ROTATE}

    def post(self, request: HttpRequest, name: str, item: str) -> HttpResponse:
        """A new version now; the old ones stay."""
        vault, row = inventory.find_object(vault_name=name, kind="keys", name=item)
        grant = self.grant(inventory.scope_of(vault, "keys", row))
        made = keys.rotate(grant=grant, vault=vault, name=row.name, now=now())
        text = f"{vault.name}/{row.name} rotated to version {made.version[:8]}. Older versions still decrypt."
        return self.redirect_with_success(text, "secops:object", vault.name, "keys", row.name)


class SetPolicy(ObjectPage):
    permissions: ClassVar = {"post": P.KEYS_SET_ROTATION_POLICY}

    def post(self, request: HttpRequest, name: str, item: str) -> HttpResponse:
        """Set when the key is rotated automatically."""
        vault, row = inventory.find_object(vault_name=name, kind="keys", name=item)
        form = PolicyForm(request.POST)
        policy = form.policy() if form.is_valid() else Policy()
        grant = self.grant(inventory.scope_of(vault, "keys", row))
        rotation.set_policy(grant=grant, vault=vault, name=row.name, policy=policy, now=now())
        answer = self.redirect_with_success(
            f"Rotation policy of {row.name} set.", "secops:object", vault.name, "keys", row.name
        )
        answer["Location"] += "?tab=rotation"
        return answer

    def error_url(self) -> str:
        return reverse("secops:object", args=[self.kwargs["name"], "keys", self.kwargs["item"]]) + "?tab=rotation"


class ImpactConfirmation(ObjectPage):
    """Base of operations that may break callers: those of the last day are shown first, and the person confirms."""

    template = "portal/secops/confirm.html"

    def preview(self, vault: Vault, kind: str, row: Any, *, version: str = "", **shown: Any) -> HttpResponse | None:
        """The page that asks for confirmation; None if there are no callers, or after the confirmation."""
        named = f"{kind}/{row.name}" + (f"/{version}" if version and version != row.current.version else "")
        callers = usage.callers_of(vault_id=vault.pk, operations=USES, object_id=named, since=now() - timedelta(days=1))
        if not callers or self.request.POST.get("told") == "yes":
            return None
        fields = [(name, value) for name, value in self.request.POST.items() if name != "csrfmiddlewaretoken"]
        back = reverse("secops:object", args=[vault.name, kind, row.name])
        return self.show(
            vault=vault,
            row=row,
            kind=kind,
            callers=callers,
            names=application_names(),
            fields=fields,
            back=back,
            **shown,
        )


class SwitchVersion(ImpactConfirmation):
    """Enable or disable one version: the first step of containing an incident."""

    permissions: ClassVar = {"post": P.VAULTS_READ}  # the operation's own permission is checked below
    error_page = ("secops:object", "name", "kind", "item")

    def post(self, request: HttpRequest, name: str, kind: str, item: str, version: str) -> HttpResponse:
        """Takes effect everywhere within one second."""
        vault, row = inventory.find_object(vault_name=name, kind=kind, name=item)
        enabled = request.POST.get("enabled") == "yes"
        grant = self.grant(inventory.scope_of(vault, kind, row), inventory.permission_for(kind, "update"))
        if not enabled:
            verb = f"Disable version {version[:8]} of {row.name}"
            confirmation = self.preview(vault, kind, row, version=version, verb=verb)
            if confirmation is not None:
                return confirmation
        operations.set_version_enabled(
            grant=grant, vault=vault, kind=kind, name=row.name, version=version, enabled=enabled, now=now()
        )
        text = f"Version {version[:8]} of {row.name} is {'enabled' if enabled else 'disabled'}."
        undo = None if enabled else Undo(request.path, "enabled", "yes")
        return self.redirect_with_success(text, "secops:object", vault.name, kind, row.name, undo=undo)


class SoftDeletion(ImpactConfirmation, abstract=True):
    """Base of delete, recover and purge."""

    permissions: ClassVar = {"post": P.VAULTS_READ}  # the operation's own permission is checked below
    act: ClassVar[str] = ""
    error_page = ("secops:object", "name", "kind", "item")

    def post(self, request: HttpRequest, name: str, kind: str, item: str) -> HttpResponse:
        """Purging requires the typed name and a reason; deleting an object in use requires a confirmation."""
        vault, row = inventory.find_object(vault_name=name, kind=kind, name=item)
        if self.act == "purge" and request.POST.get("typed") != row.name:
            raise UnknownAct(f"Type the name {row.name} to confirm. Nothing was changed.")
        if self.act == "purge" and not request.POST.get("reason", "").strip():
            raise UnknownAct(f"A reason is required to purge {row.name}. Nothing was changed.")
        grant = self.grant(inventory.scope_of(vault, kind, row), inventory.permission_for(kind, self.act))
        if self.act == "delete":
            confirmation = self.preview(vault, kind, row, verb=f"Delete {row.name}")
            if confirmation is not None:
                return confirmation
        timed = {} if self.act == "recover" else {"now": now()}
        getattr(operations, self.act)(grant=grant, vault=vault, kind=kind, name=row.name, **timed)
        text = {
            "delete": "%s is deleted. It can be recovered from the recycle bin.",
            "recover": "%s is recovered.",
            "purge": "%s is purged.",
        }[self.act]
        if self.act == "recover":
            return self.redirect_with_success(text % row.name, "secops:object", vault.name, kind, row.name)
        undo = None
        if self.act == "delete":
            undo = Undo(reverse("secops:object_recover", args=[vault.name, kind, row.name]))
        return self.redirect_with_success(text % row.name, "secops:recycle_bin", undo=undo)


class Delete(SoftDeletion):
    act = "delete"


class Recover(SoftDeletion):
    act = "recover"


class Purge(SoftDeletion):
    act = "purge"
    require_reauth = True


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
    return commands(singular, ("show", *rotate, "disable", "delete", "recover"), row.name, vault=vault.name)


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
        {**row, "role_name": ROLES[row["role"]].name if row["role"] in ROLES else row["role"]}
        for row in describe_assignments(vault)
        if row[singular].lower() == name.lower() or not any(row[other] for other in others)
    ]
