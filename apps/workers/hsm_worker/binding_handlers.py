"""Handlers of requests that bind a key or seal a value in a caller's name: imports, backups, restores, certificates.

The record says what the HSM bound, and for whom. The process that stores the result records the change with the row.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from apps.audit_log.operation_names import Operation
from apps.core import clock
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.catalog.kinds import BY_NAME
from apps.domain.certificates.kind import CERTIFICATES
from apps.domain.certificates.x509 import BadCertificate
from apps.domain.hsm_client.lane_client import RequestMalformed
from apps.domain.hsm_client.protocol import (
    BindBackup,
    CallerRequest,
    ImportKey,
    ImportWrappedKey,
    RebindKey,
    RestoreKeyVersion,
    RestoreSecretVersion,
    SealCertificate,
    SealDestination,
    SealSecret,
)
from apps.domain.keys import rules
from apps.domain.keys.kind import KEYS
from apps.domain.secrets.kind import SECRETS
from apps.domain.secrets.rules import seal_context
from apps.domain.security_worlds.models import Rebinding
from apps.domain.vaults.models import Vault
from apps.hsm.api import Hsm
from apps.workers.hsm_runtime.hsm_thread import Answer
from apps.workers.hsm_worker import certificate_jobs, key_import, preflight
from apps.workers.hsm_worker.caller_requests import Done, serve
from apps.workers.hsm_worker.request_values import read_value

_SEALING_ACTS = {SECRETS.name: "set", CERTIFICATES.name: "import"}


def import_key(hsm: Hsm, request: ImportKey, now: datetime) -> Answer:
    """Import a key in clear, if the caller may import it."""

    def use(_grant: Grant, vault: Vault) -> Done:
        binding = key_import.binding_of(vault, request)
        vault_key = preflight.vault_key(vault.pk.hex)
        imported = hsm.import_key(binding, material=request.material, vault_key=vault_key)
        return _bound(request, (imported.public_key, imported.blob, imported.mac), act="import")

    return _serve(hsm, request, kind=request.kind, act="import", use=use, now=now)


def import_wrapped_key(hsm: Hsm, request: ImportWrappedKey, now: datetime) -> Answer:
    """Import a key from a BYOK file, if the caller may import it."""

    def use(_grant: Grant, vault: Vault) -> Done:
        kek = preflight.key_for_exchange(vault, *request.kek, now=clock.lifecycle_now()).stored
        ciphertext = request.ciphertext
        if request.pq_kek is not None:
            outer = preflight.key_for_exchange(vault, *request.pq_kek, now=clock.lifecycle_now(), key_type="AKP")
            ciphertext = hsm.open_transfer(outer.stored, sealed=ciphertext, kek=kek, vault_key=outer.vault_key)
        imported = hsm.import_wrapped(key_import.binding_of(vault, request), kek=kek, ciphertext=ciphertext)
        return _bound(request, (imported.public_key, imported.blob, imported.mac), act="import")

    return _serve(hsm, request, kind=KEYS.name, act="import", use=use, now=now)


def rebind_key(hsm: Hsm, request: RebindKey, now: datetime) -> Answer:
    """Bind other operations to a key version, if the caller may change it."""

    def use(_grant: Grant, vault: Vault) -> Done:
        state, key = preflight.key_read_now(vault, request.name, request.version)
        before, after = state.operations, request.operations
        rules.check_changed_operations(state.key_type, before, after, parameter=state.parameter)
        operations = sorted(request.operations)
        rebound = hsm.rebind(key.stored, operations=tuple(operations))
        values = {"operations": operations, "blob": rebound.blob, "mac": rebound.mac}
        Rebinding.objects.update_or_create(protected_id=state.protected_id, defaults=values)
        return _bound(request, (rebound.blob, rebound.mac), act="update")

    return _serve(hsm, request, kind=KEYS.name, act="update", use=use, now=now)


def bind_backup(hsm: Hsm, request: BindBackup, now: datetime) -> Answer:
    """Bind the header of a backup, if the caller may back up the object that it names."""
    kind = read_value(BY_NAME.__getitem__, request.kind)

    def use(_grant: Grant, vault: Vault) -> Done:
        key_import.check_header(request.header, kind=kind.name, vault=vault, name=request.name)
        mac = key_import.backup_mac(hsm, vault.pk.hex, request.header)
        sealed = key_import.new_backup_key(hsm, vault.pk.hex, request.header)
        return Done((mac, *sealed), kind.object_id(request.name), {})

    return _serve(hsm, request, kind=kind.name, act="backup", use=use, now=now)


def restore_key_version(hsm: Hsm, request: RestoreKeyVersion, now: datetime) -> Answer:
    """Move a key version out of a genuine backup, if the caller may restore it."""

    def use(grant: Grant, vault: Vault) -> Done:
        key_import.check_restore(hsm, request, vault, requester_id=grant.principal.id, now=now)
        moved = key_import.restored_key(hsm, request, vault)
        return _bound(request, (moved.blob, moved.mac), act="restore", version=moved.binding.version)

    return _serve(hsm, request, kind=request.kind, act="restore", use=use, now=now)


def restore_secret_version(hsm: Hsm, request: RestoreSecretVersion, now: datetime) -> Answer:
    """Seal a secret version out of a genuine backup, if the caller may restore it."""

    def use(grant: Grant, vault: Vault) -> Done:
        key_import.check_restore(hsm, request, vault, requester_id=grant.principal.id, now=now)
        version, sealed = key_import.restored_secret(hsm, request, vault)
        return _sealed(request, sealed, version=version, act="restore")

    return _serve(hsm, request, kind=request.kind, act="restore", use=use, now=now)


def seal_secret(hsm: Hsm, request: SealSecret, now: datetime) -> Answer:
    """Seal the value of a new version of a secret, if the caller may set it, or import its certificate."""
    act = read_value(_SEALING_ACTS.__getitem__, request.kind)

    def use(_grant: Grant, vault: Vault) -> Done:
        version = preflight.new_secret_version(vault, request.name, request.version)
        context = seal_context(world=vault.world.name, vault_id=vault.pk.hex, name=request.name, version=version)
        sealed = hsm.seal(preflight.vault_key(vault.pk.hex), context=context, plaintext=request.value)
        return _sealed(request, sealed, version=version, act=act)

    return _serve(hsm, request, kind=request.kind, act=act, use=use, now=now)


def seal_destination(hsm: Hsm, request: SealDestination, now: datetime) -> Answer:
    """Seal a part of a log destination, if the caller may change the vault's settings."""

    def use(_grant: Grant, vault: Vault) -> Done:
        context = preflight.context_of_destination(vault, request.destination_id, request.part)
        sealed = hsm.seal(preflight.vault_key(vault.pk.hex), context=context, plaintext=request.value)
        return Done(sealed, "log/destination", {"for": request.part}, Operation.SECRET_SEAL)

    return serve(
        hsm,
        request,
        operation=Operation.LOG_DESTINATION_PUT,
        permission=Permission.VAULTS_UPDATE,
        kind=SECRETS.name,
        use=use,
        now=now,
        serving=False,
    )


