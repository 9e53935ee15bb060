"""Impact of a requested operation for its approver: changes, recent users, and whether it breaks them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.audit_log.operation_names import USES
from apps.domain.access.roles import ROLES
from apps.domain.approvals.models import ORGANISATION_ACTS, ApprovalRequest, GuardedOperation
from apps.domain.catalog.queries import ObjectNotFound, get_object, versions_of
from apps.domain.catalog.role_targets import describe_assignments
from apps.domain.objects.locks import describe_state
from apps.domain.vaults.models import Vault
from apps.usage.queries import callers_of

USE_SPAN = timedelta(days=90)
_NOTHING = "nothing"
_BREAKING = frozenset(
    {
        GuardedOperation.PURGE,
        GuardedOperation.KEY_IMPORT,
        GuardedOperation.VAULT_DELETE,
        GuardedOperation.ROLLOVER_OVERRIDE,
    }
)  # the others break no caller of the vault
_MAX_VERSIONS = 1000  # versions counted


@dataclass(frozen=True, slots=True)
class Impact:
    """`changes`: (what, now, afterwards). `callers` as `usage.queries.callers_of`, of the object or of the vault, in
    the last 90 days; `last_use` whenever that was.
    """

    changes: list[tuple[str, str, str]]
    callers: list[dict[str, Any]]
    last_use: datetime | None
    breaks: bool


def calculate_impact(*, request: ApprovalRequest, now: datetime) -> Impact:
    """Calculate the impact now, which may differ from that at the time of the request."""
    act = GuardedOperation(request.act)
    if act in ORGANISATION_ACTS:
        return Impact(list(_opened(request)), [], None, breaks=False)
    named = request.subject if "/" in request.subject else ""
    callers = callers_of(vault_id=request.vault_id, operations=USES, object_id=named, since=now - USE_SPAN)
    ever = callers_of(
        vault_id=request.vault_id, operations=USES, object_id=named, since=datetime.min.replace(tzinfo=UTC)
    )
    last = max((row["latest"] for row in ever), default=None)
    return Impact(list(_changes(request, act)), callers, last, bool(callers) and act in _BREAKING)


def _changes(request: ApprovalRequest, act: GuardedOperation) -> Iterator[tuple[str, str, str]]:
    vault = Vault.objects.filter(pk=request.vault_id).first()
    if vault is None:
        return
    row = _object(vault, request.subject)
    change: dict[str, Any] = request.change
    waiting = request.state in (ApprovalRequest.State.OPEN, ApprovalRequest.State.APPROVED)
    if act is GuardedOperation.PURGE and waiting and request.basis and describe_state(row) != request.basis:
        yield "the object", "changed since the request", "nothing: this approval would not be valid"
    elif act is GuardedOperation.PURGE and row is not None:
        yield "versions", _count(row), "0"
        if row.purge_after is not None:
            yield "can be recovered", f"until {row.purge_after:%Y-%m-%d %H:%M} UTC", "never again"
    elif act is GuardedOperation.KEY_IMPORT:
        yield (
            "current version",
            _current(row),
            _format_change({name: value for name, value in change.items() if value != ""}),
        )
        yield "versions", _count(row) if row is not None else "0", "one more" if row is not None else "those brought"
    elif act is GuardedOperation.RESTORE:
        yield from _opened(request)
    elif act is GuardedOperation.ROLE_GRANT:
        who = str(change.get("who", ""))
        gets = change.get("gets") or [f"{_role(str(change.get('role', '')))} at {change.get('where', '')}"]
        joins = f", by joining the group {change['joins']}" if "joins" in change else ""
        yield f"roles of {who}", _roles(vault, who), f"also {', '.join(gets)}{joins}"
    elif act is GuardedOperation.RELEASE_POLICY:
        before = getattr(getattr(row, "current", None), "release_policy", None)
        yield (
            "release policy",
            _format_change(before) if before else _NOTHING,
            _format_change(change.get("release policy")),
        )
    else:
        for what, value in change.items():
            before, arrow, after = str(value).partition(" → ")
            yield what, before if arrow else "", after if arrow else before


def _opened(request: ApprovalRequest) -> Iterator[tuple[str, str, str]]:
    """What an act is, and what it opens of production vaults."""
    change: dict[str, Any] = dict(request.change)
    opens = change.pop("opens", [])
    for what, value in change.items():
        before, arrow, after = str(value).partition(" → ")
        yield what, before if arrow else "", after if arrow else before
    for opened in opens:
        yield "opens", "", opened


def _object(vault: Vault, subject: str) -> Any | None:
    kind, slash, name = subject.partition("/")
    try:
        return get_object(vault=vault, kind=kind, name=name) if slash else None
    except ObjectNotFound:
        return None


def _count(row: Any) -> str:
    return str(len(versions_of(row, limit=_MAX_VERSIONS)))


def _current(row: Any | None) -> str:
    current = getattr(row, "current", None)
    if current is None:
        return _NOTHING
    kind = f"{current.key_type} {current.parameter}, " if hasattr(current, "key_type") else ""
    return f"{kind}made {current.created:%Y-%m-%d %H:%M} UTC"


def _roles(vault: Vault, who: str) -> str:
    assignments = [
        row
        for row in describe_assignments(vault)
        if (row["application"] and row["application"] == who)
        or (row["group"] and who.startswith(f"group {row['group']}:"))
    ]
    names = [f"{_role(row['role'])} at {_place(row)}" for row in assignments]
    return ", ".join(names) or f"{_NOTHING} in {vault.name}"


def _place(row: dict[str, Any]) -> str:
    for kind in ("key", "secret", "certificate"):
        if row[kind]:
            return f"{kind}s/{row[kind]}"
    return "the whole vault"


def _role(codename: str) -> str:
    return ROLES[codename].name if codename in ROLES else codename


def _format_change(value: Any) -> str:
    if isinstance(value, dict) and not any(isinstance(inner, dict | list) for inner in value.values()):
        return ", ".join(f"{name}: {_word(inner)}" for name, inner in value.items())
    return json.dumps(value, ensure_ascii=False, indent=1)


def _word(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
