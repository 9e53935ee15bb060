"""Microsoft.KeyVault/vaults and deletedVaults."""

from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import lifecycle_now
from apps.core.request_facts import request_context
from apps.domain.access.grants import Scope, is_permitted
from apps.domain.access.permissions import Permission
from apps.domain.catalog.visibility import authorize_person
from apps.domain.security_worlds.models import SecurityWorld
from apps.domain.vaults import deletion, operations, queries, rules
from apps.domain.vaults.access_policies import list_policies
from apps.domain.vaults.models import Vault
from apps.domain.vaults.operations import VaultIsDeleted
from apps.domain.vaults.queries import VaultNotFound
from apps.interfaces.management_api.base import endpoint
from apps.interfaces.resource_manager import access_policies, addresses, vault_content
from apps.interfaces.resource_manager.access_policies import PolicyContent
from apps.interfaces.resource_manager.base import ArmResource, ArmView
from apps.interfaces.resource_manager.errors import BadContent
from apps.interfaces.resource_manager.vault_content import Json, NameContent, VaultContent

P = Permission


class VaultView(ArmResource):
    """What addresses of one vault have in common."""

    def find_vault(self, *, deleted: bool = False) -> Vault | None:
        """The vault of the address, if there is one in its group."""
        find = queries.get_deleted_vault if deleted else queries.get_vault
        try:
            vault = find(name=self.kwargs["name"])
        except VaultNotFound:
            return None
        group = self.kwargs.get("group")
        return vault if group is None or vault.world.name.lower() == group.lower() else None

    def find_at(self, *, deleted: bool = False) -> Scope:
        """The scope of the vault of the address; of one that is not there, the organisation.

        So a caller without a role everywhere gets the same 403 for both.
        """
        vault = self.find_vault(deleted=deleted)
        if vault is None:
            return Scope()
        self.vault = vault
        return Scope.of(vault)

    def check_found(self) -> Vault:
        """The vault. Raises `VaultNotFound`, which only a caller that manages all vaults sees."""
        if not hasattr(self, "vault"):
            group = self.kwargs.get("group")
            place = f" under resource group '{group[:90]}'" if group else ""
            raise VaultNotFound(
                f"The Resource '{addresses.VAULT_TYPE}/{self.kwargs['name'][:80]}'{place} was not found. For more "
                "details please go to https://aka.ms/ARMResourceNotFoundFix"
            )
        return self.vault


