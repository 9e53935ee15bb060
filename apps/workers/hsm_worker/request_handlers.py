"""Handlers of lane requests: preflight checks, the HSM boundary, then the answer. The HSM thread records it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from apps.domain.hsm_client.protocol import (
    BindBackup,
    CheckBackup,
    ImportKey,
    ImportWrappedKey,
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
    SignToken,
    Status,
    UnsealSecret,
    UseKey,
)
from apps.domain.keys import rules
from apps.hsm.api import Hsm
from apps.workers.hsm_runtime import latency_metrics
from apps.workers.hsm_runtime.translation import ProtectedKeyAltered, boundary_errors
from apps.workers.hsm_worker import certificate_jobs, key_import, preflight
from apps.workers.hsm_worker.altered_keys import report_altered


def handle_request(hsm: Hsm, request: Request, *, now: datetime) -> Any:
    """Handle one request. Raises a `VaultError` for the client, or `DeviceFault`, which ends the process."""
    try:
        with boundary_errors():
            return _HANDLERS[type(request)](hsm, request, now)
    except ProtectedKeyAltered:
        vault_id, version = getattr(request, "vault_id", ""), getattr(request, "key_version_id", "")
        report_altered(vault_id=vault_id, key_version_id=version, now=now)
        raise


def _ping(hsm: Hsm, _request: Ping, _now: datetime) -> Any:
    hsm.canary()
    return True


def _status(hsm: Hsm, _request: Status, _now: datetime) -> Any:
    return {**hsm.facts, "latency": latency_metrics.snapshot()}


def _use_key(hsm: Hsm, request: UseKey, now: datetime) -> Any:
    key, operation = preflight.key_for_use(request, now=now)
    return _USES[operation](hsm, key, request)


def _seal_secret(hsm: Hsm, request: SealSecret, _now: datetime) -> Any:
    vault_key = preflight.vault_key(request.vault_id)
    return hsm.seal(vault_key, context=request.context, plaintext=request.value)


def _unseal_secret(hsm: Hsm, request: UnsealSecret, _now: datetime) -> Any:
    secret = preflight.secret_for_reading(request)
    return hsm.unseal(secret.vault_key, context=secret.context, sealed=secret.sealed)


def _sign_token(hsm: Hsm, request: SignToken, _now: datetime) -> Any:
    key = preflight.signing_key(request.signing_key_id)
    return hsm.sign(key, algorithm="ES256", digest=request.digest)


def _rebind_key(hsm: Hsm, request: RebindKey, _now: datetime) -> Any:
    key = preflight.key_for_rebinding(request)
    rebound = hsm.rebind(key, operations=tuple(sorted(request.operations)))
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


def _release_key(hsm: Hsm, request: ReleaseKey, _now: datetime) -> Any:
    key = preflight.key_for_release(request)
    return hsm.release(key.stored, recipient=request.recipient, algorithm=request.algorithm, vault_key=key.vault_key)


def _random_bytes(hsm: Hsm, request: RandomBytes, _now: datetime) -> Any:
    return hsm.random(request.size)


def _seal_certificate(hsm: Hsm, request: SealCertificate, _now: datetime) -> Any:
    key = preflight.key_for_certificate(request)
    return certificate_jobs.seal_secret(
        hsm,
        key,
        vault_key=preflight.vault_key(request.vault_id),
        chain=request.chain,
        content_type=request.content_type,
        context=request.context,
    )


def _open_destination(hsm: Hsm, request: OpenDestination, _now: datetime) -> Any:
    sealed = preflight.destination_for_delivery(request)
    return [
        hsm.unseal(sealed.vault_key, context=context, sealed=value) if value else b"" for context, value in sealed.parts
    ]


def _sign(hsm: Hsm, key: preflight.UsableKey, request: UseKey) -> bytes:
    return hsm.sign(
        key.protected.stored, algorithm=request.algorithm, digest=request.value, vault_key=key.protected.vault_key
    )


def _verify(hsm: Hsm, key: preflight.UsableKey, request: UseKey) -> bytes:
    is_valid = hsm.verify(
        key.protected.stored,
        algorithm=request.algorithm,
        digest=request.value,
        signature=request.signature,
        vault_key=key.protected.vault_key,
    )
    return b"\x01" if is_valid else b"\x00"


def _encrypt(hsm: Hsm, key: preflight.UsableKey, request: UseKey) -> tuple[bytes, bytes, bytes]:
    encrypted = hsm.encrypt(
        key.protected.stored,
        algorithm=request.algorithm,
        plaintext=request.value,
        iv=request.iv,
        aad=request.aad,
        vault_key=key.protected.vault_key,
    )
    return encrypted.ciphertext, encrypted.iv, encrypted.tag


def _decrypt(hsm: Hsm, key: preflight.UsableKey, request: UseKey) -> bytes:
    return hsm.decrypt(
        key.protected.stored,
        algorithm=request.algorithm,
        ciphertext=request.value,
        iv=request.iv,
        aad=request.aad,
        tag=request.tag,
        vault_key=key.protected.vault_key,
    )


_USES: dict[str, Callable[[Hsm, preflight.UsableKey, UseKey], Any]] = {
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
    SignToken: _sign_token,
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
