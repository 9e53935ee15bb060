"""Making keys and describing them.

Changes that the HSM makes go begin -> perform -> finish: the row and the attempt are committed here, an HSM worker
makes the key and commits it with the outcome, and only then does the caller hear of it. A key that the caller brings
goes over the lane instead, for its clear form must be in no broker and no row.
"""

from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.core.ids import new_version
from apps.domain.access.audit_records import append_attempt, append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals import operations as approvals
from apps.domain.approvals.models import GuardedOperation
from apps.domain.hsm_client import client
from apps.domain.hsm_client.lane_client import HsmUnavailable
from apps.domain.hsm_client.models import Job
from apps.domain.hsm_client.protocol import ImportedKeySpec, ImportKey, ImportWrappedKey, RebindKey
from apps.domain.keys import queries, release_policy, rules, versions
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.keys.rules import NewKey
from apps.domain.objects import soft_delete
from apps.domain.security_worlds.models import ProtectedKey
from apps.domain.vaults import quotas
from apps.domain.vaults.models import Vault
from apps.domain.vaults.quotas import Quota

_UPDATABLE = frozenset({"enabled", "not_before", "expires", "tags", "release_policy"})


def create(*, grant: Grant, vault: Vault, name: str, spec: NewKey, now: datetime) -> KeyVersion:
    """Make a key, or a new version of it if the name exists. Returns when it is usable.

    Raises `BadKeyParameter`, `ObjectIsDeleted`, `ObjectManaged`, `TooManyRequests`, `HsmUnavailable`, `JobPending`.
    """
    grant.require(Permission.KEYS_CREATE, vault_id=vault.pk)
    rules.check_new(spec)
    if spec.release_policy is not None:
        _approved_policy(grant, vault, name, spec.release_policy, now)
    _spend(grant, vault, spec)
    return _finish(
        start_creation(grant=grant, vault=vault, name=name, spec=spec, operation=Operation.KEY_CREATE, now=now), vault
    )


def rotate(*, grant: Grant, vault: Vault, name: str, now: datetime) -> KeyVersion:
    """Make a new version like the current one; its expiry is the rotation policy's.

    Raises `KeyNotFound`, `KeyDisabled`, `ObjectManaged`, `TooManyRequests`, `HsmUnavailable`, `JobPending`.
    """
    grant.require(Permission.KEYS_ROTATE, vault_id=vault.pk)
    spec = versions.next_version_of(queries.get_version(vault_id=vault.pk, name=name), now=now)
    _spend(grant, vault, spec)
    return _finish(
        start_creation(grant=grant, vault=vault, name=name, spec=spec, operation=Operation.KEY_ROTATE, now=now), vault
    )


def import_key(*, grant: Grant, vault: Vault, name: str, spec: NewKey, material: bytes, now: datetime) -> KeyVersion:
    """Take a key in clear (PKCS#8 DER or AES bytes) into software or HSM protection, as a new version.

    Raises `BadKeyParameter`, `ObjectIsDeleted`, `ObjectManaged`, `TooManyRequests`, `HsmUnavailable`,
    `SecondPersonNeeded`.
    """
    grant.require(Permission.KEYS_IMPORT, vault_id=vault.pk)
    rules.check_new(spec)
    kind = _kind(name, spec)
    request = ImportKey(expires_at=grant.request.expires_at, vault_id=vault.pk.hex, kind=kind, material=material)
    return _take_in(grant, vault, name, spec, request, material, now)


