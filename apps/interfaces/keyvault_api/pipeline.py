"""The pipeline of every request of the data plane, from Django's views and from the fast path.

authenticate -> vault -> api version -> names -> authorize -> perform -> record -> respond. Authorisation comes before
existence, so that 403 and 404 reveal nothing to a stranger; a result that cannot be recorded is not returned.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from django.db import Error as DatabaseError
from django.db import connection

from apps.audit_log import writer
from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.core.errors import BadRequest, Unavailable, code_of
from apps.core.principals import Principal, RequestContext
from apps.core.request_facts import request_context
from apps.domain.access.audit_records import append_change
from apps.domain.access.denial_records import record_anonymous_denial, record_denial
from apps.domain.access.grants import Grant, NotAuthorised, Scope, authorize
from apps.domain.access.permissions import Permission
from apps.domain.catalog.kinds import BY_NAME
from apps.domain.identity import tokens
from apps.domain.vaults import quotas
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import check_serving, find_vault
from apps.domain.vaults.quotas import Quota
from apps.interfaces.keyvault_api.error_response import denial_text, error_mapping, to_response
from apps.interfaces.keyvault_api.messages import API_VERSION, ApiRequest, ApiResponse

API_VERSIONS = frozenset({"2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01"})

Result = TypeVar("Result")

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}\Z")
_VERSION = re.compile(r"[0-9a-fA-F]{32}\Z")


class BadApiVersion(BadRequest):
    """The api-version is missing, or not supported."""


class BadObjectName(BadRequest):
    """An object name outside the contract."""


class Recorder(Enum):
    """The process that writes the record of a success (docs/decisions/0003-audit-record-writers.md)."""

    WORKER = "the HSM worker that used the key"
    CHANGE = "the transaction of the change"
    PIPELINE = "this pipeline, before the answer"


@dataclass(frozen=True, slots=True)
class OperationContext:
    """The argument of an operation's function: the request, and the grant that allows it."""

    request: ApiRequest
    vault: Vault
    grant: Grant
    now: datetime

    def call(self, operation: Callable[..., Result], **arguments: Any) -> Result:
        """Call a domain operation on the named object, with this request's grant."""
        return operation(grant=self.grant, vault=self.vault, name=self.request.name, now=self.now, **arguments)


@dataclass(frozen=True, slots=True)
class ApiOperation:
    """One operation of the API: the permission cannot be left out."""

    name: Operation  # operationName of Azure's AuditEvent
    permission: Permission
    object_type: str  # "key", "secret", "certificate"
    recorder: Recorder
    perform: Callable[[OperationContext], dict[str, Any] | ApiResponse]
    quota: Quota | None = Quota.OTHER  # None: the domain consumes the quota, which depends on the key


@dataclass(slots=True)
class Progress:
    """The state of a request: principal and vault are None until they are known."""

    operation: ApiOperation
    request: ApiRequest
    context: RequestContext
    principal: Principal | None = None
    vault: Vault | None = None


def serve(operation: ApiOperation, request: ApiRequest) -> ApiResponse:
    """Serve a request. Never raises."""
    context = request_context(request.environ, api_version=request.query.get(API_VERSION, ""))
    progress = Progress(operation, request, context)
    try:
        response = _serve(progress)
    except Exception as error:  # noqa: BLE001  error_response decides what each becomes, 500 for the unknown
        response = _deny(progress, error)
    region = progress.vault.world.region if progress.vault else ""
    return ApiResponse(response.status, response.body, (*response.headers, *_standard_headers(context, region)))


def _serve(progress: Progress) -> ApiResponse:
    operation, request, context = progress.operation, progress.request, progress.context
    principal = progress.principal = _authenticate(request)
    vault = progress.vault = find_vault(name=request.vault_name)
    if context.api_version not in API_VERSIONS:
        versions = ", ".join(sorted(API_VERSIONS))
        raise BadApiVersion(f"The api-version is missing or not supported. Use one of {versions}.")
    grant = _authorize(progress, principal, vault)
    check_serving(vault)
    if request.version and not _VERSION.match(request.version):
        kind = operation.object_type
        raise BY_NAME[kind].not_found_error(
            f"A {kind} with (name/id) {request.name}/{request.version[:80]} was not found in this key vault."
        )
    if operation.quota is not None:
        quotas.consume_quota(vault=vault, principal=principal, quota=operation.quota)
    result = operation.perform(OperationContext(request, vault, grant, now()))
    if operation.recorder is Recorder.PIPELINE:
        append_change(grant, operation=operation.name, object_id=_object_id(progress))
    return result if isinstance(result, ApiResponse) else ApiResponse(200, result)


