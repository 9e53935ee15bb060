"""Handlers of lane requests: preflight checks, the HSM boundary, then the answer. The HSM thread records it."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.audit_log.operation_names import Operation
from apps.core.encoding import to_base64url
from apps.core.ids import uuid7
from apps.core.principals import RequestContext
from apps.domain.access.audit_records import make_record
from apps.domain.access.grants import Grant, Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import SYSTEM
from apps.domain.hsm_client.lane_client import ProtectedKeyAltered
from apps.domain.hsm_client.protocol import (
    BindBackup,
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
from apps.domain.identity import application_sign_in, queries, tokens
from apps.domain.identity.models import SigningKey
from apps.domain.keys import rules
from apps.domain.keys.kind import KEYS
from apps.domain.keys.operations.key_use import MOST_RANDOM_BYTES, USES, BadCount, quota_of
from apps.domain.secrets.kind import SECRETS
from apps.domain.secrets.queries import find_facts as find_secret
from apps.domain.secrets.rules import check_read
from apps.domain.vaults import quotas
from apps.domain.vaults.models import Vault
from apps.domain.vaults.quotas import Quota
from apps.hsm.api import Hsm
from apps.workers.hsm_runtime import latency_metrics
from apps.workers.hsm_runtime.hsm_thread import Answer
from apps.workers.hsm_runtime.translation import boundary_errors
from apps.workers.hsm_worker import certificate_jobs, key_import, preflight
from apps.workers.hsm_worker.altered_keys import report_altered, version_with_key
from apps.workers.hsm_worker.caller_requests import Done, serve


def handle_request(hsm: Hsm, request: Request, *, now: datetime) -> Any:
    """Handle one request. Raises a `VaultError` for the client, or `DeviceFault`, which ends the process."""
    try:
        with boundary_errors():
            return _HANDLERS[type(request)](hsm, request, now)
    except ProtectedKeyAltered:
        vault_id, version_id = getattr(request, "vault_id", ""), getattr(request, "key_version_id", "")
        version = version_with_key(pk=UUID(version_id)) if version_id else None
        report_altered(UUID(vault_id) if vault_id else None, version=version, now=now)
        raise


def _ping(hsm: Hsm, _request: Ping, _now: datetime) -> Any:
    hsm.canary()
    return True


def _status(hsm: Hsm, _request: Status, _now: datetime) -> Any:
    return {**hsm.facts, "latency": latency_metrics.snapshot()}


def _use_key(hsm: Hsm, request: UseKey, now: datetime) -> Answer:
    permission = Permission(request.permission)
    operation, name = USES[permission]

    def use(grant: Grant, vault: Vault) -> Done:
        key = preflight.key_for_use(
            vault,
            request.name,
            request.version,
            operation=operation,
            algorithm=request.algorithm,
            value=request.value,
            now=now,
        )
        quotas.consume_quota(vault=vault, principal=grant.principal, quota=quota_of(key.state))
        value = _USES[operation](hsm, key.protected, request)
        state = key.state
        object_id = KEYS.object_id(state.name, state.version)
        return Done((state.name, state.version, *value), object_id, {"algorithm": request.algorithm})

    return serve(hsm, request, operation=name, permission=permission, kind=KEYS.name, use=use, now=now)


def _seal_secret(hsm: Hsm, request: SealSecret, _now: datetime) -> Any:
    vault_key = preflight.vault_key(request.vault_id)
    return hsm.seal(vault_key, context=request.context, plaintext=request.value)


def _unseal_secret(hsm: Hsm, request: UnsealSecret, now: datetime) -> Answer:
    operation = Operation.SECRET_REVEAL if request.reason else Operation.SECRET_GET

    def use(grant: Grant, vault: Vault) -> Done:
        quotas.consume_quota(vault=vault, principal=grant.principal, quota=Quota.OTHER)
        facts = find_secret(vault_id=vault.pk, name=request.name, version=request.version)
        check_read(enabled=facts.enabled)
        secret = preflight.sealed_secret(vault, facts)
        value = hsm.unseal(secret.vault_key, context=secret.context, sealed=secret.sealed)
        detail = {"reason": request.reason} if request.reason else {}
        return Done((value, asdict(facts)), SECRETS.object_id(facts.name, facts.version), detail)

    return serve(
        hsm, request, operation=operation, permission=Permission.SECRETS_GET, kind=SECRETS.name, use=use, now=now
    )


def _release_key(hsm: Hsm, request: ReleaseKey, now: datetime) -> Answer:
    def use(grant: Grant, vault: Vault) -> Done:
        quotas.consume_quota(vault=vault, principal=grant.principal, quota=Quota.OTHER)
        key = preflight.key_for_release(vault, request.name, request.version)
        ciphertext = hsm.release(
            key.protected.stored,
            recipient=request.recipient,
            algorithm=request.algorithm,
            vault_key=key.protected.vault_key,
        )
        detail = {"algorithm": request.algorithm, "issuer": request.issuer, "recipient": request.recipient_id}
        return Done(ciphertext, KEYS.object_id(key.state.name, key.state.version), detail)

    return serve(
        hsm,
        request,
        operation=Operation.KEY_RELEASE,
        permission=Permission.KEYS_RELEASE,
        kind=KEYS.name,
        use=use,
        now=now,
    )


def _sign_statement(hsm: Hsm, request: SignStatement, now: datetime) -> Answer:
    def use(_grant: Grant, _vault: Vault) -> Done:
        key = queries.list_signing_keys()[0]
        statement = _sign_with_authority(hsm, key, tokens.unsigned_statement(request.payload, key))
        return Done(statement, KEYS.object_id(request.name, request.version), {})

    return serve(
        hsm,
        request,
        operation=Operation.KEY_RELEASE_STATEMENT,
        permission=Permission.KEYS_RELEASE,
        kind=KEYS.name,
        use=use,
        now=now,
    )


def _issue_token(hsm: Hsm, request: IssueToken, now: datetime) -> Any:
    principal = application_sign_in.authenticate_application(
        client_id=UUID(request.client_id),
        secret=request.secret,
        assertion=request.assertion,
        issuer_keys=request.issuer_keys,
        address=request.context.address,
        now=now,
    )
    if principal is None:
        return ""
    key = queries.list_signing_keys()[0]
    unsigned = tokens.unsigned_token(principal, key, asserted=bool(request.assertion), now=now)
    record = make_record(
        SYSTEM,
        Scope(),
        request.context,
        operation=Operation.AUTHENTICATION,
        object_id=f"applications/{principal.client_id}",
        at=now,
    )
    return Answer(_sign_with_authority(hsm, key, unsigned), record)


def _sign_with_authority(hsm: Hsm, key: SigningKey, unsigned: bytes) -> str:
    """Complete a compact JWS (RFC 7515 section 3.1)."""
    digest = hashlib.sha256(unsigned).digest()
    signature = hsm.sign(preflight.signing_key(key), algorithm="ES256", digest=digest)
    return f"{unsigned.decode()}.{to_base64url(signature)}"


def _check_signing_key(hsm: Hsm, request: CheckSigningKey, _now: datetime) -> bytes:
    key = next(key for key in queries.list_signing_keys() if key.pk.hex == request.signing_key_id)
    stored = preflight.signing_key(key)
    hsm.verify_binding(stored)
    return stored.public_key


def _rebind_key(hsm: Hsm, request: RebindKey, _now: datetime) -> Any:
    key = preflight.key_without_cache(request)
    rebound = hsm.rebind(key.stored, operations=tuple(sorted(request.operations)))
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


def _bind_backup(hsm: Hsm, request: BindBackup, _now: datetime) -> Any:
    return key_import.backup_mac(hsm, request.vault_id, request.header)


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


def _sign(hsm: Hsm, key: preflight.ProtectedKeyRow, request: UseKey) -> tuple[bytes]:
    return (hsm.sign(key.stored, algorithm=request.algorithm, digest=request.value, vault_key=key.vault_key),)


def _verify(hsm: Hsm, key: preflight.ProtectedKeyRow, request: UseKey) -> tuple[bytes]:
    is_valid = hsm.verify(
        key.stored,
        algorithm=request.algorithm,
        digest=request.value,
        signature=request.signature,
        vault_key=key.vault_key,
    )
    return (b"\x01" if is_valid else b"\x00",)


def _encrypt(hsm: Hsm, key: preflight.ProtectedKeyRow, request: UseKey) -> tuple[bytes, bytes, bytes]:
    encrypted = hsm.encrypt(
        key.stored,
        algorithm=request.algorithm,
        plaintext=request.value,
        iv=request.iv,
        aad=request.aad,
        vault_key=key.vault_key,
    )
    return encrypted.ciphertext, encrypted.iv, encrypted.tag


def _decrypt(hsm: Hsm, key: preflight.ProtectedKeyRow, request: UseKey) -> tuple[bytes]:
    plaintext = hsm.decrypt(
        key.stored,
        algorithm=request.algorithm,
        ciphertext=request.value,
        iv=request.iv,
        aad=request.aad,
        tag=request.tag,
        vault_key=key.vault_key,
    )
    return (plaintext,)


# Each returns (value,), or (ciphertext, iv, tag).
_USES: dict[str, Callable[[Hsm, preflight.ProtectedKeyRow, UseKey], tuple[bytes, ...]]] = {
    rules.SIGN: _sign,
    rules.VERIFY: _verify,
    rules.ENCRYPT: _encrypt,
    rules.WRAP: _encrypt,  # wrapping encrypts a key that the caller sends
    rules.DECRYPT: _decrypt,
    rules.UNWRAP: _decrypt,
}

_HANDLERS: dict[type[Any], Callable[[Hsm, Any, datetime], Any]] = {
    Ping: _ping,
    UseKey: _use_key,
    SealSecret: _seal_secret,
    UnsealSecret: _unseal_secret,
    IssueToken: _issue_token,
    SignStatement: _sign_statement,
    CheckSigningKey: _check_signing_key,
    RebindKey: _rebind_key,
    ImportKey: _import_key,
    ImportWrappedKey: _import_wrapped_key,
    BindBackup: _bind_backup,
    CheckBackup: _check_backup,
    RestoreKeyVersion: _restore_key_version,
    RestoreSecretVersion: _restore_secret_version,
    ReleaseKey: _release_key,
    RandomBytes: _random_bytes,
    SealCertificate: _seal_certificate,
    Status: _status,
    OpenDestination: _open_destination,
}
