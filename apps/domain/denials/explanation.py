"""Explanations of denials for the developer who owns the application: what is missing and who can assign it.

They contain what the application knew already (its request), what the developer may know, and rules of the product.
They do not reveal whether anything exists that the developer may not know of.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from apps.core.principals import Principal
from apps.domain.access.grants import Grant, NotAuthorised, Scope, authorize
from apps.domain.access.permissions import Permission
from apps.domain.access.roles import ASSIGNABLE
from apps.domain.access.visibility import visible_objects
from apps.domain.catalog.queries import KINDS, SINGULAR, permission_for
from apps.domain.catalog.role_targets import find_scope
from apps.domain.catalog.visibility import is_allowed, knows_kind
from apps.domain.denials import reasons
from apps.domain.denials.credential_diagnosis import diagnose_credentials
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.identity.queries import list_applications, principal_of_application
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import find_vaults
from apps.usage import denials
from apps.usage.models import Denial

OWN_APPLICATION = "You can: the application is yours."


@dataclass(frozen=True, slots=True)
class DenialExplanation:
    """An explained denial. `missing`: the permission; `roles` include it; `giver` assigns one; `now`: assigned since.

    `client_id`: the application, for its owner. `role`: the code name of the least role. `place`: (vault, kind,
    name) of the object, where the developer may know of it. `own`: the vault is theirs, so they can assign roles.
    """

    row: Denial
    application: str
    because: str
    missing: str = ""
    roles: tuple[str, ...] = ()
    role: str = ""
    giver: str = ""
    now: bool = False
    limit: int = 0  # of a throttled operation, in ten seconds
    free: datetime | None = None  # when there was room again
    client_id: UUID | None = None
    place: tuple[str, str, str] | None = None
    own: bool = False


def explain_denial(*, grant: Grant, request_id: UUID) -> DenialExplanation:
    """Explain a denial. Raises `DenialNotFound` for a request that is not of the developer's applications."""
    grant.require(Permission.REFUSALS_EXPLAIN)
    row = denials.find(request_id=request_id)
    own = list_applications(owner_id=grant.principal.id)
    if row.caller_id is None:
        return _explain_token(row, next((app for app in own if app.client_id == row.claimed), None))
    if row.caller_id == grant.principal.id:
        return _explain_request(grant, row, grant.principal, None)
    application = next((app for app in own if app.user_id == row.caller_id), None)
    if application is None:
        raise denials.not_found()
    return _explain_request(grant, row, principal_of_application(application), application)


def list_latest(*, grant: Grant, limit: int, of: ApplicationIdentity | None = None) -> list[tuple[str, Denial]]:
    """List (application, denial) of the developer's own applications, or of one of these, the newest first.

    Of rejected tokens and credentials only the last for each reason: anybody can claim to be an application.
    """
    grant.require(Permission.REFUSALS_EXPLAIN)
    own = [app for app in list_applications(owner_id=grant.principal.id) if of is None or app.pk == of.pk]
    names = {app.user_id: app.name for app in own} | {app.client_id: app.name for app in own}
    rows = denials.latest(caller_ids=[app.user_id for app in own], claimed=[app.client_id for app in own], limit=limit)
    return [(names[who], row) for row in rows if (who := row.caller_id or row.claimed)]


def count_denials(*, grant: Grant, since: datetime) -> int:
    """Count the denied requests of the developer's own applications since then."""
    grant.require(Permission.REFUSALS_EXPLAIN)
    callers = [app.user_id for app in list_applications(owner_id=grant.principal.id)]
    return denials.count(caller_ids=callers, since=since)


def is_rejected(*, grant: Grant, since: datetime) -> bool:
    """Tell whether a token or credential that claimed one of the applications was rejected since then."""
    grant.require(Permission.REFUSALS_EXPLAIN)
    claimed = [app.client_id for app in list_applications(owner_id=grant.principal.id)]
    return denials.is_claimed(client_ids=claimed, since=since)


def _explain_token(row: Denial, application: ApplicationIdentity | None) -> DenialExplanation:
    """Explain a rejected token or credential; only the application's owner gets more than the rule."""
    because = reasons.explain_token_error(row.reason)
    if application is None:
        return DenialExplanation(row, "", because, free=_free(row))
    facts = diagnose_credentials(application, reason=row.reason, at=row.at)
    because = f"{because} {facts}" if facts else because
    giver = OWN_APPLICATION if application.user.is_active else "Only security operations can reactivate it."
    return DenialExplanation(
        row, application.name, because, giver=giver, free=_free(row), client_id=application.client_id
    )