def _authorize(progress: Progress, principal: Principal, vault: Vault) -> Grant:
    operation, request = progress.operation, progress.request
    try:
        return authorize(principal, operation.permission, _scope(operation, request, vault), progress.context)
    except NotAuthorised:
        resource = f"{BY_NAME[operation.object_type].collection}/{request.name}".rstrip("/")
        raise NotAuthorised(denial_text(principal, operation.permission, vault, resource)) from None


def _authenticate(request: ApiRequest) -> Principal:
    scheme, _, token = request.authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise tokens.TokenMissing("AKV10000: Request is missing a Bearer or PoP token.")
    return tokens.authenticate(token)


def _scope(operation: ApiOperation, request: ApiRequest, vault: Vault) -> Scope:
    for name in (request.name, request.issuer):
        if name and not _NAME.match(name):
            raise BadObjectName(f"The request URI contains an invalid name: {writer.sanitize_text(name)[:200]}")
    if not request.name:
        return Scope.of(vault)
    kind = operation.object_type
    return Scope.of(vault, kind, request.name, BY_NAME[kind].find_id(vault.pk, request.name))


def _deny(progress: Progress, error: Exception) -> ApiResponse:
    """The response to an error, which is recorded first; without its record, a plain 503."""
    if isinstance(error, DatabaseError):
        connection.close()  # on the fast path Django does not do it
    try:
        response = to_response(error)
        _record_denial(progress, error_mapping(error).status, error)
    except DatabaseError as fault:
        connection.close()
        return to_response(fault)
    except Unavailable as fault:  # a challenge needs an organisation to point at
        return to_response(fault)
    return response


def _record_denial(progress: Progress, status: int, error: Exception) -> None:
    """Record the error's code, not its message: that may repeat what the caller sent, perhaps a secret."""
    if status == 503:  # nothing was denied, and the database may be down
        return
    vault, operation = progress.vault, progress.operation
    scope = Scope.of(vault) if vault else Scope(vault_name=progress.request.vault_name)
    if progress.principal is None:
        code = str(error).partition(":")[0]  # AKV10000, AKV10022 ...
        claimed = error.client_id if isinstance(error, tokens.TokenRejected) else None
        record_anonymous_denial(
            scope, progress.context, operation=Operation.AUTHENTICATION, status=status, reason=code, claimed=claimed
        )
        return
    record_denial(
        progress.principal,
        scope,
        progress.context,
        operation=operation.name,
        status=status,
        object_id=_object_id(progress),
        description=code_of(error),
        permission=operation.permission if isinstance(error, NotAuthorised) else "",
        **(error.facts() if isinstance(error, quotas.TooManyRequests) else {"quota": ""}),
    )


def _object_id(progress: Progress) -> str:
    request = progress.request
    if request.issuer:
        return f"certificates/issuers/{request.issuer}"
    return BY_NAME[progress.operation.object_type].object_id(request.name, request.version) if request.name else ""


def _standard_headers(context: RequestContext, region: str) -> tuple[tuple[str, str], ...]:
    """The headers that Azure sends with every response (docs/reference/wire-contract.md section 1)."""
    headers = [
        ("Cache-Control", "no-cache, no-store"),
        ("Pragma", "no-cache"),
        ("Expires", "-1"),
        ("Strict-Transport-Security", "max-age=31536000;includeSubDomains"),
        ("X-Content-Type-Options", "nosniff"),
        ("x-ms-keyvault-service-version", "vaultportal"),
        ("x-ms-request-id", str(context.request_id)),
    ]
    if region:
        headers.append(("x-ms-keyvault-region", region))
    client_id = context.correlation_id
    if client_id and len(client_id) <= 128 and client_id.isascii() and client_id.isprintable():
        headers.append(("x-ms-client-request-id", client_id))
    return tuple(headers)
