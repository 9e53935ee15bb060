"""The targets of role assignments, by the names that people use for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import TextField
from django.db.models.functions import Cast

from apps.core.errors import BadRequest
from apps.domain.access.queries import Assignment, list_assignments, list_assignments_of, members_by_group
from apps.domain.access.roles import ROLES
from apps.domain.catalog.kinds import BY_NAME
from apps.domain.identity.queries import assignee_names
from apps.domain.vaults.models import Vault


class AmbiguousTarget(BadRequest):
    """More than one object was named."""


@dataclass(frozen=True, slots=True)
class Target:
    """A vault, or one object in it."""

    object_type: str
    object_id: UUID
    name: str = ""  # "": the vault


def target_of(vault: Vault, *, key: str, secret: str, certificate: str) -> Target:
    """Raises `KeyNotFound`, `SecretNotFound`, `CertificateNotFound`, `AmbiguousTarget`."""
    named = {"key": key, "secret": secret, "certificate": certificate}
    named = {kind: name for kind, name in named.items() if name}
    if len(named) > 1:
        raise AmbiguousTarget("Name a key, a secret or a certificate, not several.")
    for kind, name in named.items():
        object_id = find_target(vault, kind, name)
        if object_id is None:
            raise BY_NAME[kind].not_found_error(f"There is no {kind} '{name}' in vault {vault.name}.")
        return Target(kind, object_id, BY_NAME[kind].object_id(name))
    return Target("vault", vault.pk)


def assignments_of(vault: Vault) -> list[dict[str, Any]]:
    """Every assignment at the vault and at its objects. `principals`: its holders, for a group the members."""
    objects = {kind: BY_NAME[kind].rows().filter(vault=vault) for kind in BY_NAME}
    as_text = Cast("pk", TextField())
    ids = {kind: rows.values_list(as_text) for kind, rows in objects.items()}
    assignments = list_assignments(targets={"vault": [str(vault.pk)], **ids})
    assigned = [row.object_id for row in assignments]
    object_names = {
        kind: {str(pk): name for pk, name in rows.filter(pk__in=assigned).values_list("pk", "name")}
        for kind, rows in objects.items()
    }
    names = assignee_names(row.principal_id for row in assignments if row.principal_id)
    members = members_by_group() if any(row.group for row in assignments) else {}
    return [
        {
            "application": names.get(row.principal_id, "") if row.principal_id else "",
            "group": row.group,
            "who": names.get(row.principal_id, "") if row.principal_id else row.group,
            "principals": members.get(row.group, frozenset()) if row.group else {row.principal_id},
            "role": row.role,
            **{kind: object_names[kind].get(row.object_id, "") for kind in BY_NAME},
        }
        for row in assignments
    ]


def holders_of(vault: Vault) -> list[dict[str, Any]]:
    """Every assignment, once for each principal that has it: `principal_id`, its name, `through` (a group, or "")."""
    rows = assignments_of(vault)
    names = assignee_names({holder for row in rows for holder in row["principals"]})
    return [
        {**row, "application": names.get(holder, ""), "principal_id": holder, "through": row["group"]}
        for row in rows
        for holder in sorted(row["principals"])
    ]


def find_target(vault: Vault, kind: str, name: str) -> UUID | None:
    """The object's id; None when no name is given or no object has it."""
    return BY_NAME[kind].find_id(vault.pk, name) if name else None


def roles_of(*, principal_id: UUID) -> list[dict[str, Any]]:
    """Every assignment of one principal, its own and its groups', as `describe_target`."""
    return describe_target(list_assignments_of(principal_id=principal_id))


def describe_target(rows: Sequence[Assignment]) -> list[dict[str, Any]]:
    """Describe assignments: `vault` (the row), `role`, `role_name`, `what` ("" for the whole vault) and `group`."""
    described: list[dict[str, Any]] = []
    models: dict[str, Any] = {"vault": Vault, **{kind: BY_NAME[kind].model for kind in BY_NAME}}
    for object_type, model in models.items():
        chosen = [row for row in rows if row.object_type == object_type]
        objects = {str(row.pk): row for row in model.objects.filter(pk__in=[row.object_id for row in chosen])}
        for row in chosen:
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
