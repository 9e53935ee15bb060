"""Targets of role assignments: from names to the rows of django-guardian and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import TextField
from django.db.models.functions import Cast

from apps.core.errors import BadRequest
from apps.domain.access.grants import Scope
from apps.domain.access.queries import (
    ORGANISATION,
    Assignment,
    list_assignments,
    list_assignments_of,
    list_managers,
    members_by_group,
)
from apps.domain.access.roles import POLICY, is_policy, policy_text, role_name
from apps.domain.catalog.kinds import BY_NAME
from apps.domain.identity.queries import map_assignee_names
from apps.domain.vaults.models import Vault


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
    named = {"key": key, "secret": secret, "certificate": certificate}
    named = {kind: name for kind, name in named.items() if name}
    if len(named) > 1:
        raise AmbiguousTarget("Name a key, a secret or a certificate, not several.")
    for kind, name in named.items():
        object_id = BY_NAME[kind].find_id(vault.pk, name)
        if object_id is None:
            raise BY_NAME[kind].not_found_error(f"There is no {kind} '{name}' in vault {vault.name}.")
        return Target(kind, object_id, BY_NAME[kind].object_id(name))
    return Target("vault", vault.pk)


def describe_assignments(vault: Vault) -> list[dict[str, Any]]:
    """List every assignment at the vault and its objects, and those for all vaults (`everywhere`).

    `principals`: who has it, for a group its members.
    """
    objects = {kind.name: kind.rows().filter(vault=vault) for kind in BY_NAME.values()}
    as_text = Cast("pk", TextField())
    targets = {kind: rows.values_list(as_text) for kind, rows in objects.items()}
    assignments = [*list_assignments(targets={"vault": [str(vault.pk)], **targets}), *list_managers()]
    ids = [row.object_id for row in assignments]
    object_names = {
        kind: {str(pk): name for pk, name in rows.filter(pk__in=ids).values_list("pk", "name")}
        for kind, rows in objects.items()
    }
    names = map_assignee_names(row.principal_id for row in assignments if row.principal_id)
    members = members_by_group() if any(row.group for row in assignments) else {}
    described = [
        {
            "application": names.get(row.principal_id, "") if row.principal_id else "",
            "group": row.group,
            "who": names.get(row.principal_id, "") if row.principal_id else row.group,
            "principals": members.get(row.group, frozenset()) if row.group else {row.principal_id},
            "role": row.role,
            "role_name": role_name(row.role),
            "everywhere": row.object_type == ORGANISATION,
            **{kind: object_names[kind].get(row.object_id, "") for kind in BY_NAME},
        }
        for row in assignments
    ]
    return _fold_policies(described, "who")


@dataclass(frozen=True, slots=True)
class ScopedAssignment:
    """An assignment that reaches into a vault. `place`: keys/NAME, or "" for the vault and for all vaults."""

    vault: Vault
    assignment: Assignment
    place: str


def list_scoped_assignments(vault: Vault) -> list[ScopedAssignment]:
    """List every assignment at the vault and its objects, and those for all vaults; access policies are none."""
    objects = {kind.name: kind.rows().filter(vault=vault) for kind in BY_NAME.values()}
    targets = {kind: rows.values_list(Cast("pk", TextField())) for kind, rows in objects.items()}
    found = [*list_assignments(targets={"vault": [str(vault.pk)], **targets}), *list_managers()]
    ids = [row.object_id for row in found]
    names = {
        str(pk): BY_NAME[kind].object_id(name)
        for kind, rows in objects.items()
        for pk, name in rows.filter(pk__in=ids).values_list("pk", "name")
    }
    return [ScopedAssignment(vault, row, names.get(row.object_id, "")) for row in found if not is_policy(row.role)]


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
    object_id = BY_NAME[object_type].find_id(vault.pk, name) if name else None
    return Scope.of(vault, object_type, name, object_id)


def describe_roles(*, principal_id: UUID) -> list[dict[str, Any]]:
    """List every assignment of a principal, its own and its groups', as `describe_targets`."""
    return describe_targets(list_assignments_of(principal_id=principal_id))


def describe_targets(rows: Sequence[Assignment]) -> list[dict[str, Any]]:
    """Describe assignments: `vault` (the row), `role`, `role_name`, `what` ("" for the whole vault) and `group`."""
    described: list[dict[str, Any]] = []
    models: dict[str, Any] = {"vault": Vault, **{kind.name: kind.model for kind in BY_NAME.values()}}
    for object_type, model in models.items():
        matching = [row for row in rows if row.object_type == object_type]
        objects = {str(row.pk): row for row in model.objects.filter(pk__in=[row.object_id for row in matching])}
        for row in matching:
            target = objects.get(row.object_id)
            if target is None:
                continue
            vault = target if object_type == "vault" else target.vault
            what = "" if object_type == "vault" else f"{object_type}s/{target.name}"
            role = {"role": row.role, "role_name": role_name(row.role)}
            described.append({"vault": vault, **role, "what": what, "group": row.group})
    described = _fold_policies(described, "vault")
    return sorted(described, key=lambda row: (row["vault"].name, row["what"], row["role"]))


def _fold_policies(rows: list[dict[str, Any]], by: str) -> list[dict[str, Any]]:
    """Show the roles of an access policy as one row, where the first of them was."""
    folded: list[dict[str, Any]] = []
    policies: dict[Any, tuple[dict[str, Any], list[str]]] = {}
    for row in rows:
        if not is_policy(row["role"]):
            folded.append(row)
            continue
        if row[by] not in policies:
            policies[row[by]] = ({**row, "role": POLICY}, [])
            folded.append(policies[row[by]][0])
        policies[row[by]][1].append(row["role"])
    for row, codenames in policies.values():
        row["role_name"] = f"{role_name(POLICY)}: {policy_text(codenames)}"
    return folded