def import_key_text(
    *, grant: Grant, vault: Vault, name: str, spec: NewKey, kek: tuple[str, str], ciphertext: bytes, now: datetime
) -> KeyVersion:
    """Take a key out of a BYOK file; `kek` is the (name, version) of the key exchange key that the file names.

    Raises as `import_key` does, and `KeyNotFound`, `KeyDisabled`, `KeyOperationForbidden` for the key exchange key.
    """
    grant.require(Permission.KEYS_IMPORT, vault_id=vault.pk)
    exchange = queries.get_version(vault_id=vault.pk, name=kek[0], version=kek[1])
    rules.check_key_exchange_key(exchange, now=now)
    if not spec.parameter:
        wrapped = len(ciphertext) - int(exchange.parameter) // 8
        spec = replace(spec, parameter=rules.transferred_size(spec.key_type, wrapped))
    rules.check_new(spec)
    request = ImportWrappedKey(
        expires_at=grant.request.expires_at,
        vault_id=vault.pk.hex,
        kind=_kind(name, spec),
        kek_version_id=exchange.pk.hex,
        ciphertext=ciphertext,
    )
    return _take_in(grant, vault, name, spec, request, ciphertext, now)


def update(
    *, grant: Grant, vault: Vault, name: str, version: str, changes: dict[str, Any], now: datetime
) -> KeyVersion:
    """Change attributes of a version; what `changes` does not name stays.

    `changes` may hold enabled, not_before, expires, tags, operations and release_policy. Raises `KeyNotFound`,
    `BadKeyParameter`, `ObjectManaged`, `ReleasePolicyImmutable`, and `HsmUnavailable` when operations change, for the
    HSM binds those to the key.
    """
    grant.require(Permission.KEYS_UPDATE, vault_id=vault.pk)
    row = queries.get_version(vault_id=vault.pk, name=name, version=version)
    soft_delete.check_unmanaged(row.key, kind="key")
    changes = {field: value for field, value in changes.items() if value is not None}
    if changes.get("release_policy") not in (None, row.release_policy):
        _check_changes(row, changes)
        _approved_policy(grant, vault, name, changes["release_policy"], now)
    with transaction.atomic():
        row = KeyVersion.objects.select_for_update(of=("self",)).select_related("key", "protected").get(pk=row.pk)
        _check_changes(row, changes)
        operations = changes.get("operations")
        if operations is not None and list(operations) != row.operations:
            _rebind(grant, vault, row, list(operations))
        for field in changes.keys() & _UPDATABLE:
            setattr(row, field, changes[field])
        row.updated = now
        row.save(update_fields=[*(changes.keys() & _UPDATABLE), "operations", "updated"])
        append_change(grant, operation=Operation.KEY_UPDATE, object_id=versions.object_id(row), changed=sorted(changes))
    queries.invalidate(vault_id=vault.pk, name=name, version=row.version)
    return row


def start_creation(
    *, grant: Grant, vault: Vault, name: str, spec: NewKey, operation: Operation, now: datetime
) -> tuple[Job, KeyVersion]:
    """The pending row, the attempt and the job, in one transaction. The scheduler begins and does not wait.

    Raises `ObjectIsDeleted`, `ObjectManaged`.
    """
    if grant.permission not in _MAKERS:
        grant.require(Permission.KEYS_CREATE, vault_id=vault.pk)
    with transaction.atomic():
        key = soft_delete.get_or_create_locked(Key, kind="key", vault=vault, name=name)
        row = versions.add_version(key, spec, version=new_version(), now=now)
        append_attempt(grant, operation=operation, object_id=versions.object_id(row))
        job = client.submit(
            grant=grant,
            kind="hsm.generate_key",
            operation=operation,
            world=vault.world.name,
            subject=("keyversion", row.pk),
            object_id=versions.object_id(row),
            now=now,
        )
    return job, row


_MAKERS = frozenset({Permission.KEYS_CREATE, Permission.KEYS_ROTATE, Permission.VAULTS_SWEEP})


def _finish(begun: tuple[Job, KeyVersion], vault: Vault) -> KeyVersion:
    job, row = begun
    try:
        client.wait(job)
    except HsmUnavailable:
        KeyVersion.objects.filter(pk=row.pk, state=KeyVersion.State.PENDING).update(state=KeyVersion.State.FAILED)
        raise
    queries.invalidate(vault_id=vault.pk, name=row.key.name)
    return queries.get_version(vault_id=vault.pk, name=row.key.name, version=row.version)


