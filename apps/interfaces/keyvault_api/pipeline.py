"""The pipeline of every request of the data plane, from Django's views and from the fast path.

authenticate -> api version -> vault -> names -> authorize -> perform -> record -> respond. A use of a key or secret
goes to the HSM worker when the vault is known, and the worker decides. Authorisation comes before existence, so that
403 and 404 reveal nothing to a stranger; a result that cannot be recorded is not returned.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from django.db import Error as DatabaseError
from django.db import connection

from apps.audit_log.group_commit import NotStoredByLeader, append_together
from apps.audit_log.operation_names import Operation
from apps.core.clock import lifecycle_now
from apps.core.errors import BadRequest, NotFound, Unavailable
from apps.core.principals import Principal, RequestContext, Scheme
from apps.core.request_facts import request_context
from apps.domain.access.audit_records import append_reading
from apps.domain.access.denial_records import record_anonymous_denial
from apps.domain.access.grants import Grant, GrantMismatch, Scope
from apps.domain.access.permissions import Permission
from apps.domain.decisions.decision import Attempt, decide, denial_record, is_recorded
from apps.domain.identity import tokens
from apps.domain.vaults import quotas
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import find_vault, find_vault_id
from apps.domain.vaults.quotas import Quota
from apps.interfaces.keyvault_api.api_versions import API_VERSIONS, find_version, has_feature
from apps.interfaces.keyvault_api.error_response import error_mapping, to_response
from apps.interfaces.keyvault_api.messages import API_VERSION, ApiRequest, ApiResponse

Result = TypeVar("Result")


class BadApiVersion(BadRequest):
    """The api-version is missing, or not supported."""


class NotInApiVersion(NotFound):
    """The operation was added by a later api-version."""


class Recorder(Enum):
    """The process that writes the record of a success (docs/decisions/0003-audit-record-writers.md)."""

    DECIDING_WORKER = "the HSM worker, which decides on the request, so that this process need not"
    WORKER = "the HSM worker that used the key"
    CHANGE = "the transaction of the change"
    PIPELINE = "this pipeline, before the answer"


@dataclass(frozen=True, slots=True)
class OperationContext:
    """The argument of an operation's function: the request, and the grant that allows it."""

    request: ApiRequest
    vault: Vault
    caller: RequestContext
    permission: Permission
    now: datetime  # of objects and vaults
    _grant: Grant | None = None

    @property
    def grant(self) -> Grant:
        """The grant of this process. Raises `GrantMismatch` where the HSM worker decides."""
        if self._grant is None:
            raise GrantMismatch("the HSM worker decides on this operation")
        return self._grant

    @property
    def api_version(self) -> str:
        """The known version that the request is served as."""
        return find_version(self.caller.api_version) or API_VERSIONS[0]

    def call(self, operation: Callable[..., Result], **arguments: Any) -> Result:
        """Call a domain operation on the named object, with this request's grant."""
        arguments = {"now": self.now, **arguments}
        return operation(grant=self.grant, vault=self.vault, name=self.request.name, **arguments)


@dataclass(frozen=True, slots=True)
class ApiOperation:
    """One operation of the API: the permission cannot be left out."""

    name: Operation  # operationName of Azure's AuditEvent
    permission: Permission
    object_type: str  # "key", "secret", "certificate"
    recorder: Recorder
    perform: Callable[[OperationContext], dict[str, Any] | ApiResponse]
    quota: Quota | None = Quota.OTHER  # None: the domain consumes the quota, which depends on the key
    since: str = API_VERSIONS[0]  # the api-version that added it