def seal_certificate(hsm: Hsm, request: SealCertificate, now: datetime) -> Answer:
    """Seal the secret of a certificate for its own name, if the caller may complete the certificate."""

    def use(_grant: Grant, vault: Vault) -> Done:
        _state, key = preflight.key_read_now(vault, request.name, request.version)
        if not request.chain:
            raise RequestMalformed("The certificate is missing.")
        version = preflight.new_secret_version(vault, request.name, request.version)
        place = {"world": vault.world.name, "vault_id": vault.pk.hex, "version": version}
        seal = partial(
            certificate_jobs.seal_secret,
            hsm,
            key,
            vault_key=preflight.vault_key(vault.pk.hex),
            content_type=request.content_type,
            context=seal_context(name=request.name, **place),
        )
        try:
            sealed = read_value(lambda chain: seal(chain=chain), request.chain)
        except BadCertificate:
            raise RequestMalformed("The certificate cannot be read.") from None  # the web process has read it before
        return _sealed(request, sealed, version=version, act="create")

    return _serve(hsm, request, kind=CERTIFICATES.name, act="create", use=use, now=now)


def _serve(
    hsm: Hsm, request: CallerRequest, *, kind: str, act: str, use: Callable[[Grant, Vault], Done], now: datetime
) -> Answer:
    of = read_value(BY_NAME.__getitem__, kind)
    return serve(
        hsm,
        request,
        operation=read_value(of.operation, act),
        permission=read_value(Permission, f"{of.collection}/{act}"),
        kind=kind,
        use=use,
        now=now,
    )


def _bound(request: CallerRequest, value: Any, *, act: str, version: str = "") -> Done:
    return Done(value, KEYS.object_id(request.name, version or request.version), {"for": act}, Operation.KEY_BIND)


def _sealed(request: CallerRequest, value: bytes, *, act: str, version: str) -> Done:
    return Done(value, SECRETS.object_id(request.name, version), {"for": act}, Operation.SECRET_SEAL)
