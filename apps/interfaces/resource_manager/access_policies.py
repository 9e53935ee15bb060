"""Access policies in requests and answers: the words of Azure, and the roles that they stand for."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from apps.core.clock import now
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.access.roles import POLICY_PERMISSIONS, policy_role
from apps.domain.identity.queries import get_organisation
from apps.domain.vaults import access_policies
from apps.domain.vaults.models import Vault
from apps.interfaces.resource_manager.errors import BadContent, Unsupported
from apps.interfaces.resource_manager.principals import find_assignee
from apps.interfaces.resource_manager.vault_content import AccessPolicy, Content, Json

_AREAS = ("keys", "secrets", "certificates")
# By area: the words of policies in lower case, to the permissions that they stand for.
_WORDS: dict[str, dict[str, tuple[Permission, ...]]] = {
    area: {
        permission.value.partition("/")[2]: (permission,)
        for permission in POLICY_PERMISSIONS
        if permission.value.startswith(f"{area}/")
    }
    for area in _AREAS
}
_WORDS["certificates"]["manageissuers"] = (
    Permission.ISSUERS_GET,
    Permission.ISSUERS_LIST,
    Permission.ISSUERS_SET,
    Permission.ISSUERS_DELETE,
)
_SPELLED = {"wrapkey": "wrapKey", "unwrapkey": "unwrapKey"}  # as Azure writes them


class PolicyProperties(Content):
    access_policies: list[AccessPolicy]


class PolicyContent(Content):
    properties: PolicyProperties
    id: Any = None
    name: Any = None
    type: Any = None
    location: Any = None


def change(*, grant: Grant, vault: Vault, kind: str, policies: Mapping[UUID, frozenset[str]]) -> None:
    """Add to policies, replace or reduce them: only those of the principals that are named."""
    held = access_policies.list_policies(vault)
    for principal_id, roles in policies.items():
        before = held.get(principal_id, frozenset())
        _set(grant, vault, principal_id, {"add": before | roles, "replace": roles, "remove": before - roles}[kind])


def replace_all(*, grant: Grant, vault: Vault, policies: Mapping[UUID, frozenset[str]]) -> None:
    """Make these the policies of a vault. Raises as `access_policies.set_policy`."""
    held = access_policies.list_policies(vault)
    for principal_id in sorted({*held, *policies}, key=lambda one: one in policies):  # what is lost goes first
        roles = policies.get(principal_id, frozenset())
        if roles != held.get(principal_id, frozenset()):
            _set(grant, vault, principal_id, roles)


def read_policies(rows: Sequence[AccessPolicy]) -> dict[UUID, frozenset[str]]:
    """Read policies: by principal the code names of roles. Raises `BadContent`, `Unsupported`."""
    tenant = str(get_organisation().tenant_id)
    found: dict[UUID, frozenset[str]] = {}
    for row in rows:
        if row.tenant_id.lower() != tenant:
            raise BadContent(f"The tenantId of an access policy must be {tenant}.")
        if row.application_id is not None:
            raise Unsupported("An access policy for an application on behalf of a principal is not supported.")
        if row.permissions.storage:
            raise Unsupported("There are no storage accounts here: leave the storage permissions out.")
        try:
            principal_id = UUID(row.object_id)
        except ValueError:
            raise BadContent("The objectId of an access policy must be a GUID.") from None
        if principal_id in found:
            raise BadContent(f"There are two access policies for the objectId {principal_id}.")
        found[principal_id] = frozenset(
            policy_role(permission)
            for area in _AREAS
            for word in getattr(row.permissions, area) or ()
            for permission in _permissions(area, word)
        )
    return found


def policies_answer(vault: Vault) -> list[Json]:
    """The policies of a vault in the form of requests; none in a vault whose access is by roles."""
    if not uses_policies(vault.tool_settings):
        return []
    tenant = str(get_organisation().tenant_id)
    return [
        {
            "tenantId": tenant,
            "objectId": str(principal_id),
            "permissions": {**{area: _words(area, roles) for area in _AREAS}, "storage": []},
        }
        for principal_id, roles in sorted(access_policies.list_policies(vault).items())
    ]


def check_in_use(tool_settings: Json) -> None:
    """Raise `BadContent` for policies in a vault that is set to ignore them, as at Azure."""
    if not uses_policies(tool_settings):
        raise BadContent(
            "The vault has enableRbacAuthorization, so access policies have no effect. Assign roles instead, or set "
            "enableRbacAuthorization to false."
        )


def uses_policies(tool_settings: Json) -> bool:
    """Tell whether a vault's access is set by policies, for its tools."""
    return not tool_settings.get("rbac", True)


def _permissions(area: str, word: str) -> tuple[Permission, ...]:
    words = _WORDS[area]
    if word.lower() == "all":
        return tuple(permission for one in words.values() for permission in one)
    if word.lower() not in words:
        raise BadContent(
            f"There is no permission '{word[:40]}' for {area}. Permissions: all, {', '.join(sorted(words))}."
        )
    return words[word.lower()]


def _words(area: str, roles: frozenset[str]) -> list[str]:
    found = [word for word, permissions in _WORDS[area].items() if word != "manageissuers"]
    return [_SPELLED.get(word, word) for word in found if policy_role(_WORDS[area][word][0]) in roles]


def _set(grant: Grant, vault: Vault, principal_id: UUID, roles: frozenset[str]) -> None:
    assignee = find_assignee(grant.principal, principal_id)
    access_policies.set_policy(grant=grant, vault=vault, assignee=assignee, roles=roles, now=now())
