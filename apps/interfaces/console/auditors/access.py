"""Access reviews: who can do what in a vault, what was not used for 90 days, and attestations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.audit_log.operation_names import Operation
from apps.audit_reader import reviews, search_service
from apps.audit_reader.models import Attestation
from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.roles import ROLES, role_name
from apps.domain.catalog.role_targets import list_holders
from apps.domain.identity.queries import list_people, map_assignee_names
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import get_vault, list_vaults
from apps.interfaces.console.auditors.base import AuditorsPage
from apps.interfaces.console.page_context import NAMES
from apps.usage.queries import last_uses

UNUSED = timedelta(days=90)
P = Permission
_ALL = frozenset(Permission)
_USE = frozenset({P.KEYS_SIGN, P.KEYS_VERIFY, P.KEYS_ENCRYPT, P.KEYS_DECRYPT, P.KEYS_WRAP, P.KEYS_UNWRAP})
_PURGE = frozenset({P.KEYS_PURGE, P.SECRETS_PURGE, P.CERTIFICATES_PURGE})
# The columns of the matrix.
SETS: tuple[tuple[str, frozenset[Permission]], ...] = (
    ("list", frozenset({P.KEYS_LIST, P.SECRETS_LIST, P.CERTIFICATES_LIST})),
    ("use keys", _USE),
    (
        "manage keys",
        frozenset({P.KEYS_CREATE, P.KEYS_UPDATE, P.KEYS_ROTATE, P.KEYS_IMPORT, P.KEYS_DELETE, P.KEYS_RECOVER}),
    ),
    ("release keys", frozenset({P.KEYS_RELEASE})),
    ("read secrets", frozenset({P.SECRETS_GET})),
    ("change secrets", frozenset({P.SECRETS_SET, P.SECRETS_UPDATE, P.SECRETS_DELETE})),
    (
        "certificates",
        frozenset({P.CERTIFICATES_CREATE, P.CERTIFICATES_UPDATE, P.CERTIFICATES_IMPORT, P.CERTIFICATES_DELETE}),
    ),
    ("purge", _PURGE),
    ("assign roles", frozenset({P.ROLES_ASSIGN})),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One assignment: cells say "all", "some" or "" of each set."""

    who: str
    where: str
    role: str
    through: str
    cells: tuple[str, ...]
    last: datetime | None
    unused: bool


class Access(AuditorsPage):
    permissions: ClassVar = {"get": Permission.ROLES_READ, "post": Permission.AUDIT_REVIEW}
    section = "auditors:access"
    template = "portal/auditors/access.html"
    require_reauth = True

    @cached_property
    def vaults(self) -> list[Vault]:
        """Without deleted vaults: nobody has access to what is in them."""
        return list_vaults()

    def get(self, request: HttpRequest) -> HttpResponse:
        """The matrix of one vault, and the roles of all people."""
        name = request.GET.get("vault", "") or (self.vaults[0].name if self.vaults else "")
        vault = get_vault(name=name) if name else None
        grant = self.grant(Scope.of(vault) if vault else None)
        search_service.search(grant=grant, operation=Operation.ACCESS_REVIEW, object_id="access", vault=name)
        rows = list_holders(vault) if vault else []
        lines = _lines(vault, rows) if vault else []
        last = reviews.latest_attestation(vault_id=vault.pk) if vault else None
        return self.show(
            vault=vault,
            vaults=self.vaults,
            sets=[label for label, _permissions in SETS],
            lines=lines,
            unused=sum(line.unused for line in lines),
            attestation=last,
            digest=reviews.digest_of(_facts(rows)),
            changed=last is not None and last.digest != reviews.digest_of(_facts(rows)),
            changes=_changes(last, rows),
            attested=_attested(self.vaults),
            duties=_roles_of_people(),
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """Attest what the page showed; denied if it has changed since."""
        vault = get_vault(name=request.POST.get("vault", ""))
        rows = list_holders(vault)
        address = f"{request.path}?vault={vault.name}"
        if request.POST.get("digest", "") not in ("", reviews.digest_of(_facts(rows))):
            messages.error(request, "The assignments changed in the meantime. Review them again.")
            return redirect(address)
        reviews.attest(
            grant=self.grant(Scope.of(vault)),
            vault_id=vault.pk,
            assignments=_facts(rows),
            unused=sum(line.unused for line in _lines(vault, rows)),
            note=request.POST.get("note", ""),
            now=now(),
        )
        return self.redirect_with_success(f"Access to {vault.name} attested.", address)


@dataclass(frozen=True, slots=True)
class Change:
    """An assignment that was added or removed since an attestation."""

    added: bool
    who: str
    where: str
    role: str
    through: str


def _changes(last: Attestation | None, rows: Iterable[dict[str, Any]]) -> list[Change]:
    if last is None:
        return []
    added, removed = reviews.changes_since(last, _facts(rows))
    names = map_assignee_names({UUID(row["principal_id"]) for row in (*added, *removed)})
    return [
        Change(
            added=row in added,
            who=names.get(UUID(row["principal_id"]), row["principal_id"]),
            where=_where(row),
            role=role_name(row["role"]),
            through=row["through"],
        )
        for row in (*added, *removed)
    ]


def _attested(vaults: Iterable[Vault]) -> list[tuple[Vault, Attestation | None]]:
    """Each vault with its latest attestation: those without one first, then the oldest."""
    latest = reviews.latest_attestations()
    pairs = [(vault, latest.get(vault.pk)) for vault in vaults]
    return sorted(pairs, key=lambda pair: (pair[1] is not None, pair[1].at if pair[1] else None, pair[0].name))


def _where(row: Mapping[str, Any]) -> str:
    """The object of an assignment; "" for the whole vault."""
    return next((f"{kind}s/{row[kind]}" for kind in ("key", "secret", "certificate") if row.get(kind)), "")


def _facts(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The assignments that an attestation covers, without names, because names change."""
    names = ("principal_id", "role", "key", "secret", "certificate", "through")
    return [{name: row[name] for name in names} for row in rows]


def _lines(vault: Vault, rows: Iterable[dict[str, Any]]) -> list[Line]:
    rows = list(rows)
    seen = last_uses(caller_ids={row["principal_id"] for row in rows})
    limit = now() - UNUSED
    lines = []
    for row in rows:
        last = seen.get((row["principal_id"], vault.pk))
        role = ROLES.get(row["role"])
        held = role.permissions if role else frozenset[Permission]()
        lines.append(
            Line(
                who=row["application"] or str(row["principal_id"]),
                where=_where(row),
                role=row["role_name"],
                through=row["through"],
                cells=tuple("all" if part <= held else "some" if part & held else "" for _label, part in SETS),
                last=last,
                unused=last is None or last < limit,
            )
        )
    return sorted(lines, key=lambda line: (line.who.lower(), line.where, line.role))


def _roles_of_people() -> list[tuple[str, list[str]]]:
    """Each role with its people: a person has exactly one, by a constraint of the database."""
    people = [person for person in list_people() if person.is_active]
    return [(NAMES[role], [person.username for person in people if person.duty == role.value]) for role in PersonRole]
