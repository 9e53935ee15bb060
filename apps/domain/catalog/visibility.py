"""Decisions about one person: may they know of this object, and which message do they get instead of a refusal."""

from apps.audit_log.operation_names import Operation
from apps.core.errors import VaultError
from apps.core.principals import Principal, RequestContext
from apps.domain.access.denial_records import record_denial
from apps.domain.access.grants import Grant, NotAuthorised, Scope, authorize, permissions_at
from apps.domain.access.permissions import Permission
from apps.domain.access.person_roles import PERSON_ROLE_PERMISSIONS, role_allows
from apps.domain.access.visibility import is_limited, visible_objects
from apps.domain.catalog.queries import KINDS, SINGULAR, object_not_found
from apps.domain.catalog.role_targets import find_scope
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import VaultNotFound, get_deleted_vault, get_vault


def authorize_person(
    principal: Principal, permission: Permission, scope: Scope, request: RequestContext, *, operation: Operation
) -> Grant:
    """Authorize what a person asks for in the portal or on the management API, and record a denial as `operation`.

    Raises `NotAuthorised`, or the error of an absent object where that would tell that the object exists.
    """
    try:
        return authorize(principal, permission, scope, request)
    except NotAuthorised:
        record_denial(principal, scope, request, operation=operation, status=403, permission=permission)
        denial = NotAuthorised(f"Your role does not allow this ({permission}).")
        raise conceal(principal, scope, denial) from None


def check_vault(principal: Principal, request: RequestContext, *, name: str, operation: Operation) -> Vault:
    """Return the vault that an address names.

    Raises `VaultNotFound`, recorded, the same for one that does not exist and for a hidden one.
    """
    try:
        return get_vault(name=name, principal=principal)
    except VaultNotFound:
        scope = Scope(vault_name=name)
        record_denial(principal, scope, request, operation=operation, status=404, description="VaultNotFound")
        raise


def check_deleted_vault(principal: Principal, request: RequestContext, *, name: str, operation: Operation) -> Vault:
    """Return the deleted vault that an address names, as `check_vault`."""
    try:
        return get_deleted_vault(name=name, principal=principal)
    except VaultNotFound:
        scope = Scope(vault_name=name)
        record_denial(principal, scope, request, operation=operation, status=404, description="VaultNotFound")
        raise


def conceal(principal: Principal, scope: Scope, error: VaultError) -> VaultError:
    """Replace "you may not" by "there is none" where the person may not know that something exists."""
    if not is_limited(principal) or scope.vault_id is None:
        return error
    if scope.object_name and not knows_kind(principal, scope, f"{scope.object_type}s"):
        return object_not_found(scope.object_type, scope.object_name, vault_name=scope.vault_name)
    if visible_objects(principal).knows(scope.vault_id):
        return error
    return VaultNotFound("Not found, or not available to you.")


def knows_kind(principal: Principal, scope: Scope, kind: str) -> bool:
    """Tell whether the person may do anything there with objects of the kind; a person who may not knows of none."""
    return not is_limited(principal) or any(held.startswith(f"{kind}/") for held in permissions_at(principal, scope))


def knows_named(principal: Principal, vault: Vault, object_id: str) -> bool:
    """Tell whether the person may know of what records call `keys/<name>`; "" is anything in the vault."""
    kind, _slash, rest = object_id.partition("/")
    if kind not in KINDS:
        return True
    return knows_kind(principal, find_scope(vault, SINGULAR[kind], rest.partition("/")[0]), kind)


def is_allowed(principal: Principal, permission: Permission, scope: Scope) -> bool:
    """Tell whether to show a button; the operation itself asks `authorize` again."""
    if principal.role is None:
        return False
    return permission in PERSON_ROLE_PERMISSIONS[principal.role] or role_allows(
        principal.role, permission, permissions_at(principal, scope)
    )
