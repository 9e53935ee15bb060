"""Names of objects: free, of a live object, or of a deleted one, which a vault may recover for a new version.

A caller needs the permission to recover as well (docs/decisions/0041-policies-calendar-clock.md).
"""

from typing import Any

from apps.core.principals import PrincipalKind
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant, NotAuthorised, Scope, authorize, is_permitted
from apps.domain.approvals.operations import end_requests
from apps.domain.objects import locks, rules
from apps.domain.objects.kinds import ObjectKind, Row
from apps.domain.objects.rules import ObjectIsDeleted
from apps.domain.vaults.models import Vault, VaultObject


def get_or_create_locked(
    kind: ObjectKind[Row, Any],
    vault: Vault,
    name: str,
    *,
    grant: Grant,
    managed: bool = False,
    recreates: bool = False,
    **fields: Any,
) -> Row:
    """The live object of that name, created if there is none; in the caller's transaction.

    `recreates`: a deleted object of the name may be recovered for a new version, as the vault says. Then it is
    `recovered`. Raises `ObjectIsDeleted` where it is not, `ObjectManaged` for a certificate's object when the caller
    does not act for the certificate.
    """
    row: Row | None = None
    while row is None:  # a purge may come between the two statements
        new = kind.model(vault=vault, name=name, folded_name=name.lower(), managed=managed, **fields)
        kind.rows().bulk_create([new], ignore_conflicts=True)
        row = locks.locked(kind).filter(vault=vault, folded_name=name.lower()).first()
    if row.deleted is not None:
        if not recreates or row.managed:
            raise _name_is_deleted(kind, row, grant)
        _recover_for_new_version(kind, row, grant)
    if not managed:
        kind.check_unmanaged(row)
    return row


def check_free(kind: ObjectKind[Any, Any], vault: Vault, name: str, *, grant: Grant) -> None:
    """Raise `ObjectIsDeleted` or `ObjectExists` when the name is taken."""
    for one in (kind, *kind.dependents):
        row = one.rows().filter(vault=vault, folded_name=name.lower()).first()
        if row is None:
            continue
        if row.deleted is not None:
            raise _name_is_deleted(one, row, grant)
        raise rules.ObjectExists(
            f"There is a {one.name} {row.name} in this vault already; a backup is restored beside nothing."
        )


def recover_locked(kind: ObjectKind[Row, Any], row: Row, *, grant: Grant, **detail: Any) -> None:
    """Make a locked deleted object live again with its dependents, and record it; end approval requests about them."""
    for _, recovered in locks.set_deletion(kind, row, deleted=None, purge_after=None, by=""):
        end_requests(grant=grant, concerns=recovered.pk)
    append_change(grant, operation=kind.operation("recover"), object_id=kind.object_id(row.name), **detail)


def _recover_for_new_version(kind: ObjectKind[Row, Any], row: Row, grant: Grant) -> None:
    if row.vault.on_conflict != Vault.OnConflict.RECOVER or grant.principal.kind is PrincipalKind.SYSTEM:
        raise _name_is_deleted(kind, row, grant)
    try:
        own = authorize(grant.principal, kind.permission("recover"), _scope_of(kind, row), grant.request)
    except NotAuthorised:
        raise rules.name_is_deleted(
            kind.name,
            row.name,
            more=f"The vault recovers it for callers with the permission {kind.permission('recover')}, which you lack.",
        ) from None
    recover_locked(kind, row, grant=own, onConflict=Vault.OnConflict.RECOVER.value)
    row.recovered = True


def _name_is_deleted(kind: ObjectKind[Any, Any], row: VaultObject, grant: Grant) -> ObjectIsDeleted:
    """The error; only who may recover the object learns who deleted it, and when."""
    may_recover = is_permitted(grant.principal, kind.permission("recover"), _scope_of(kind, row))
    if row.deleted is None or row.managed or not may_recover:
        return rules.name_is_deleted(kind.name, row.name)
    return rules.name_can_be_recovered(
        kind.name, row.name, vault=row.vault.name, deleted=row.deleted, by=row.deleted_by
    )


def _scope_of(kind: ObjectKind[Any, Any], row: VaultObject) -> Scope:
    return Scope.of(row.vault, kind.name, row.name, row.pk)