def _explain_request(
    grant: Grant, row: Denial, caller: Principal, application: ApplicationIdentity | None
) -> DenialExplanation:
    explained = DenialExplanation(row, caller.name, "", client_id=application.client_id if application else None)
    vault = _known_vault(grant.principal, row)
    if row.permission:
        return _explain_missing_permission(grant, explained, caller, vault)
    reason, _colon, quota = row.reason.partition(":")
    if reason == "TooManyRequests":
        return _explain_throttling(explained, quota)
    because, fixed_by = reasons.explain_error(reason, status=row.status), reasons.FIXED_BY.get(reason, "")
    found = _find_object(grant, row, vault)
    if found is None:
        return replace(explained, because=because)
    scope, kind, deleted = found
    if row.status == 404:
        because += _state_now(row, scope.object_name, deleted=deleted)
        fixed_by = "recover" if deleted else ""
    giver = _who_can(grant.principal, permission_for(kind, fixed_by), scope) if fixed_by else ""
    return replace(explained, because=because, giver=giver, place=(scope.vault_name, kind, scope.object_name))


def _explain_throttling(explained: DenialExplanation, quota: str) -> DenialExplanation:
    row, (kind, _colon, whose) = explained.row, quota.partition(":")
    many = f"{explained.application} may do {row.limit} over all vaults." if whose else f"The vault may do {row.limit}."
    return replace(
        explained,
        because=f"Too many requests of the kind {kind or 'other'} in ten seconds. {f'{many} ' if row.limit else ''}"
        "Wait as Retry-After says; keep what does not change, and reuse one client.",
        giver="Security operations can give the vault a limit of its own.",
        limit=row.limit,
        free=_free(row),
    )


def _free(row: Denial) -> datetime | None:
    """When there was room again for a throttled request."""
    return row.at + timedelta(seconds=row.wait) if row.wait else None


def _explain_missing_permission(
    grant: Grant, explained: DenialExplanation, caller: Principal, vault: Vault | None
) -> DenialExplanation:
    row = explained.row
    permission = Permission(row.permission)
    kind, name, _version = _parse_object_id(row)
    place = f"{SINGULAR[kind]} {name} in vault {row.vault_name}" if name else f"vault {row.vault_name}"
    giver, own = "Security operations can grant it.", False
    if vault is not None and vault.test and vault.owner_id == grant.principal.id:
        giver, own = "You can grant it: the vault is yours.", True
    elif vault is not None and vault.production:
        giver = "Security operations can grant it, with approval by a second person: production vault."
    # The role that allows least comes first, since it is the one to request.
    roles = sorted(
        (role for role in ASSIGNABLE if permission in role.permissions), key=lambda role: len(role.permissions)
    )
    return replace(
        explained,
        because=f"{caller.name} asked for {permission} at {place} and had no role there that allows it.",
        missing=permission.value,
        roles=tuple(role.name for role in roles),
        role=roles[0].codename if roles else "",
        giver=giver,
        now=_allowed_now(grant, row, caller, permission),
        own=own,
    )


def _allowed_now(grant: Grant, row: Denial, caller: Principal, permission: Permission) -> bool:
    """Tell whether the same request would be allowed now, which the application could find out by repeating it."""
    kind, name, _version = _parse_object_id(row)
    found = find_vaults(ids=[row.vault_id]) if row.vault_id else []
    if not found:
        return False
    scope = find_scope(found[0], SINGULAR.get(kind, ""), name)
    try:
        authorize(caller, permission, scope, grant.request)
    except NotAuthorised:
        return False
    return True


def _who_can(principal: Principal, permission: Permission, scope: Scope) -> str:
    if is_allowed(principal, permission, scope):
        return "You can: your role there allows it."
    return f"Anyone with {permission} there can; security operations assign roles."


def _parse_object_id(row: Denial) -> tuple[str, str, str]:
    """Return (kind, name, version) of the object in the request; empty where it has none."""
    kind, _slash, rest = row.object_id.partition("/")
    name, _slash, version = rest.partition("/")
    return (kind, name, version) if kind in KINDS and name else ("", "", "")


def _known_vault(principal: Principal, row: Denial) -> Vault | None:
    """Return the vault if the developer may know of it."""
    if row.vault_id is None or not visible_objects(principal).knows(row.vault_id):
        return None
    return next(iter(find_vaults(ids=[row.vault_id])), None)


def _find_object(grant: Grant, row: Denial, vault: Vault | None) -> tuple[Scope, str, bool] | None:
    """Return the object of the request, its kind, and whether it is deleted; None where the developer may not know."""
    kind, name, _version = _parse_object_id(row)
    if vault is None or not kind:
        return None
    scope = find_scope(vault, SINGULAR[kind], name)
    if scope.object_id is None or not knows_kind(grant.principal, scope, kind):
        return None
    rows = KINDS[kind]._default_manager.filter(pk=scope.object_id)  # noqa: SLF001  Django's name
    return scope, kind, rows.filter(deleted__isnull=False).exists()


def _state_now(row: Denial, name: str, *, deleted: bool) -> str:
    """Describe, for a 404, the present state of what the request named."""
    if deleted:
        return f" {name} is deleted and can be recovered."
    version = _parse_object_id(row)[2]
    return f" {name} is there, and has no version {version[:8]}." if version else f" {name} is there now."