def _take_in(  # noqa: PLR0917  private, and called with the same names twice
    grant: Grant,
    vault: Vault,
    name: str,
    spec: NewKey,
    request: ImportKey | ImportWrappedKey,
    brought: bytes,
    now: datetime,
) -> KeyVersion:
    # The check value lets an approval hold for this very key, and tells nothing of it.
    change = {
        "type": spec.key_type,
        "size or curve": spec.parameter,
        "HSM": spec.hardware,
        "exportable": spec.exportable,
        **({} if spec.release_policy is None else {"release policy": spec.release_policy}),
    }
    approval = approvals.require_approval(
        grant=grant,
        act=GuardedOperation.KEY_IMPORT,
        guarded=vault.production,
        subject=f"keys/{name.lower()}",
        change={**change, "check value": sha256(brought).hexdigest()[:16]},
        now=now,
    )
    _spend(grant, vault, spec)
    public_key, blob, mac = client.call(world=vault.world.name, request=request)
    with transaction.atomic():
        approvals.consume(grant=grant, approval=approval, now=now)
        key = soft_delete.get_or_create_locked(Key, kind="key", vault=vault, name=name)
        row = versions.add_version(key, spec, version=request.kind.version, now=now)
        versions.attach_protected_key(row, vault, kind=request.kind, public_key=public_key, blob=blob, mac=mac)
        Key.objects.filter(pk=key.pk).update(current=row)
        append_change(grant, operation=Operation.KEY_IMPORT, object_id=versions.object_id(row))
    queries.invalidate(vault_id=vault.pk, name=name)
    return row


def _approved_policy(grant: Grant, vault: Vault, name: str, policy: dict[str, Any], now: datetime) -> None:
    with approvals.requires_approval(
        grant=grant,
        act=GuardedOperation.RELEASE_POLICY,
        guarded=vault.production,
        subject=f"keys/{name.lower()}",
        change={"release policy": policy},
        now=now,
    ):
        pass  # used up by this call, even if the HSM then fails


def _kind(name: str, spec: NewKey) -> ImportedKeySpec:
    usual = rules.DEFAULT_OPERATIONS[spec.key_type]
    return ImportedKeySpec(
        name=name.lower(),
        version=new_version(),
        custody=versions.custody_of(spec),
        key_type=spec.key_type,
        parameter=spec.parameter,
        operations=sorted(spec.operations if spec.operations is not None else usual),
        exportable=spec.exportable,
    )


def _spend(grant: Grant, vault: Vault, spec: NewKey) -> None:
    quota = Quota.HSM_KEY_CREATE if spec.hardware else Quota.KEY_CREATE
    quotas.consume_quota(vault=vault, principal=grant.principal, quota=quota)


def _check_changes(row: KeyVersion, changes: dict[str, Any]) -> None:
    rules.check_dates(changes.get("not_before", row.not_before), changes.get("expires", row.expires))
    if "operations" in changes:
        rules.check_operations(row.key_type, changes["operations"])
        if (rules.IMPORT in changes["operations"]) != (rules.IMPORT in row.operations):
            raise rules.BadKeyParameter("A key exchange key stays one, and no other key becomes one.")
    if "release_policy" in changes:
        if not row.exportable:
            raise rules.BadKeyParameter("AKV.SKR.1005: Non-exportable keys must not have release policy.")
        release_policy.check_change(row.release_policy, changes["release_policy"])


def _rebind(grant: Grant, vault: Vault, row: KeyVersion, operations: list[str]) -> None:
    """Have the HSM bind the key to its new operations; store the new binding with the change."""
    blob, mac = client.call(
        world=vault.world.name,
        request=RebindKey(
            expires_at=grant.request.expires_at,
            vault_id=vault.pk.hex,
            key_version_id=row.pk.hex,
            operations=operations,
        ),
    )
    row.operations = operations
    ProtectedKey.objects.filter(keyversion=row).update(operations=sorted(operations), blob=blob, mac=mac)
