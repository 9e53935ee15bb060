"""Handlers of lane requests: preflight checks, the HSM boundary, then the answer. The HSM thread records it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.audit_log.operation_names import Operation
from apps.core.ids import uuid7
from apps.core.principals import RequestContext
from apps.domain.access.audit_records import make_record
from apps.domain.access.grants import Scope
from apps.domain.access.system_grants import SYSTEM
from apps.domain.hsm_client.lane_client import ProtectedKeyAltered
from apps.domain.hsm_client.protocol import (
    BindBackup,
    CallerRequest,
    CheckBackup,
    CheckSigningKey,
    ImportKey,
    ImportWrappedKey,
    IssueToken,
    OpenDestination,
    Ping,
    RandomBytes,
    RebindKey,
    ReleaseKey,
    Request,
    RestoreKeyVersion,
    RestoreSecretVersion,
    SealCertificate,
    SealSecret,
    SignStatement,
    Status,
    UnsealSecret,
    UseKey,
)
from apps.domain.keys.models import KeyVersion
from apps.domain.keys.operations.random_numbers import MOST_RANDOM_BYTES, BadCount
from apps.domain.security_worlds.models import Rebinding
from apps.hsm.api import Hsm
from apps.workers.hsm_runtime import latency_metrics, peers
from apps.workers.hsm_runtime.hsm_thread import Answer
from apps.workers.hsm_runtime.translation import boundary_errors
from apps.workers.hsm_worker import caller_handlers, callers, certificate_jobs, key_import, preflight
from apps.workers.hsm_worker.altered_keys import report_altered, version_with_key


def handle_request(hsm: Hsm, request: Request, *, now: datetime) -> Any:
    """Handle one request. Raises a `VaultError` for the client, or `DeviceFault`, which ends the process."""
    try:
        with boundary_errors():
            return _HANDLERS[type(request)](hsm, request, now)
    except ProtectedKeyAltered:
        vault_id, version_id = getattr(request, "vault_id", ""), getattr(request, "key_version_id", "")
        version = version_with_key(pk=UUID(version_id)) if version_id else None
        context = request.context if isinstance(request, (CallerRequest, IssueToken)) else None
        report_altered(UUID(vault_id) if vault_id else None, version=version, request=context, now=now)
        raise


def _ping(hsm: Hsm, _request: Ping, _now: datetime) -> Any:
    hsm.canary()
    callers.check_all_signing_keys(hsm)
    return True


def _status(hsm: Hsm, _request: Status, _now: datetime) -> Any:
    return {**hsm.facts, "latency": latency_metrics.snapshot(), "refusals": peers.refusals()}


def _seal_secret(hsm: Hsm, request: SealSecret, _now: datetime) -> Any:
    vault_key = preflight.vault_key(request.vault_id)
    return hsm.seal(vault_key, context=request.context, plaintext=request.value)


def _rebind_key(hsm: Hsm, request: RebindKey, _now: datetime) -> Any:
    key = preflight.key_without_cache(request)
    operations = sorted(request.operations)
    key_import.check_customers(replace(key.stored.binding, operations=tuple(operations)))
    rebound = hsm.rebind(key.stored, operations=tuple(operations))
    values = {"operations": operations, "blob": rebound.blob, "mac": rebound.mac}
    protected_id = KeyVersion.objects.values_list("protected_id", flat=True).get(pk=UUID(request.key_version_id))
    Rebinding.objects.update_or_create(protected_id=protected_id, defaults=values)
    return rebound.blob, rebound.mac


def _import_key(hsm: Hsm, request: ImportKey, _now: datetime) -> Any:
    binding = key_import.binding_of(request.vault_id, request.kind)
    imported = hsm.import_key(binding, material=request.material, vault_key=preflight.vault_key(request.vault_id))
    return imported.public_key, imported.blob, imported.mac


def _import_wrapped_key(hsm: Hsm, request: ImportWrappedKey, now: datetime) -> Any:
    kek = preflight.key_for_exchange(request, now=now)
    binding = key_import.binding_of(request.vault_id, request.kind)
    imported = hsm.import_wrapped(binding, kek=kek, ciphertext=request.ciphertext)
    return imported.public_key, imported.blob, imported.mac


def _check_backup(hsm: Hsm, request: CheckBackup, _now: datetime) -> Any:
    return key_import.is_genuine(hsm, request.vault_id, request.header, request.mac)


def _restore_key_version(hsm: Hsm, request: RestoreKeyVersion, _now: datetime) -> Any:
    moved = key_import.restored_key(hsm, request)
    return moved.blob, moved.mac


def _restore_secret_version(hsm: Hsm, request: RestoreSecretVersion, _now: datetime) -> Any:
    return key_import.restored_secret(hsm, request)


def _random_bytes(hsm: Hsm, request: RandomBytes, _now: datetime) -> Any:
    if not 1 <= request.size <= MOST_RANDOM_BYTES:
        raise BadCount(f"One request gives 1 to {MOST_RANDOM_BYTES} random bytes.")
    return hsm.random(request.size)


def _seal_certificate(hsm: Hsm, request: SealCertificate, _now: datetime) -> Any:
    key = preflight.key_without_cache(request)
    return certificate_jobs.seal_secret(
        hsm,
        key,
        vault_key=preflight.vault_key(request.vault_id),
        chain=request.chain,
        content_type=request.content_type,
        context=request.context,
    )


def _open_destination(hsm: Hsm, request: OpenDestination, now: datetime) -> Answer:
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


_HANDLERS: dict[type[Any], Callable[[Hsm, Any, datetime], Any]] = {
    Ping: _ping,
    UseKey: caller_handlers.use_key,
    SealSecret: _seal_secret,
    UnsealSecret: caller_handlers.unseal_secret,
    IssueToken: caller_handlers.issue_token,
    SignStatement: caller_handlers.sign_statement,
    CheckSigningKey: caller_handlers.check_signing_key,
    RebindKey: _rebind_key,
    ImportKey: _import_key,
    ImportWrappedKey: _import_wrapped_key,
    BindBackup: caller_handlers.bind_backup,
    CheckBackup: _check_backup,
    RestoreKeyVersion: _restore_key_version,
    RestoreSecretVersion: _restore_secret_version,
    ReleaseKey: caller_handlers.release_key,
    RandomBytes: _random_bytes,
    SealCertificate: _seal_certificate,
    Status: _status,
    OpenDestination: _open_destination,
}
