"""One key, secret or certificate: what it is, its versions, who may and who does use it, and what to do with it."""

from datetime import timedelta
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from apps.audit_log.operation_names import USES
from apps.core.clock import now
from apps.core.errors import BadRequest, VaultError
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.roles import ROLES
from apps.domain.catalog import operations
from apps.domain.catalog import queries as inventory
from apps.domain.catalog.role_targets import describe_assignments
from apps.domain.keys import rotation_policy
from apps.domain.keys.operations import creation as keys
from apps.domain.keys.operations import rotation
from apps.domain.keys.queries import find_rotation_policy
from apps.domain.keys.rotation_policy import Policy
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import get_vault
from apps.interfaces.console import form_commands
from apps.interfaces.console.names import caller_names
from apps.interfaces.console.page_context import Undo
from apps.interfaces.console.security_operations import cli_examples, history
from apps.interfaces.console.security_operations.base import SecopsPage
from apps.interfaces.console.security_operations.forms import KeyForm, PolicyForm
from apps.interfaces.console.usage_snippets import use_it
from apps.usage import queries as usage

P = Permission


class UnknownAct(BadRequest):
    """A form that is not ours."""


class ObjectPage(SecopsPage):
    """What its subclasses share."""

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
            names=caller_names(),
            assignments=_assignments(vault, inventory.SINGULAR[kind], row.name) if tab == "access" else [],
            history=history.lines_of(vault, kind, row) if tab == "history" else [],
            owner=_owner(row.current),
            policy=policy,
            next_rotation=rotation_policy.due_date(policy, row.current) if policy else None,
            policy_form=PolicyForm.of(policy) if kind == "keys" else None,
            new_application=reverse("secops:application_new") + f"?vault={vault.name}",
            **use_it(vault, kind, row, request.GET.get("lang", "python")),
            command=form_commands.of_object(inventory.SINGULAR[kind], vault.name, row.name, deleted=bool(row.deleted)),
            policy_command=cli_examples.policy(vault.name, row.name),
        )


class NewKey(ObjectPage):
    permissions: ClassVar = {"get": P.KEYS_CREATE, "post": P.KEYS_CREATE}
    template = "portal/parts/form_page.html"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """The form."""
        del request
        vault = get_vault(name=name)
        self.grant(Scope.of(vault))
        return self._form(vault, KeyForm())

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        """Make the key, in the HSM or for tests in software."""
        vault = get_vault(name=name)
        form = KeyForm(request.POST)
        if not form.is_valid():
            return self._form(vault, form)
        scope = Scope.of(vault, "key", form.cleaned_data["name"])
        try:
            made = keys.create(
                grant=self.grant(scope), vault=vault, name=form.cleaned_data["name"], spec=form.spec(), now=now()
            )
        except VaultError as error:
            form.add_error("name", error.message)
            return self._form(vault, form)
        text = f"Key {made.key.name} is ready, version {made.version[:8]}. Use the code samples below."
        return self._use_it(text, vault.name, made.key.name)

    def _use_it(self, text: str, vault: str, key: str) -> HttpResponse:
        answer = self.done(text, "secops:object", vault, "keys", key)
        answer["Location"] += "?tab=use"
        return answer

    def _form(self, vault: Vault, form: KeyForm) -> HttpResponse:
        return self.show(
            400 if form.errors else 200,
            form=form,
            title=f"Create a key in {vault.name}",
            lead="If the name exists, a new version is created. Old versions still decrypt.",
            verb="Create key",
            command=form_commands.key_new(vault.name),
            crumb=vault.name,
            crumb_url=reverse("secops:vault", args=[vault.name]),
        )


class RotateKey(ObjectPage):
    permissions: ClassVar = {"post": P.KEYS_ROTATE}

    def post(self, request: HttpRequest, name: str, item: str) -> HttpResponse:
        """A new version now; the old ones stay."""
        del request
        vault, row = inventory.find_object(vault_name=name, kind="keys", name=item)
        grant = self.grant(inventory.scope_of(vault, "keys", row))
        made = keys.rotate(grant=grant, vault=vault, name=row.name, now=now())
        text = f"{vault.name}/{row.name} rotated to version {made.version[:8]}. Older versions still decrypt."
        return self.done(text, "secops:object", vault.name, "keys", row.name)


class SetPolicy(ObjectPage):
    permissions: ClassVar = {"post": P.KEYS_SET_ROTATION_POLICY}

    def post(self, request: HttpRequest, name: str, item: str) -> HttpResponse:
        """When the key rolls by itself."""
        vault, row = inventory.find_object(vault_name=name, kind="keys", name=item)
        form = PolicyForm(request.POST)
        policy = form.policy() if form.is_valid() else Policy()
        grant = self.grant(inventory.scope_of(vault, "keys", row))
        rotation.set_policy(grant=grant, vault=vault, name=row.name, policy=policy, now=now())
        answer = self.done(f"Rotation policy of {row.name} set.", "secops:object", vault.name, "keys", row.name)
        answer["Location"] += "?tab=rotation"
        return answer

    def came_from(self) -> str:
        return reverse("secops:object", args=[self.kwargs["name"], "keys", self.kwargs["item"]]) + "?tab=rotation"


