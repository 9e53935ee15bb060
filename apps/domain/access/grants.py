"""Grants: only `authorize()` makes them, and every domain operation demands one.

In Python this stops mistakes, not a hostile import: process separation stops those
(docs/reference/security-guarantees.md section 3).
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from apps.core.errors import Forbidden, VaultError
from apps.core.principals import Principal, PrincipalKind, RequestContext
from apps.domain.access import queries
from apps.domain.access.permissions import Permission
from apps.domain.access.person_roles import PERSON_ROLE_PERMISSIONS, role_allows

_SEAL = object()


class NotAuthorised(Forbidden):
    """The principal lacks the permission at this scope."""


class GrantMismatch(VaultError):
    """Programming error: an operation was called with a grant for something else. Fails closed as a 500."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The place of a permission: a vault, one object in it, or (no vault) the organisation.

    `object_type` is "key", "secret" or "certificate". `object_id` is None when no such object
    exists: then only an assignment at the vault can allow, and a caller without one learns nothing about existence.
    """

    vault_id: UUID | None = None
    vault_name: str = ""
    object_type: str = ""
    object_name: str = ""
    object_id: UUID | None = None

    @classmethod
    def of(cls, vault: Any, object_type: str = "", object_name: str = "", object_id: UUID | None = None) -> "Scope":
        """The scope of a vault's row, or of one object in it; None is the organisation."""
        if vault is None:
            return cls()
        return cls(vault.pk, vault.name, object_type, object_name, object_id)


@dataclass(frozen=True, slots=True)
class Grant:
    """Proof that `authorize()` allowed this principal this permission at this scope."""

    principal: Principal
    permission: Permission
    scope: Scope
    request: RequestContext
    _seal: object = field(repr=False, default=None)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            message = "a Grant is made by authorize() only"
            raise GrantMismatch(message)

    def require(self, *permissions: Permission, vault_id: UUID | None = None) -> None:
        """Raise `GrantMismatch` unless the grant is for this permission, or one of these (and this vault)."""
        if self.permission not in permissions or (vault_id is not None and vault_id != self.scope.vault_id):
            message = f"the operation needs {' or '.join(permissions)}, the grant is for {self.permission}"
            raise GrantMismatch(message)

    def at(self, vault: Any) -> "Grant":
        """Authorize the same permission at one vault: management grants may be for the organisation."""
        return authorize(self.principal, self.permission, Scope.of(vault), self.request)


def authorize(principal: Principal, permission: Permission, scope: Scope, request: RequestContext) -> Grant:
    """Decide on a permission. Raises `NotAuthorised`; the calling interface records the denial.

    People act by their role and never on the data plane; developers mostly need a role assignment there besides.
    Application identities act by role assignments; the system acts only where no assignment reaches.
    """
    if not _allowed(principal, permission, scope):
        raise NotAuthorised("Caller is not authorized to perform action on resource.")
    return Grant(principal, permission, scope, request, _SEAL)


def is_permitted(principal: Principal, permission: Permission, scope: Scope) -> bool:
    """Tell whether `authorize` would allow it, for lists of what a caller may read."""
    return _allowed(principal, permission, scope)


def _allowed(principal: Principal, permission: Permission, scope: Scope) -> bool:
    if principal.kind is PrincipalKind.SYSTEM:
        return True
    if principal.role is not None and permission in PERSON_ROLE_PERMISSIONS[principal.role]:
        return True
    held = permissions_at(principal, scope)
    return permission in held if principal.role is None else role_allows(principal.role, permission, held)


def permissions_at(principal: Principal, scope: Scope) -> frozenset[Permission]:
    """Return what role assignments at the scope, or at its vault, allow the principal, apart from a person's role."""
    if scope.vault_id is None and principal.kind is not PrincipalKind.APPLICATION:
        return frozenset()
    return queries.permissions_of(
        principal_id=principal.id,
        vault_id=scope.vault_id,
        object_type=scope.object_type,
        object_id=scope.object_id,
    )
