"""Handlers of lane requests: preflight checks, the HSM boundary, then the answer. The HSM thread records it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.audit_log.operation_names import Operation
from apps.core.ids import uuid7
from apps.core.principals import RequestContext
from apps.domain.access.audit_records import make_record
from apps.domain.access.grants import Scope
from apps.domain.access.system_grants import SYSTEM
from apps.domain.hsm_client.lane_client import ProtectedKeyAltered, RequestMalformed
from apps.domain.hsm_client.protocol import (
    AttestKey,
    BindBackup,
    CallerRequest,
    CheckBackup,
    CheckSigningKey,
    ImportKey,
    ImportWrappedKey,
    IssueToken,
    OpenDestination,
    OpenWebhook,
    Ping,
    RandomBytes,
    RebindKey,
    ReleaseKey,
    Request,
    RestoreKeyVersion,
    RestoreSecretVersion,
    SealCertificate,
    SealDestination,
    SealSecret,
    SignStatement,
    Status,
    StoreSecret,
    UnsealSecret,
    UseKey,
)
from apps.domain.keys.operations.random_numbers import MOST_RANDOM_BYTES, BadCount
from apps.domain.vaults.models import Vault
from apps.hsm.api import Hsm
from apps.workers.hsm_runtime import latency_metrics, peers
from apps.workers.hsm_runtime.hsm_thread import Answer
from apps.workers.hsm_runtime.translation import boundary_errors
from apps.workers.hsm_worker import (
    binding_handlers,
    caller_handlers,
    callers,
    key_import,
    key_statements,
    preflight,
    secret_storing,
)
from apps.workers.hsm_worker.altered_keys import report_altered
from apps.workers.hsm_worker.request_values import read_id


def handle_request(hsm: Hsm, request: Request, *, now: datetime) -> Any:
    """Handle one request. Raises a `VaultError` for the client, or `DeviceFault`, which ends the process."""
    try:
        with boundary_errors():
            return _HANDLERS[type(request)](hsm, request, now)
    except Vault.DoesNotExist:
        raise RequestMalformed("The request names a vault that has no key.") from None
    except ProtectedKeyAltered:
        vault_id = getattr(request, "vault_id", "")
        context = request.context if isinstance(request, (CallerRequest, IssueToken)) else None
        report_altered(UUID(vault_id) if vault_id else None, request=context, now=now)
        raise


def _ping(hsm: Hsm, _request: Ping, _now: datetime) -> Any:
    hsm.canary()
    callers.check_all_signing_keys(hsm)
    return True


def _status(hsm: Hsm, _request: Status, _now: datetime) -> Any:
    return {**hsm.facts, "latency": latency_metrics.snapshot(), "refusals": peers.refusals()}


def _check_backup(hsm: Hsm, request: CheckBackup, _now: datetime) -> Any:
    vault_id, header = read_id(request.vault_id).hex, request.header
    if not key_import.is_genuine(hsm, vault_id, header, request.mac):
        return False, b""
    if not request.encapsulated:
        return True, b""
    return True, key_import.open_backup_key(hsm, vault_id, header, request.encapsulated)


def _random_bytes(hsm: Hsm, request: RandomBytes, _now: datetime) -> Any:
    if not 1 <= request.size <= MOST_RANDOM_BYTES:
        raise BadCount(f"One request gives 1 to {MOST_RANDOM_BYTES} random bytes.")
    return hsm.random(request.size)


def _open_destination(hsm: Hsm, request: OpenDestination, now: datetime) -> Answer:
    read_id(request.destination_id)
    sealed = preflight.destination_for_delivery(request)
    parts = [
        hsm.unseal(sealed.vault_key, context=context, sealed=value) if value else b"" for context, value in sealed.parts
    ]
    context = RequestContext(request_id=uuid7(), user_agent="deliver")
    operation = Operation.LOG_DESTINATION_OPEN
    return Answer(
        parts,
        make_record(SYSTEM, Scope.of(sealed.vault), context, operation=operation, object_id="log/destination", at=now),
    )


def _open_webhook(hsm: Hsm, request: OpenWebhook, now: datetime) -> Answer:
    read_id(request.subscription_id)
    sealed = preflight.webhook_secrets(request, now=now)
    secrets = [hsm.unseal(sealed.vault_key, context=context, sealed=value) for context, value in sealed.parts]
    context = RequestContext(request_id=uuid7(), user_agent="deliver events")
    object_id = f"webhooks/{sealed.name}"
    return Answer(
        secrets,
        make_record(
            SYSTEM, Scope.of(sealed.vault), context, operation=Operation.WEBHOOK_OPEN, object_id=object_id, at=now
        ),
    )


_HANDLERS: dict[type[Any], Callable[[Hsm, Any, datetime], Any]] = {
    Ping: _ping,
    UseKey: caller_handlers.use_key,
    SealSecret: binding_handlers.seal_secret,
    StoreSecret: secret_storing.store_secret,
    SealDestination: binding_handlers.seal_destination,
    AttestKey: key_statements.attest_key,
    UnsealSecret: caller_handlers.unseal_secret,
    IssueToken: caller_handlers.issue_token,
    SignStatement: caller_handlers.sign_statement,
    CheckSigningKey: caller_handlers.check_signing_key,
    RebindKey: binding_handlers.rebind_key,
    ImportKey: binding_handlers.import_key,
    ImportWrappedKey: binding_handlers.import_wrapped_key,
    BindBackup: binding_handlers.bind_backup,
    CheckBackup: _check_backup,
    RestoreKeyVersion: binding_handlers.restore_key_version,
    RestoreSecretVersion: binding_handlers.restore_secret_version,
    ReleaseKey: caller_handlers.release_key,
    RandomBytes: _random_bytes,
    SealCertificate: binding_handlers.seal_certificate,
    Status: _status,
    OpenDestination: _open_destination,
    OpenWebhook: _open_webhook,
}
