"""Targets of role assignments: from names to the rows of django-guardian and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import TextField
from django.db.models.functions import Cast

from apps.core.errors import BadRequest, NotFound
from apps.domain.access.grants import Scope
from apps.domain.access.queries import Assignment, list_assignments, list_assignments_of, members_by_group
from apps.domain.access.roles import ROLES
from apps.domain.certificates.models import Certificate
from apps.domain.certificates.queries import CertificateNotFound, find_certificate_id
from apps.domain.identity.queries import map_assignee_names
from apps.domain.keys.models import Key
from apps.domain.keys.queries import KeyNotFound, find_key_id
from apps.domain.secrets.models import Secret
from apps.domain.secrets.queries import SecretNotFound, find_secret_id
from apps.domain.vaults.models import Vault

_MODELS: dict[str, Any] = {"key": Key, "secret": Secret, "certificate": Certificate}
_FINDERS = {"key": find_key_id, "secret": find_secret_id, "certificate": find_certificate_id}
_NOT_FOUND: dict[str, type[NotFound]] = {
    "key": KeyNotFound,
    "secret": SecretNotFound,
    "certificate": CertificateNotFound,
}


class AmbiguousTarget(BadRequest):
    """More than one object was named."""


@dataclass(frozen=True, slots=True)
class Target:
    """A vault, or one object in it."""

    object_type: str
    object_id: UUID
    name: str = ""  # "": the vault


def find_target(vault: Vault, *, key: str, secret: str, certificate: str) -> Target:
    """Find a target by name. Raises `KeyNotFound`, `SecretNotFound`, `CertificateNotFound`, `AmbiguousTarget`."""
    if len([name for name in (key, secret, certificate) if name]) > 1:
        raise AmbiguousTarget("Name a key, a secret or a certificate, not several.")
    for object_type, name in (("key", key), ("secret", secret), ("certificate", certificate)):
        if name:
            object_id = find_scope(vault, object_type, name).object_id
            if object_id is None:
                raise _NOT_FOUND[object_type](f"There is no {object_type} '{name}' in vault {vault.name}.")
            return Target(object_type, object_id, f"{object_type}s/{name}")
    return Target("vault", vault.pk)


def describe_assignments(vault: Vault) -> list[dict[str, Any]]:
    """List every assignment at the vault and its objects. `principals`: who has it, for a group its members."""
    objects = {kind: model.objects.filter(vault=vault) for kind, model in _MODELS.items()}
    as_text = Cast("pk", TextField())
    targets = {kind: rows.values_list(as_text) for kind, rows in objects.items()}
    assignments = list_assignments(targets={"vault": [str(vault.pk)], **targets})
    ids = [row.object_id for row in assignments]
    object_names = {
        kind: {str(pk): name for pk, name in rows.filter(pk__in=ids).values_list("pk", "name")}
        for kind, rows in objects.items()
    }
    names = map_assignee_names(row.principal_id for row in assignments if row.principal_id)
    members = members_by_group() if any(row.group for row in assignments) else {}
    return [
        {
            "application": names.get(row.principal_id, "") if row.principal_id else "",
            "group": row.group,
            "who": names.get(row.principal_id, "") if row.principal_id else row.group,
            "principals": members.get(row.group, frozenset()) if row.group else {row.principal_id},
            "role": row.role,
            **{kind: object_names[kind].get(row.object_id, "") for kind in _MODELS},
        }
        for row in assignments
    ]


def list_holders(vault: Vault) -> list[dict[str, Any]]:
    """List every assignment once per principal: `principal_id`, its name, `through` (a group, or "")."""
    rows = describe_assignments(vault)
    names = map_assignee_names({holder for row in rows for holder in row["principals"]})
    return [
        {**row, "application": names.get(holder, ""), "principal_id": holder, "through": row["group"]}
        for row in rows
        for holder in sorted(row["principals"])
    ]


def find_scope(vault: Vault, object_type: str, name: str) -> Scope:
    """The scope of an object that need not exist, or of the vault when no name is given."""
    object_id = _FINDERS[object_type](vault_id=vault.pk, name=name) if name else None
    return Scope.of(vault, object_type, name, object_id)


def describe_roles(*, principal_id: UUID) -> list[dict[str, Any]]:
    """List every assignment of a principal, its own and its groups', as `describe_targets`."""
    return describe_targets(list_assignments_of(principal_id=principal_id))


def describe_targets(rows: Sequence[Assignment]) -> list[dict[str, Any]]:
    """Describe assignments: `vault` (the row), `role`, `role_name`, `what` ("" for the whole vault) and `group`."""
    described: list[dict[str, Any]] = []
    for object_type, model in {"vault": Vault, **_MODELS}.items():
        matching = [row for row in rows if row.object_type == object_type]
        objects = {str(row.pk): row for row in model.objects.filter(pk__in=[row.object_id for row in matching])}
        for row in matching:
            target = objects.get(row.object_id)
            if target is None:
                continue
            vault = target if object_type == "vault" else target.vault
            what = "" if object_type == "vault" else f"{object_type}s/{target.name}"
            role_name = ROLES[row.role].name if row.role in ROLES else row.role
            described.append(
                {"vault": vault, "role": row.role, "role_name": role_name, "what": what, "group": row.group}
            )
    return sorted(described, key=lambda row: (row["vault"].name, row["what"], row["role"]))
