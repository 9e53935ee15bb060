"""Why a request was refused, for the developer whose application asked: what is missing and who can give it.

Told is what the application knew already (where it asked, for what), what the developer may know, and rules of the
product. Not told is whether anything exists that the developer may not know of.
"""

from dataclasses import dataclass
from uuid import UUID

from apps.access.grants import Grant, NotAuthorised, Scope, authorize
from apps.access.permissions import Permission
from apps.access.roles import ASSIGNABLE, Role
from apps.core.principals import Principal
from apps.identity.models import ApplicationIdentity
from apps.identity.queries import list_applications, principal_of
from apps.inventory.queries import KINDS, SINGULAR
from apps.inventory.targets import find_target
from apps.inventory.visibility import knows_kind, reach
from apps.usage import refusals
from apps.usage.models import Refusal
from apps.vaults.models import Vault
from apps.vaults.queries import find_vaults
from apps.vaults.quotas import Quota, limit_of

_TOKENS = {
    "AKV10000": "The request had no bearer token. The first request of an SDK always looks like this: it learns from "
    "the answer where to get one. If it is the last one too, the credential did not get a token.",
    "AKV10021": "The token was expired, or its clock is ahead of ours by more than five minutes.",
    "AKV10022": "The token was made for another audience. Ask for the scope of this installation, with `/.default`.",
    "AKV10032": "The token was issued by another authority. Set the credential's authority to this installation's.",
    "AKV10046": "The token was not signed by this installation.",
    "AKV10048": "The application of this token does not exist any more, or was stopped.",
    "AADSTS7000215": "The token request named an unknown application, or a wrong or expired credential.",
    "AADSTS700027": "The assertion was not signed by a certificate of the application.",
    "AADSTS70011": "The token request named a wrong scope.",
    "AADSTS90002": "The token request named another tenant.",
    "AADSTS70003": "The token request was not of the kind client_credentials.",
}
_REASONS = {
    "KeyDisabled": "This version of the key is disabled. Use another version, or have it enabled.",
    "KeyOutsideDates": "The version is not valid yet, or no longer: see its dates.",
    "KeyOperationForbidden": "The key was not made for this operation (its key_ops do not name it).",
    "SecretDisabled": "This version of the secret is disabled. Read another version, or have it enabled.",
    "VaultFrozen": "Security operations have frozen the vault while they look into an incident. They alone lift that.",
    "SecondPersonNeeded": "The vault asks for a second person: a request is open, and security operations decide.",
    "ObjectManaged": "The object belongs to the certificate of the same name. Change the certificate instead.",
    "PurgeProtected": "The vault does not let anybody purge before its retention has passed.",
    "ObjectIsDeleted": "The name belongs to a deleted object. Recover that one, or purge it and create again.",
    "ObjectExists": "An object of this name is there already; a backup is restored beside nothing.",
    "NotInTestVault": "A test vault has software-protected keys only.",
    "KeyNotFound": "The vault has no such key, or no such version of it, or it is deleted.",
    "SecretNotFound": "The vault has no such secret, or no such version of it, or it is deleted.",
    "CertificateNotFound": "The vault has no such certificate, or no such version of it, or it is deleted.",
    "VaultNotFound": "No vault answers under this name. Check the host name of the address.",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A refusal explained. `missing`: the permission; `roles` would give it; `giver` can; `now`: given since."""

    row: Refusal
    application: str
    because: str
    missing: str = ""
    roles: tuple[str, ...] = ()
    giver: str = ""
    now: bool = False
    limit: int = 0  # of a throttled operation, in ten seconds


def explain(*, grant: Grant, request_id: UUID) -> Told:
    """Raises `RefusalNotFound` for a request that no application of the developer made."""
    grant.require(Permission.REFUSALS_EXPLAIN)
    row = refusals.find(request_id=request_id)
    mine = {app.user_id: app for app in list_applications(owner_id=grant.principal.id)}
    if row.caller_id is None:
        return Told(row, "", _TOKENS.get(row.reason, "The token or the credential was not accepted."))
    if row.caller_id == grant.principal.id:
        return _told(grant, row, grant.principal)
    if row.caller_id not in mine:
        raise refusals.missing()
    return _told(grant, row, principal_of(mine[row.caller_id]))


def latest(*, grant: Grant, limit: int) -> list[tuple[str, Refusal]]:
    """(application, refusal) of the developer's own applications, the newest first."""
    grant.require(Permission.REFUSALS_EXPLAIN)
    names = {app.user_id: app.name for app in list_applications(owner_id=grant.principal.id)}
    return [(names[row.caller_id], row) for row in refusals.latest(caller_ids=names, limit=limit) if row.caller_id]


def own_callers(principal: Principal) -> dict[UUID, ApplicationIdentity]:
    """The principals of a developer's applications."""
    return {app.user_id: app for app in list_applications(owner_id=principal.id)}


def _told(grant: Grant, row: Refusal, caller: Principal) -> Told:
    if row.permission:
        return _missing(grant, row, caller)
    reason, _colon, quota = row.reason.partition(":")
    vault = _known_vault(grant.principal, row)
    if reason == "TooManyRequests":
        limit = limit_of(vault, Quota(quota)) if vault and quota in set(Quota) else 0
        because = (
            f"Too many requests of the kind {quota or 'other'} in ten seconds. Wait as Retry-After says; keep what "
            "does not change, and reuse one client. Security operations can give the vault a limit of its own."
        )
        return Told(row, caller.name, because, limit=limit)
    because = _REASONS.get(reason, "The request could not be understood, or broke a rule of its own values.")
    return Told(row, caller.name, because + _deleted(grant, row, vault))


def _missing(grant: Grant, row: Refusal, caller: Principal) -> Told:
    permission = Permission(row.permission)
    kind, _slash, rest = row.object_id.partition("/")
    name = rest.partition("/")[0] if kind in KINDS else ""
    place = f"{SINGULAR[kind]} {name} in vault {row.vault_name}" if name else f"vault {row.vault_name}"
    vault = _known_vault(grant.principal, row)
    giver = "Security operations can give it."
    if vault is not None and vault.test and vault.owner_id == grant.principal.id:
        giver = "The vault is yours: you can give it."
    elif vault is not None and vault.production:
        giver = "Security operations can give it, two of them together: the vault is for production."
    return Told(
        row,
        caller.name,
        f"{caller.name} asked for {permission} at {place} and had no role there that allows it.",
        missing=permission.value,
        roles=tuple(role.name for role in sorted(ASSIGNABLE, key=_power) if permission in role.permissions),
        giver=giver,
        now=_allowed_now(grant, row, caller, permission, kind if name else "", name),
    )


def _power(role: Role) -> int:
    """The role that allows least comes first: it is the one to ask for."""
    return len(role.permissions)


def _allowed_now(  # noqa: PLR0917  private, one caller
    grant: Grant, row: Refusal, caller: Principal, permission: Permission, kind: str, name: str
) -> bool:
    """Whether the same request would be allowed by now: what the application itself could find out by asking again."""
    found = find_vaults(ids=[row.vault_id]) if row.vault_id else []
    if not found:
        return False
    object_id = find_target(found[0], SINGULAR[kind], name) if kind else None
    scope = Scope(found[0].pk, found[0].name, SINGULAR.get(kind, ""), name, object_id)
    try:
        authorize(caller, permission, scope, grant.request)
    except NotAuthorised:
        return False
    return True


def _known_vault(principal: Principal, row: Refusal) -> Vault | None:
    """The vault, if the developer may know of it."""
    if row.vault_id is None or not reach(principal).knows(row.vault_id):
        return None
    return next(iter(find_vaults(ids=[row.vault_id])), None)


def _deleted(grant: Grant, row: Refusal, vault: Vault | None) -> str:
    """For a 404: whether it is in the recycle bin, where the developer may know that."""
    kind, _slash, rest = row.object_id.partition("/")
    if row.status != 404 or vault is None or kind not in KINDS:
        return ""
    name = rest.partition("/")[0]
    scope = Scope(vault.pk, vault.name, SINGULAR[kind], name, find_target(vault, SINGULAR[kind], name))
    if scope.object_id is None or not knows_kind(grant.principal, scope, kind):
        return ""
    deleted = KINDS[kind]._default_manager.filter(pk=scope.object_id, deleted__isnull=False).exists()  # noqa: SLF001
    return f" {name} is deleted and can be recovered." if deleted else f" {name} is there now."