def serve(operation: ApiOperation, request: ApiRequest) -> ApiResponse:
    """Serve a request. Never raises."""
    context = request_context(
        request.environ,
        api_version=request.query.get(API_VERSION, ""),
        scheme=Scheme.BEARER,
        credential=_token(request),
    )
    attempt = Attempt(
        operation=operation.name,
        permission=operation.permission,
        kind=operation.object_type,
        vault_name=request.vault_name,
        name=request.name,
        version=request.version,
        issuer=request.issuer,
        context=context,
    )
    try:
        response = _serve(operation, request, attempt)
    except Exception as error:  # noqa: BLE001  error_response decides what each becomes, 500 for the unknown
        response = _deny(attempt, error)
    region = attempt.vault.world.region if attempt.vault else ""
    return ApiResponse(response.status, response.body, (*response.headers, *_standard_headers(context, region)))


def _serve(operation: ApiOperation, request: ApiRequest, attempt: Attempt) -> ApiResponse:
    grant: Grant | None = None
    if operation.recorder is Recorder.DECIDING_WORKER:
        # Keeps requests without a valid token away from the worker.
        attempt.principal = _authenticate(attempt, since=operation.since)
        attempt.vault = find_vault(name=request.vault_name)  # whose world has the worker
    else:
        grant = decide(attempt, lambda: _authenticate(attempt, since=operation.since))
    vault, principal = attempt.vault, attempt.principal
    assert vault is not None and principal is not None  # noqa: S101, PT018  both are known now
    if operation.quota is not None:
        quotas.consume_quota(vault=vault, principal=principal, quota=operation.quota)
    context = OperationContext(request, vault, attempt.context, operation.permission, lifecycle_now(), grant)
    try:
        result = operation.perform(context)
    except BadRequest as error:
        if grant is None and not is_recorded(error):  # not sent to the worker: a caller without a role gets a 403
            decide(attempt, lambda: principal)
        raise
    if operation.recorder is Recorder.PIPELINE and grant is not None:
        append_reading(grant, operation=operation.name, object_id=attempt.object_id)
    return result if isinstance(result, ApiResponse) else ApiResponse(200, result)


def _authenticate(attempt: Attempt, *, since: str) -> Principal:
    if not attempt.context.credential:
        raise tokens.TokenMissing("AKV10000: Request is missing a Bearer or PoP token.")
    principal = attempt.principal = tokens.authenticate(attempt.context.credential)
    version = find_version(attempt.context.api_version)
    if version is None:
        versions = ", ".join(API_VERSIONS)
        raise BadApiVersion(f"The api-version is missing or not supported. Use one of {versions}.")
    if not has_feature(version, since):
        raise NotInApiVersion(f"The api-version {version} does not have this operation. Use {since} or a later one.")
    return principal


def _token(request: ApiRequest) -> str:
    scheme, _, token = request.authorization.partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _deny(attempt: Attempt, error: Exception) -> ApiResponse:
    """The response to an error, which is recorded first; without its record, a plain 503."""
    _close_after(error)
    try:
        response = to_response(error)
        if not is_recorded(error):
            _record_denial(attempt, error_mapping(error).status, error)
    except DatabaseError as fault:
        _close_after(fault)
        return to_response(fault)
    except Unavailable as fault:  # a challenge needs an organisation to point at
        return to_response(fault)
    return response


def _close_after(error: Exception) -> None:
    """Close a connection that may be broken: on the fast path Django does not do it."""
    if isinstance(error, DatabaseError) and not isinstance(error, NotStoredByLeader):
        connection.close()


def _record_denial(attempt: Attempt, status: int, error: Exception) -> None:
    if status == 503:  # nothing was denied, and the database may be down
        return
    if attempt.principal is not None:
        append_together([denial_record(attempt, error, status)])
        return
    code = str(error).partition(":")[0]  # AKV10000, AKV10022 ...
    claimed = error.client_id if isinstance(error, tokens.TokenRejected) else None
    record_anonymous_denial(
        Scope(vault_name=attempt.vault_name),
        attempt.context,
        operation=Operation.AUTHENTICATION,
        status=status,
        reason=code,
        vault_id=find_vault_id(name=attempt.vault_name),
        claimed=claimed,
    )


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