class Vaults(VaultView):
    """Vaults of a group."""

    @endpoint(Operation.VAULT_GET, P.VAULTS_READ)
    def retrieve(self) -> Response:
        """Read a vault."""
        return answer(self.check_found())

    @endpoint(Operation.VAULT_GET, P.VAULTS_CREATE, reauth=True)
    def put(self) -> Response:
        """Create a vault, change one, or recover a deleted one (`createMode`)."""
        content = self.body(VaultContent)
        content.check()
        world = self._world(content)
        if content.recovers:
            return answer(deletion.recover(grant=self.grant, vault=self.check_found()))
        if hasattr(self, "vault"):
            return self._update(content)
        settings, name = content.settings, self.kwargs["name"]
        settings["tool_settings"] = content.tool_settings({})
        policies = _policies(content, settings["tool_settings"])
        try:
            vault = operations.create(
                grant=self.grant, name=name, world_name=world.name, now=lifecycle_now(), **settings
            )
        except VaultIsDeleted:
            raise VaultIsDeleted(
                "A vault with the same name already exists in deleted state. You need to either recover or purge "
                "existing key vault."
            ) from None
        self._set_policies(vault, policies)
        return answer(vault, 201)

    @endpoint(Operation.VAULT_GET, P.VAULTS_UPDATE, reauth=True)
    def patch(self) -> Response:
        """Change the settings that the request names."""
        self.check_found()
        content = self.body(VaultContent)
        content.check()
        return self._update(content)

    @endpoint(Operation.VAULT_DELETE, P.VAULTS_DELETE, reauth=True)
    def destroy(self) -> Response:
        """Delete a vault. One that is not there needs no deletion: 204."""
        if not hasattr(self, "vault"):
            return Response(status=204)
        deletion.delete(grant=self.grant, vault=self.vault, now=lifecycle_now())
        return Response(status=200)

    def scope(self) -> Scope:
        """The vault; the organisation for one that is created."""
        if self.action == "put" and self._asked_to_recover():
            return self.find_at(deleted=True)
        return self.find_at()

    def permission(self) -> Permission:
        """Of a PUT: to create, to change, or to recover."""
        if self.action != "put":
            return super().permission()
        if self._asked_to_recover():
            return P.VAULTS_DELETE
        return P.VAULTS_UPDATE if hasattr(self, "vault") else P.VAULTS_CREATE

    def _asked_to_recover(self) -> bool:
        """Whether the body is a request to recover; what is malformed is refused later, to those who may ask."""
        data = self.request.data
        properties = data.get("properties") if isinstance(data, dict) else None
        mode = properties.get("createMode") if isinstance(properties, dict) else None
        return isinstance(mode, str) and mode.lower() == "recover"

    def _update(self, content: VaultContent) -> Response:
        before = self.vault
        tool_settings = content.tool_settings(before.tool_settings)
        policies = _policies(content, tool_settings)
        settings = content.settings
        if tool_settings != before.tool_settings:
            settings["tool_settings"] = tool_settings
        changed = {name: value for name, value in settings.items() if value != getattr(before, name)}
        vault = before
        if changed:
            vault = operations.update(grant=self.grant, name=before.name, now=lifecycle_now(), **changed)
        self._set_policies(vault, policies)
        return answer(vault)

    def _set_policies(self, vault: Vault, policies: dict[UUID, frozenset[str]] | None) -> None:
        """Change the policies if the request does, which needs the permission to assign roles."""
        if policies is None or policies == list_policies(vault):
            return
        context = request_context(self.request.META)
        operation = Operation.ROLE_ASSIGNMENT_WRITE
        grant = authorize_person(self.principal, P.ROLES_ASSIGN, Scope.of(vault), context, operation=operation)
        access_policies.replace_all(grant=grant, vault=vault, policies=policies)

    def _world(self, content: VaultContent) -> SecurityWorld:
        world = self.find_world(self.kwargs["group"])
        if content.location is not None and not addresses.is_location(content.location, world):
            raise BadContent(
                f"The location of the resource group '{world.name}' is '{world.region}', where its HSMs are. A vault "
                f"in it cannot be in '{content.location[:80]}'."
            )
        return world


class AccessPolicies(VaultView):
    """Changes of single policies of a vault."""

    @endpoint(Operation.ROLE_ASSIGNMENT_WRITE, P.ROLES_ASSIGN, reauth=True)
    def put(self) -> Response:
        """Add permissions to policies, replace policies, or remove permissions."""
        vault, kind = self.check_found(), self.kwargs["kind"].lower()
        access_policies.check_in_use(vault.tool_settings)
        policies = access_policies.read_policies(self.body(PolicyContent).properties.access_policies)
        access_policies.change(grant=self.grant, vault=vault, kind=kind, policies=policies)
        return Response(
            {
                "id": f"{addresses.vault(vault)}/accessPolicies/",
                "type": f"{addresses.VAULT_TYPE}/accessPolicies",
                "location": vault.world.region,
                "properties": {"accessPolicies": access_policies.policies_answer(vault)},
            }
        )

    def scope(self) -> Scope:
        """The vault; the organisation if there is none."""
        return self.find_at()


