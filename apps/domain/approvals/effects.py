"""What an act would allow, and whom: asked by every act that lets a principal act with roles in a production vault.

Vaults, keys and people are layers above. Their models are named here, not imported, as in `access.queries`.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.apps import apps

from apps.core.encoding import BadEncoding, from_base64url
from apps.core.principals import PersonRole
from apps.domain.access.queries import CONTENT_TYPES, ORGANISATION, Assignment, list_assignments_of
from apps.domain.access.roles import MANAGER, role_name

# The people who approve, those who read every record, and applications that manage every vault.
_TRUSTED = frozenset({PersonRole.SECURITY_OPERATIONS.value, PersonRole.AUDITOR.value, MANAGER})


@dataclass(frozen=True, slots=True)
class OpenedRole:
    """A role in a production vault. `text` is for people: role and place in the vault."""

    vault: Any  # the row
    assignment: Assignment
    text: str

    @property
    def key(self) -> str:
        """The role and the ids of its vault and object."""
        return f"{self.vault.pk} {self.assignment.object_type} {self.assignment.object_id} {self.assignment.role}"


@dataclass(frozen=True, slots=True)
class Move:
    """A backup on its way into a vault."""

    what: str  # keys/NAME
    source_id: UUID
    source_name: str
    production: bool | None  # of the source, when the backup was made; None: the backup does not say
    target: Any  # the row of the vault


@dataclass(frozen=True, slots=True)
class Effect:
    """What an act would open of production vaults: roles, a person's role, keys that could be released, and objects
    that come into another vault, where one person alone may have given the roles.
    """

    roles: tuple[OpenedRole, ...] = ()
    duty: str = ""
    keys: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()

    @property
    def guarded(self) -> bool:
        """Whether a second person has to approve the act."""
        return bool(self.roles or self.duty or self.keys or self.moves)

    @property
    def vault_names(self) -> list[str]:
        """The production vaults in which roles open."""
        return sorted({str(role.vault.name) for role in self.roles})

    @property
    def opens(self) -> list[str]:
        """What opens, for the approver."""
        roles = sorted({f"{role.text} of {role.vault.name}" for role in self.roles})
        duties = [f"the work of {self.duty}"] if self.duty else []
        moves = [
            f"{move.what} of {move.source_name} to everybody with a role in {move.target.name}" for move in self.moves
        ]
        return [*roles, *duties, *(f"release of {key}" for key in self.keys), *moves]

    @property
    def basis(self) -> dict[str, Any]:
        """The same by ids: an approval is for exactly these."""
        moves = [f"{move.source_id} {move.what} {move.target.pk}" for move in self.moves]
        basis = {"roles": sorted({role.key for role in self.roles}), "duty": self.duty, "keys": list(self.keys)}
        return {**basis, "moves": moves} if moves else basis


def effect_of(
    *,
    principal_id: UUID | None = None,
    assignments: Sequence[Assignment] = (),
    duty: str = "",
    authority: str = "",
    move: Move | None = None,
) -> Effect:
    """Return what an act opens of production vaults.

    `principal_id`: the act gives access to the account of this application or person, active or not. `assignments`:
    it gives these roles. `duty`: it brings or brings back a person with this role. `authority`: keys are released on
    the word of this attestation authority. `move`: a backup comes into this vault.
    """
    held = list_assignments_of(principal_id=principal_id) if principal_id is not None else []
    reached = [*held, *assignments]
    if any(row.object_type == ORGANISATION for row in reached):
        duty = MANAGER
    return Effect(
        roles=tuple(_opened(reached)),
        duty=duty if duty in _TRUSTED and _any_vault_is_guarded() else "",
        keys=tuple(_keys_released_by(authority)) if authority else (),
        moves=(move,) if move is not None and _leaves_production(move) else (),
    )


def _opened(assignments: Sequence[Assignment]) -> Iterator[OpenedRole]:
    for object_type, label in CONTENT_TYPES.items():
        matching = [row for row in assignments if row.object_type == object_type]
        if not matching:
            continue
        rows = apps.get_model(*label)._default_manager.filter(pk__in={row.object_id for row in matching})  # noqa: SLF001  Django's documented name
        if object_type == "vault":
            places = {str(row.pk): (row, "the whole vault") for row in rows.filter(production=True)}
        else:
            rows = rows.filter(vault__production=True).select_related("vault")
            places = {str(row.pk): (row.vault, f"{object_type}s/{row.name}") for row in rows}
        for row in matching:
            if row.object_id in places:
                vault, place = places[row.object_id]
                yield OpenedRole(vault, row, f"{role_name(row.role)} at {place}")


def _leaves_production(move: Move) -> bool:
    """Tell whether the object leaves a production vault. A source that is not there any more counts.

    So does one that has become a production vault since the backup: it uses the same key. That the target is one
    proves nothing: its roles may be older than that.
    """
    if move.target.pk == move.source_id:
        return False
    vaults = apps.get_model("vaults", "Vault")._default_manager  # noqa: SLF001  as above
    production_now = vaults.filter(pk=move.source_id).values_list("production", flat=True).first()
    return bool(move.production) or production_now is not False


def _any_vault_is_guarded() -> bool:
    vaults = apps.get_model("vaults", "Vault")._default_manager  # noqa: SLF001  as above
    return bool(vaults.filter(production=True, purged__isnull=True).exists())


def _keys_released_by(authority: str) -> list[str]:
    versions = apps.get_model("keys", "KeyVersion")._default_manager  # noqa: SLF001  as above
    rows = versions.filter(key__vault__production=True, release_policy__isnull=False)
    named: Iterable[tuple[Any, ...]] = rows.values_list("key__vault__name", "key__name", "release_policy")
    return sorted({f"{vault}/keys/{key}" for vault, key, policy in named if _names(policy, authority.rstrip("/"))})


def _names(policy: dict[str, Any], authority: str) -> bool:
    """Tell whether a release policy names the authority. One that cannot be read counts, which is the safe side."""
    try:
        branches = json.loads(from_base64url(policy["data"], field="release_policy.data"))["anyOf"]
        return any(str(branch["authority"]).rstrip("/") == authority for branch in branches)
    except (BadEncoding, ValueError, KeyError, TypeError, RecursionError):
        return True
