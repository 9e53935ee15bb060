"""The decision on a request for an object of a vault: caller, vault, role, and whether the vault serves.

The HSM worker decides on every request that uses a key or opens a secret; the web process decides, with this same
code, on the requests that touch no key. Authorisation comes before existence, so that 403 and 404 reveal nothing to a
caller without a role.
"""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from apps.audit_log.operation_names import Operation
from apps.audit_log.writer import Record, sanitize_text
from apps.core.errors import BadRequest, VaultError, code_of
from apps.core.principals import Principal, RequestContext
from apps.domain.access import denial_records
from apps.domain.access.grants import Grant, NotAuthorised, Scope, authorize
from apps.domain.access.permissions import DATA_ACTIONS, Permission
from apps.domain.access.visibility import assigned_objects
from apps.domain.catalog.kinds import BY_NAME
from apps.domain.identity.queries import addresses
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import check_serving, find_vault
from apps.domain.vaults.quotas import TooManyRequests

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}\Z")
_VERSION = re.compile(r"[0-9a-fA-F]{32}\Z")

Authenticate = Callable[[], Principal]


class BadObjectName(BadRequest):
    """An object name outside the contract."""


@dataclass(slots=True)
class Attempt:
    """A request while it is decided. `principal` and `vault` are None until they are known."""

    operation: Operation  # operationName of Azure's AuditEvent
    permission: Permission
    kind: str  # "key", "secret", "certificate"; "": all of them
    vault_name: str
    name: str
    context: RequestContext
    version: str = ""
    issuer: str = ""  # of certificates/issuers/{issuer}
    serving: bool = True  # False: a change of settings, possible while the vault is frozen or blocked
    principal: Principal | None = None
    vault: Vault | None = None

    @property
    def object_id(self) -> str:
        """The object as audit records name it."""
        if self.issuer:
            return f"certificates/issuers/{self.issuer}"
        return BY_NAME[self.kind].object_id(self.name, self.version) if self.name else ""


def decide(attempt: Attempt, authenticate: Authenticate) -> Grant:
    """Decide on a request, and note in `attempt` what became known on the way.

    Raises what `authenticate` raises (`TokenMissing`, `TokenRejected`), `VaultNotFound`, `BadObjectName`,
    `NotAuthorised`, `VaultFrozen`, `VaultSuspended`, and the kind's not-found error for a version that cannot exist.
    """
    principal = attempt.principal = authenticate()
    vault = attempt.vault = find_vault(name=attempt.vault_name)
    for name in (attempt.name, attempt.issuer):
        if name and not _NAME.match(name):
            raise BadObjectName(f"The request URI contains an invalid name: {sanitize_text(name)[:200]}")
    try:
        grant = _authorize(principal, attempt, vault)
    except NotAuthorised:
        collection = BY_NAME[attempt.kind].collection if attempt.kind else "events"
        resource = f"{collection}/{attempt.name}".rstrip("/")
        raise NotAuthorised(denial_text(principal, attempt.permission, vault, resource)) from None
    if attempt.serving:
        check_serving(vault)
    if attempt.version and not _VERSION.match(attempt.version):
        raise BY_NAME[attempt.kind].not_found_error(
            f"A {attempt.kind} with (name/id) {attempt.name}/{attempt.version[:80]} was not found in this key vault."
        )
    return grant


def is_well_formed(name: str, version: str) -> bool:
    """True for a name and a version ("": none) that can exist."""
    return _NAME.match(name) is not None and (not version or _VERSION.match(version) is not None)


def denial_record(attempt: Attempt, error: Exception, status: int) -> Record:
    """Make the record of a denial of a known caller; `status` is that of the response.

    It has the error's code, not its message: that may repeat what the caller sent, perhaps a secret.
    """
    facts = error.facts() if isinstance(error, TooManyRequests) else {"quota": ""}
    return denial_records.make_denial(
        attempt.principal,
        Scope.of(attempt.vault) if attempt.vault else Scope(vault_name=attempt.vault_name),
        attempt.context,
        operation=attempt.operation,
        status=status,
        object_id=attempt.object_id,
        description=code_of(error),
        permission=attempt.permission if isinstance(error, NotAuthorised) else "",
        **facts,
    )


def is_recorded(error: Exception) -> bool:
    """True when the HSM worker has recorded the denial that it answered with."""
    return isinstance(error, VaultError) and error.recorded


def denial_text(principal: Principal, permission: Permission, vault: Vault, resource: str) -> str:
    """Build the message of a 403 by role assignments, as Azure RBAC writes it (wire-contract.md section 14)."""
    issuer = addresses().issuer(principal.tenant_id)
    return (
        "Caller is not authorized to perform action on resource.\r\n"
        "If role assignments, deny assignments or role definitions were changed recently, "
        "please observe propagation time.\r\n"
        f"Caller: appid={principal.client_id};oid={principal.id};iss={issuer}\r\n"
        f"Action: '{DATA_ACTIONS.get(permission, permission)}'\r\n"
        f"Resource: '/vaults/{vault.name.lower()}/{resource}'\r\n"
        "Assignment: (not found)\r\n"
        "DenyAssignmentId: null\r\n"
        "DecisionReason: 'DeniedWithNoValidRBAC' \r\n"
        f"Vault: {vault.name};location={vault.world.region}\r\n"
    )


def _authorize(principal: Principal, attempt: Attempt, vault: Vault) -> Grant:
    """By a role at the vault, which is cached for all its objects; else by a role at the object.

    A request for events of all objects is allowed by a role at any of them.
    """
    kind = attempt.kind if attempt.name else ""
    try:
        return authorize(principal, attempt.permission, Scope.of(vault, kind, attempt.name), attempt.context)
    except NotAuthorised:
        if attempt.permission is Permission.EVENTS_READ:
            return _authorize_at_any_object(principal, attempt, vault)
        object_id = BY_NAME[kind].find_id(vault.pk, attempt.name) if kind else None
        if object_id is None:
            raise
        return authorize(principal, attempt.permission, Scope.of(vault, kind, attempt.name, object_id), attempt.context)


def _authorize_at_any_object(principal: Principal, attempt: Attempt, vault: Vault) -> Grant:
    for object_type, object_id in assigned_objects(principal, vault_id=vault.pk):
        with contextlib.suppress(NotAuthorised):
            scope = Scope.of(vault, object_type, "", object_id)
            return authorize(principal, attempt.permission, scope, attempt.context)
    raise NotAuthorised("Caller is not authorized to perform action on resource.")