class DeletedVaults(VaultView):
    """A deleted vault, by the location of its group."""

    def scope(self) -> Scope:
        """The deleted vault; the organisation if there is none there."""
        return self.find_at(deleted=True)

    @endpoint(Operation.DELETED_VAULT_LIST, P.VAULTS_READ)
    def retrieve(self) -> Response:
        """Read a deleted vault."""
        return Response(vault_content.deleted_answer(self.check_found()))

    @endpoint(Operation.VAULT_PURGE, P.VAULTS_PURGE, reauth=True)
    def purge(self) -> Response:
        """Purge a deleted vault for good. The result has an address: without one, Terraform reads the vault again."""
        deletion.purge(grant=self.grant, vault=self.check_found(), now=lifecycle_now())
        headers = {"Location": addresses.result_of_purge(self.region_of_operation()), "Retry-After": "0"}
        return Response(status=200, headers=headers)

    def check_found(self) -> Vault:
        """The vault. Raises `VaultNotFound`."""
        if not hasattr(self, "vault") or not addresses.is_location(self.kwargs["location"], self.vault.world):
            raise VaultNotFound(f"The specified vault '{self.kwargs['name'][:80]}' could not be found.")
        return self.vault

    def region_of_operation(self) -> str:
        """The region of the address."""
        return str(self.kwargs["location"])


class _List(ArmView):
    """A list of what the caller may read: without a role it is empty, as at Azure."""

    def readable(self, rows: list[Vault]) -> list[Vault]:
        """The vaults of these that the caller may read."""
        return [row for row in rows if is_permitted(self.principal, P.VAULTS_READ, Scope.of(row))]

    @staticmethod
    def page(values: list[Any]) -> Response:
        """All of a list in one page."""
        return Response({"value": values})


class VaultList(_List):
    def get(self, request: Request, group: str = "", **_names: Any) -> Response:
        """List the vaults of a group, or of the subscription."""
        del request
        rows = self.readable(queries.list_vaults())
        if group:
            world = self.find_world(group)
            rows = [row for row in rows if row.world_id == world.pk]
        return self.page([vault_content.vault_answer(row, access_policies.policies_answer(row)) for row in rows])


class DeletedVaultList(_List):
    def get(self, request: Request, **_names: Any) -> Response:
        """List the deleted vaults of the subscription."""
        del request
        return self.page([vault_content.deleted_answer(row) for row in self.readable(queries.list_deleted_vaults())])


class ResourceList(_List):
    def get(self, request: Request, **_names: Any) -> Response:
        """List resources: there are vaults only. Another filter than their type, or their type and name, finds none."""
        wanted = " ".join(request.query_params.get("$filter", "").lower().split())
        kind = f"resourcetype eq '{addresses.VAULT_TYPE.lower()}'"
        rows = self.readable(queries.list_vaults())
        if wanted.startswith(f"{kind} and name eq '"):
            rows = [row for row in rows if wanted == f"{kind} and name eq '{row.name.lower()}'"]
        elif wanted not in ("", kind):
            rows = []
        return self.page([vault_content.resource_answer(row) for row in rows])


class NameCheck(ArmView):
    def post(self, request: Request, **_names: Any) -> Response:
        """Tell whether a vault could get a name."""
        content = self.body(NameContent)
        if content.type.lower() != addresses.VAULT_TYPE.lower():
            raise BadContent(f"The type must be {addresses.VAULT_TYPE}.")
        try:
            rules.check_name(content.name)
        except rules.BadVaultName as error:
            return self.answer("AccountNameInvalid", error.message)
        if not queries.is_name_free(name=content.name):
            return self.answer("AlreadyExists", f"The vault name '{content.name}' is already in use.")
        return Response({"nameAvailable": True})

    @staticmethod
    def answer(reason: str, message: str) -> Response:
        """A name that is not free."""
        return Response({"nameAvailable": False, "reason": reason, "message": message})


def answer(vault: Vault, status: int = 200) -> Response:
    """A vault."""
    return Response(vault_content.vault_answer(vault, access_policies.policies_answer(vault)), status=status)


def _policies(content: VaultContent, tool_settings: Json) -> dict[UUID, frozenset[str]] | None:
    """The policies that the vault is to have; None: as they are. Raises `BadContent`, `Unsupported`."""
    rows = content.properties.access_policies
    if rows:
        access_policies.check_in_use(tool_settings)
    if not access_policies.uses_policies(tool_settings):
        return {}
    return None if rows is None else access_policies.read_policies(rows)