class Breaking(ObjectPage):
    """An act that may break callers: who used the thing in the last day is shown first, and the person confirms."""

    template = "portal/secops/confirm.html"

    def preview(self, vault: Vault, kind: str, row: Any, *, version: str = "", **shown: Any) -> HttpResponse | None:
        """The page that asks, or None: nobody is using it, or the person has confirmed."""
        named = f"{kind}/{row.name}" + (f"/{version}" if version and version != row.current.version else "")
        callers = usage.callers_of(vault_id=vault.pk, operations=USES, object_id=named, since=now() - timedelta(days=1))
        if not callers or self.request.POST.get("told") == "yes":
            return None
        fields = [(name, value) for name, value in self.request.POST.items() if name != "csrfmiddlewaretoken"]
        back = reverse("secops:object", args=[vault.name, kind, row.name])
        return self.show(
            vault=vault, row=row, kind=kind, callers=callers, names=caller_names(), fields=fields, back=back, **shown
        )


class SwitchVersion(Breaking):
    """Enable or disable one version: the first step of containing an incident."""

    permissions: ClassVar = {"post": P.VAULTS_READ}  # the permission of the act itself is asked for below

    def post(self, request: HttpRequest, name: str, kind: str, item: str, version: str) -> HttpResponse:
        """Takes effect everywhere within one second."""
        vault, row = inventory.find_object(vault_name=name, kind=kind, name=item)
        enabled = request.POST.get("enabled") == "yes"
        grant = self.grant(inventory.scope_of(vault, kind, row), inventory.permission_for(kind, "update"))
        if not enabled:
            verb = f"Disable version {version[:8]} of {row.name}"
            asked = self.preview(vault, kind, row, version=version, verb=verb)
            if asked is not None:
                return asked
        operations.set_version_enabled(
            grant=grant, vault=vault, kind=kind, name=row.name, version=version, enabled=enabled, now=now()
        )
        text = f"Version {version[:8]} of {row.name} is {'enabled' if enabled else 'disabled'}."
        undo = None if enabled else Undo(request.path, "enabled", "yes")
        return self.done(text, "secops:object", vault.name, kind, row.name, undo=undo)

    def came_from(self) -> str:
        return reverse("secops:object", args=[self.kwargs["name"], self.kwargs["kind"], self.kwargs["item"]])


class Recycle(Breaking):
    """Delete, recover or purge: the act is the last word of the address."""

    permissions: ClassVar = {"post": P.VAULTS_READ}  # the permission of the act itself is asked for below
    act: ClassVar[str] = ""

    def post(self, request: HttpRequest, name: str, kind: str, item: str) -> HttpResponse:
        """Purging wants the name typed and a reason; deleting what is in use wants a word that the owners know."""
        vault, row = inventory.find_object(vault_name=name, kind=kind, name=item)
        if self.act == "purge" and request.POST.get("typed") != row.name:
            raise UnknownAct(f"Type the name {row.name} to confirm. Nothing was changed.")
        if self.act == "purge" and not request.POST.get("reason", "").strip():
            raise UnknownAct(f"A reason is required to purge {row.name}. Nothing was changed.")
        grant = self.grant(inventory.scope_of(vault, kind, row), inventory.permission_for(kind, self.act))
        if self.act == "delete":
            asked = self.preview(vault, kind, row, verb=f"Delete {row.name}")
            if asked is not None:
                return asked
        timed = {} if self.act == "recover" else {"now": now()}
        getattr(operations, self.act)(grant=grant, vault=vault, kind=kind, name=row.name, **timed)
        text = {
            "delete": "%s is deleted. It can be recovered from the recycle bin.",
            "recover": "%s is recovered.",
            "purge": "%s is purged.",
        }[self.act]
        if self.act == "recover":
            return self.done(text % row.name, "secops:object", vault.name, kind, row.name)
        undo = None
        if self.act == "delete":
            undo = Undo(reverse("secops:object_recover", args=[vault.name, kind, row.name]))
        return self.done(text % row.name, "secops:recycle_bin", undo=undo)

    def came_from(self) -> str:
        return reverse("secops:object", args=[self.kwargs["name"], self.kwargs["kind"], self.kwargs["item"]])


class Delete(Recycle):
    act = "delete"


class Recover(Recycle):
    act = "recover"


class Purge(Recycle):
    act = "purge"
    require_reauth = True


class RecycleBin(SecopsPage):
    permissions: ClassVar = {"get": P.VAULTS_READ}
    section = "secops:recycle_bin"
    template = "portal/secops/recycle_bin.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        """What can be recovered still, the one that goes first first."""
        del request
        principal = self.grant().principal
        rows = inventory.list_deleted(principal=principal, limit=200)
        paths = [(kind, row, f"{row.vault.name}/{kind}/{row.name}") for kind, row in rows]
        return self.show(rows=paths, command=cli_examples.recover(rows, inventory.SINGULAR))


def _owner(version: Any) -> str:
    """Whom its tag "owner" names, if it has one: the Key Vault API has no other place for it."""
    return next((str(value) for tag, value in version.tags.items() if tag.lower() == "owner"), "")


def _by_version(uses: list[Any]) -> dict[str, int]:
    """Version to how often it was used; "" where none was named."""
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
