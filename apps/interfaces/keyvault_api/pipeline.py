"""What happens to every request of the data plane, whichever door it came through.

authenticate -> vault -> api version -> names -> authorize -> operate -> record -> answer. Authorisation comes before
existence, so a stranger learns nothing from 403 or 404; and what cannot be recorded is not answered.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from django.db import Error as DatabaseError
from django.db import connection

from apps.audit_log import writer
from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.core.errors import BadRequest, Unavailable, VaultError, code_of
from apps.core.principals import Principal, RequestContext
from apps.core.request_facts import request_context
from apps.domain.access.audit_records import append_change
from apps.domain.access.denial_records import record_anonymous_denial, record_denial
from apps.domain.access.grants import Grant, NotAuthorised, Scope, authorize
from apps.domain.access.permissions import Permission
from apps.domain.certificates.queries import CertificateNotFound, find_certificate_id
from apps.domain.identity import tokens
from apps.domain.keys.queries import KeyNotFound, find_key_id
from apps.domain.secrets.queries import SecretNotFound, find_secret_id
from apps.domain.vaults import quotas
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import check_serving, find_vault
from apps.domain.vaults.quotas import Quota
from apps.interfaces.keyvault_api.call import API_VERSION, ApiRequest, ApiResponse
from apps.interfaces.keyvault_api.error_response import denial_text, error_mapping, to_response

API_VERSIONS = frozenset({"2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01"})

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}\Z")
_VERSION = re.compile(r"[0-9a-fA-F]{32}\Z")
_FINDERS = {"key": find_key_id, "secret": find_secret_id, "certificate": find_certificate_id}
_COLLECTIONS = {"key": "keys", "secret": "secrets", "certificate": "certificates"}
_MISSING: dict[str, type[VaultError]] = {
    "key": KeyNotFound,
    "secret": SecretNotFound,
    "certificate": CertificateNotFound,
}


class BadApiVersion(BadRequest):
    """Missing, or none that we speak."""


class BadObjectName(BadRequest):
    """An object name outside the contract."""


class Recorder(Enum):
    """Who writes the record of a success (docs/decisions/0003-audit-record-writers.md)."""

    WORKER = "the HSM worker that used the key"
    CHANGE = "the transaction of the change"
    PIPELINE = "this pipeline, before the answer"


@dataclass(frozen=True, slots=True)
class OperationContext:
    """What an operation's function is given: the call, and that it is allowed."""

    call: ApiRequest
    vault: Vault
    grant: Grant
    now: datetime


@dataclass(frozen=True, slots=True)
class ApiOperation:
    """One operation of the API: the permission cannot be left out."""

    name: Operation  # operationName of Azure's AuditEvent
    permission: Permission
    object_type: str  # "key", "secret", "certificate"
    recorder: Recorder
    perform: Callable[[OperationContext], dict[str, Any] | ApiResponse]
    quota: Quota | None = Quota.OTHER  # None: the domain counts it, for it alone knows what it costs


@dataclass(slots=True)
class Progress:
    """How far a call has come: who it is and which vault, once we know."""

    operation: ApiOperation
    call: ApiRequest
    context: RequestContext
    principal: Principal | None = None
    vault: Vault | None = None


def serve(operation: ApiOperation, call: ApiRequest) -> ApiResponse:
    """Answer a call. Never raises."""
    context = request_context(call.environ, api_version=call.query.get(API_VERSION, ""))
    progress = Progress(operation, call, context)
    try:
        reply = _serve(progress)
    except Exception as error:  # noqa: BLE001  error_response decides what each becomes, 500 for the unknown
        reply = _refuse(progress, error)
    region = progress.vault.world.region if progress.vault else ""
    return ApiResponse(reply.status, reply.body, (*reply.headers, *_usual_headers(context, region)))


def _serve(progress: Progress) -> ApiResponse:
    operation, call, context = progress.operation, progress.call, progress.context
    principal = progress.principal = _authenticate(call)
    vault = progress.vault = find_vault(name=call.vault_name)
    if context.api_version not in API_VERSIONS:
        versions = ", ".join(sorted(API_VERSIONS))
        raise BadApiVersion(f"The api-version is missing or not supported. Use one of {versions}.")
    grant = _authorize(progress, principal, vault)
    check_serving(vault)
    if call.version and not _VERSION.match(call.version):
        kind = operation.object_type
        raise _MISSING[kind](
            f"A {kind} with (name/id) {call.name}/{call.version[:80]} was not found in this key vault."
        )
    if operation.quota is not None:
        quotas.consume_quota(vault=vault, principal=principal, quota=operation.quota)
    done = operation.perform(OperationContext(call, vault, grant, now()))
    if operation.recorder is Recorder.PIPELINE:
        append_change(grant, operation=operation.name, object_id=_object_id(progress))
    return done if isinstance(done, ApiResponse) else ApiResponse(200, done)


def _authorize(progress: Progress, principal: Principal, vault: Vault) -> Grant:
    operation, call = progress.operation, progress.call
    try:
        return authorize(principal, operation.permission, _scope(operation, call, vault), progress.context)
    except NotAuthorised:
        resource = f"{_COLLECTIONS[operation.object_type]}/{call.name}".rstrip("/")
        raise NotAuthorised(denial_text(principal, operation.permission, vault, resource)) from None


def _authenticate(call: ApiRequest) -> Principal:
    scheme, _, token = call.authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise tokens.TokenMissing("AKV10000: Request is missing a Bearer or PoP token.")
    return tokens.authenticate(token)


def _scope(operation: ApiOperation, call: ApiRequest, vault: Vault) -> Scope:
    for name in (call.name, call.issuer):
        if name and not _NAME.match(name):
            raise BadObjectName(f"The request URI contains an invalid name: {writer.sanitize_text(name)[:200]}")
    if not call.name:
        return Scope.of(vault)
    kind = operation.object_type
    return Scope.of(vault, kind, call.name, _FINDERS[kind](vault_id=vault.pk, name=call.name))


def _refuse(progress: Progress, error: Exception) -> ApiResponse:
    """The answer to an error, recorded first; without its record, a plain 503."""
    if isinstance(error, DatabaseError):
        connection.close()  # the thin door has no Django to do it
    try:
        reply = to_response(error)
        _record_refusal(progress, error_mapping(error).status, error)
    except DatabaseError as fault:
        connection.close()
        return to_response(fault)
    except Unavailable as fault:  # a challenge needs an organisation to point at
        return to_response(fault)
    return reply


def _record_refusal(progress: Progress, status: int, error: Exception) -> None:
    """Record which error it was, not its sentence: that may repeat what the caller sent, a secret by mistake."""
    if status == 503:  # nothing was refused, and the database may be what is away
        return
    vault, operation = progress.vault, progress.operation
    scope = Scope.of(vault) if vault else Scope(vault_name=progress.call.vault_name)
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
    call = progress.call
    if call.issuer:
        return f"certificates/issuers/{call.issuer}"
    parts = (_COLLECTIONS[progress.operation.object_type], call.name, call.version)
    return "/".join(part for part in parts if part) if call.name else ""


def _usual_headers(context: RequestContext, region: str) -> tuple[tuple[str, str], ...]:
    """What Azure sends with every answer (docs/reference/wire-contract.md section 1)."""
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
    echoed = context.correlation_id
    if echoed and len(echoed) <= 128 and echoed.isascii() and echoed.isprintable():
        headers.append(("x-ms-client-request-id", echoed))
    return tuple(headers)
