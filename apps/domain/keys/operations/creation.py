"""Creating, importing and updating keys.

A key that the HSM generates takes three steps: the pending row and the attempt's record are committed here, an HSM
worker generates the key and commits it with the outcome, and only then does the caller get an answer. A key that the
caller brings goes to the worker over the lane instead: its clear form must be in no broker and in no row.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.core.digests import digest_of
from apps.core.ids import new_version
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals import operations as approvals
from apps.domain.approvals.models import GuardedOperation
from apps.domain.hsm_client import client
from apps.domain.hsm_client.lane_client import HsmUnavailable
from apps.domain.hsm_client.models import Job
from apps.domain.hsm_client.protocol import ImportedKeySpec, ImportKey, ImportWrappedKey, RebindKey
from apps.domain.identity.attestation import authority_states
from apps.domain.keys import default_policy, queries, release_policy, rules, versions
from apps.domain.keys.kind import KEYS
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.keys.queries import KeyFacts
from apps.domain.keys.rules import NewKey
from apps.domain.objects import locks, names
from apps.domain.objects.changes import added_version, changed_version
from apps.domain.security_worlds.models import ProtectedKey
from apps.domain.security_worlds.queries import hsm_key_types
from apps.domain.vaults import quotas
from apps.domain.vaults.models import Vault

_CREATORS = frozenset({Permission.KEYS_CREATE, Permission.KEYS_ROTATE, Permission.VAULTS_SWEEP})
_UPDATABLE = frozenset({"enabled", "not_before", "expires", "tags", "operations", "release_policy"})


def create(*, grant: Grant, vault: Vault, name: str, spec: NewKey, now: datetime) -> KeyFacts:
    """Create a key, or a new version of it if the name exists. Returns when it is usable.

    Raises `BadKeyParameter`, `ObjectIsDeleted`, `ObjectManaged`, `TooManyRequests`, `HsmUnavailable`, `JobPending`.
    """
    grant.require(Permission.KEYS_CREATE, vault_id=vault.pk)
    _check_new(vault, spec)
    if spec.release_policy is not None:
        _approve_release_policy(grant, vault, name, spec.release_policy, spec, now)
    return _create_and_wait(grant, vault, name, spec, Operation.KEY_CREATE, now)


def rotate(*, grant: Grant, vault: Vault, name: str, now: datetime) -> KeyFacts:
    """Create a new version like the current one; its expiry is the rotation policy's.

    Raises `KeyNotFound`, `KeyDisabled`, `ObjectManaged`, `TooManyRequests`, `HsmUnavailable`, `JobPending`.
    """
    grant.require(Permission.KEYS_ROTATE, vault_id=vault.pk)
    current = KEYS.get_version(vault.pk, name)
    KEYS.check_unmanaged(current.key)
    spec = versions.next_version_of(current, now=now)
    return _create_and_wait(grant, vault, name, spec, Operation.KEY_ROTATE, now)


def start_creation(
    *, grant: Grant, vault: Vault, name: str, spec: NewKey, operation: Operation, now: datetime
) -> tuple[Job, KeyVersion]:
    """Store the pending row, the attempt's record and the job, in one transaction. The scheduler does not wait.

    Raises `ObjectIsDeleted`, `ObjectManaged`.
    """
    if grant.permission not in _CREATORS:
        grant.require(Permission.KEYS_CREATE, vault_id=vault.pk)
    with transaction.atomic():
        recreates = operation is Operation.KEY_CREATE
        key = names.get_or_create_locked(KEYS, vault, name, grant=grant, recreates=recreates)
        if key.current_id is None:
            default_policy.inherit(key, now=now)
        row = versions.add_version(key, spec, version=new_version(), now=now)
        job = client.submit(
            grant=grant,
            kind="hsm.generate_key",
            operation=operation,
            world=vault.world.name,
            subject=("keyversion", row.pk),
            object_id=KEYS.object_id(key.name, row.version),
            now=now,
        )
    return job, row


def _create_and_wait(  # noqa: PLR0917  private, and called with the same names twice
    grant: Grant, vault: Vault, name: str, spec: NewKey, operation: Operation, now: datetime
) -> KeyFacts:
    quota = quotas.creation_quota(hardware=spec.hardware)
    quotas.consume_quota(vault=vault, principal=grant.principal, quota=quota)
    job, row = start_creation(grant=grant, vault=vault, name=name, spec=spec, operation=operation, now=now)
    try:
        client.wait(job)
    except HsmUnavailable:
        KeyVersion.objects.filter(pk=row.pk, state=KeyVersion.State.PENDING).update(state=KeyVersion.State.FAILED)
        raise
    KEYS.invalidate(vault.pk, name)
    return queries.find_facts(vault_id=vault.pk, name=name, version=row.version)


def import_key(*, grant: Grant, vault: Vault, name: str, spec: NewKey, material: bytes, now: datetime) -> KeyFacts:
    """Import a key in clear (PKCS#8 DER or AES bytes) under software or HSM protection, as a new version.

    Raises `BadKeyParameter`, `ObjectIsDeleted`, `ObjectManaged`, `TooManyRequests`, `HsmUnavailable`,
    `ApprovalRequired`.
    """
    grant.require(Permission.KEYS_IMPORT, vault_id=vault.pk)
    _check_new(vault, spec)
    binding = versions.binding_of(spec, name=name, version=new_version())
    bind = partial(
        client.call_as, grant, vault, name, binding.version, ImportKey, kind=KEYS.name, spec=binding, material=material
    )
    brought = _Import(binding, bind, material, ProtectedKey.Origin.IMPORTED)
    return _import(grant, vault, name, spec, brought, now)


def import_wrapped_key(
    *,
    grant: Grant,
    vault: Vault,
    name: str,
    spec: NewKey,
    kek: tuple[str, str],
    pq_kek: tuple[str, str] | None,
    ciphertext: bytes,
    now: datetime,
) -> KeyFacts:
    """Import a key from a BYOK file; `kek` is the (name, version) of the key exchange key that the file names.

    `pq_kek`: the same of the ML-KEM key exchange key, for a hybrid file. Raises as `import_key` does, and
    `KeyNotFound`, `KeyDisabled`, `KeyOperationForbidden` for the key exchange keys.
    """
    grant.require(Permission.KEYS_IMPORT, vault_id=vault.pk)
    exchange = KEYS.get_version(vault.pk, *kek)
    rules.check_key_exchange_key(exchange, now=now)
    if pq_kek is not None:
        rules.check_key_exchange_key(KEYS.get_version(vault.pk, *pq_kek), now=now, key_type="AKP")
    if not spec.parameter:
        outer = 0 if pq_kek is None else rules.HYBRID_OVERHEAD
        wrapped = len(ciphertext) - outer - int(exchange.parameter) // 8
        spec = replace(spec, parameter=rules.transferred_size(spec.key_type, wrapped))
    rules.check_new(spec)
    binding = versions.binding_of(spec, name=name, version=new_version())
    bind = partial(
        client.call_as,
        grant,
        vault,
        name,
        binding.version,
        ImportWrappedKey,
        spec=binding,
        kek=(exchange.key.name, exchange.version),
        pq_kek=pq_kek,
        ciphertext=ciphertext,
    )
    brought = _Import(binding, bind, ciphertext, ProtectedKey.Origin.TRANSFERRED)
    return _import(grant, vault, name, spec, brought, now)


def update(*, grant: Grant, vault: Vault, name: str, version: str, changes: dict[str, Any], now: datetime) -> KeyFacts:
    """Change attributes of a version; what `changes` does not name stays.

    `changes` may hold enabled, not_before, expires, tags, operations and release_policy. Raises `KeyNotFound`,
    `BadKeyParameter`, `ObjectManaged`, `ReleasePolicyImmutable`, and `HsmUnavailable` when operations change, for the
    HSM binds those to the key.
    """
    grant.require(Permission.KEYS_UPDATE, vault_id=vault.pk)
    changes = {field: value for field, value in changes.items() if field in _UPDATABLE and value is not None}
    find = partial(queries.find_facts, vault_id=vault.pk, name=name, version=version)
    if "release_policy" in changes:
        _approve_changed_policy(grant, vault, find(), changes, now)
    with changed_version(KEYS, find, grant=grant, operation=Operation.KEY_UPDATE, changes=changes, now=now) as locked:
        _check_changes(locked, changes)
        operations = list(changes.get("operations", locked.operations))
        if operations != locked.operations:  # the HSM binds them to the key
            blob, mac = client.call_as(grant, vault, locked.name, locked.version, RebindKey, operations=operations)
            bound = {"operations": sorted(operations), "blob": blob, "mac": mac}
            ProtectedKey.objects.filter(keyversion=locked.id).update(**bound)
    return replace(locked, **changes, updated=now)


def _check_new(vault: Vault, spec: NewKey) -> None:
    rules.check_new(spec)
    rules.check_protection(spec, hsm_key_types=hsm_key_types(vault.world))


@dataclass(frozen=True, slots=True)
class _Import:
    """An import that waits for its approval."""

    binding: ImportedKeySpec
    bind: Callable[[], tuple[bytes, bytes, bytes]]  # asks the HSM worker; (SPKI, blob, mac)
    payload: bytes = field(repr=False)  # what the caller brought
    origin: ProtectedKey.Origin  # as the worker binds it


def _import(  # noqa: PLR0917  private, and called with the same names twice
    grant: Grant, vault: Vault, name: str, spec: NewKey, brought: _Import, now: datetime
) -> KeyFacts:
    # The digests tie an approval to this very key with these attributes, and reveal nothing of it.
    change = {
        "type": spec.key_type,
        "size or curve": spec.parameter,
        "HSM": spec.hardware,
        "exportable": spec.exportable,
        **({} if spec.release_policy is None else {"release policy": spec.release_policy}),
    }
    digest = sha256(brought.payload).hexdigest()
    content = digest_of([spec, digest, _authorities(spec.release_policy)])
    state = locks.find_state(KEYS, vault, name)
    approval = approvals.require_approval(
        grant=grant,
        act=GuardedOperation.KEY_IMPORT,
        guarded=vault.production,
        subject=KEYS.object_id(name.lower()),
        change={**change, "check value": digest[:16]},
        now=now,
        concerns=[UUID(state["object"])] if state["object"] else [],
        basis={**state, "content": content},
    )
    quota = quotas.creation_quota(hardware=spec.hardware)
    quotas.consume_quota(vault=vault, principal=grant.principal, quota=quota)
    public_key, blob, mac = brought.bind()
    version = brought.binding.version
    with added_version(
        KEYS,
        grant=grant,
        operation=Operation.KEY_IMPORT,
        vault=vault,
        name=name,
        version=version,
        recreates=approval is None,  # an approval is for the state that it names
    ) as key:
        if key.current_id is None:
            default_policy.inherit(key, now=now)
        basis = {**locks.describe_state(key), "content": content}
        approvals.consume(grant=grant, approval=approval, now=now, basis=basis)
        row = versions.add_version(key, spec, version=version, now=now)
        bound = {"public_key": public_key, "blob": blob, "mac": mac}
        versions.attach_protected_key(row, vault, kind=brought.binding, origin=brought.origin, **bound)
        Key.objects.filter(pk=key.pk).update(current=row)
    return queries.facts_of(row)


def _approve_release_policy(  # noqa: PLR0917  private, two callers
    grant: Grant, vault: Vault, name: str, policy: dict[str, Any], content: Any, now: datetime
) -> None:
    state = locks.find_state(KEYS, vault, name)
    with approvals.approved_operation(
        grant=grant,
        act=GuardedOperation.RELEASE_POLICY,
        guarded=vault.production,
        subject=KEYS.object_id(name.lower()),
        change={"release policy": policy},
        now=now,
        concerns=[UUID(state["object"])] if state["object"] else [],
        basis={**state, "content": digest_of(content), "authorities": _authorities(policy)},
    ):
        pass  # consumed by this call, even if the HSM then fails


def _approve_changed_policy(
    grant: Grant, vault: Vault, facts: KeyFacts, changes: dict[str, Any], now: datetime
) -> None:
    KEYS.check_unmanaged(facts)
    if changes["release_policy"] != facts.release_policy:
        _check_changes(facts, changes)
        _approve_release_policy(grant, vault, facts.name, changes["release_policy"], [facts.id, changes], now)


def _authorities(policy: dict[str, Any] | None) -> dict[str, str]:
    """What is trusted at the authorities that a policy names: part of what is approved with it."""
    return authority_states(release_policy.authorities(release_policy.parse(policy["data"]))) if policy else {}


def _check_changes(row: KeyFacts, changes: dict[str, Any]) -> None:
    rules.check_dates(changes.get("not_before", row.not_before), changes.get("expires", row.expires))
    if "operations" in changes:
        after = changes["operations"]
        rules.check_changed_operations(row.key_type, row.operations, after, parameter=row.parameter)
    if "release_policy" in changes:
        if not row.exportable:
            raise rules.BadKeyParameter("AKV.SKR.1005: Non-exportable keys must not have release policy.")
        release_policy.check_change(row.release_policy, changes["release_policy"])
