"""The worker's own checks before the HSM is used: permission, state of the object, and its vault.

The web process has made the same checks. This process trusts it to have authorised the caller, not to be free of bugs.
"""

import uuid
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from cachetools import LRUCache

from apps.core.errors import Forbidden
from apps.core.ttl_cache import ShortTtlCache
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client.protocol import (
    ImportWrappedKey,
    OpenDestination,
    RebindKey,
    ReleaseKey,
    SealCertificate,
    UnsealSecret,
    UseKey,
)
from apps.domain.identity.models import SigningKey
from apps.domain.keys import rules
from apps.domain.keys.kind import KeyNotFound
from apps.domain.keys.models import KeyVersion
from apps.domain.keys.operations.key_use import USES
from apps.domain.secrets.kind import SecretNotFound
from apps.domain.secrets.models import SecretVersion
from apps.domain.secrets.rules import check_read, seal_context
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import VaultSuspended, suspended_sentence
from apps.hsm.types import Binding, StoredKey
from apps.log_delivery import rules as delivery
from apps.log_delivery.models import LogDestination
from apps.log_delivery.queries import DestinationNotFound
from apps.workers.hsm_runtime.translation import make_binding
from apps.workers.hsm_worker import stored_keys


class WrongVault(Forbidden):
    """The object is not in the vault that the grant is for."""


class KeyState(NamedTuple):
    """The state of a key version, in the order of `_STATE_FIELDS`, and its binding; at most a second old."""

    key_type: str
    parameter: str
    operations: list[str]
    enabled: bool
    not_before: datetime | None
    expires: datetime | None
    vault: uuid.UUID
    rsa1_5_decrypt: bool
    suspended: bool
    protected_id: uuid.UUID
    binding: Binding  # of generation 0: the stored key knows its generation


class ProtectedKeyRow(NamedTuple):
    """The key material. It changes only with what is bound to it."""

    stored: StoredKey
    vault_key: StoredKey | None  # opens software-protected keys


class UsableKey(NamedTuple):
    state: KeyState
    protected: ProtectedKeyRow


class UsableSecret(NamedTuple):
    sealed: bytes
    context: bytes
    vault_key: StoredKey
    vault_id: str
    enabled: bool
    suspended: bool


class UsableDestination(NamedTuple):
    parts: list[tuple[bytes, bytes]]  # (context, sealed)
    vault_key: StoredKey


_STATE_FIELDS = (
    "key_type",
    "parameter",
    "operations",
    "enabled",
    "not_before",
    "expires",
    "key__vault_id",
    "key__vault__world__rsa1_5_decrypt",
    "key__vault__held",
    "protected_id",
)
_states: ShortTtlCache[KeyState] = ShortTtlCache(maxsize=10_000)
# Used by the HSM thread only, so without a lock.
_protected_keys: LRUCache[tuple[uuid.UUID, Binding], ProtectedKeyRow] = LRUCache(maxsize=10_000)
_secrets: ShortTtlCache[UsableSecret] = ShortTtlCache(maxsize=2_000)
_vault_keys: ShortTtlCache[StoredKey] = ShortTtlCache(maxsize=10_000)
_signing_keys: ShortTtlCache[StoredKey] = ShortTtlCache(maxsize=100)


def key_for_use(request: UseKey, *, now: datetime) -> tuple[UsableKey, str]:
    """The key version, and the operation of the permission.

    Raises the same errors as the web process: `KeyNotFound`, `WrongVault`, `KeyDisabled`, `KeyOutsideDates`,
    `KeyOperationForbidden`, `BadKeyParameter`.
    """
    key = _key_in_vault(request.key_version_id, request.vault_id)
    operation, _ = USES[Permission(request.permission)]
    rules.check_use(key.state, operation=operation, algorithm=request.algorithm, value=request.value, now=now)
    if request.algorithm == "RSA1_5" and operation in (rules.DECRYPT, rules.UNWRAP) and not key.state.rsa1_5_decrypt:
        raise rules.BadKeyParameter(
            "RSA1_5 decryption is switched off in this security world, because its padding leaks. Use RSA-OAEP-256."
        )
    return key, operation


def key_for_exchange(request: ImportWrappedKey, *, now: datetime) -> StoredKey:
    """The key exchange key of a BYOK import. Raises as `key_for_use` does."""
    key = _key_in_vault(request.kek_version_id, request.vault_id)
    rules.check_key_exchange_key(key.state, now=now)
    return key.protected.stored


def key_for_release(request: ReleaseKey) -> ProtectedKeyRow:
    """The key of a release; the HSM boundary checks that it is exportable.

    Raises `KeyDisabled`, `WrongVault`, `KeyNotFound`.
    """
    key = _key_in_vault(request.key_version_id, request.vault_id)
    if not key.state.enabled:
        raise rules.KeyDisabled("Operation release is not allowed on a disabled key.")
    return key.protected


def key_for_certificate(request: SealCertificate) -> ProtectedKeyRow:
    """The key of a certificate whose secret is being sealed."""
    _check_vault(_load_state(request.key_version_id).vault.hex, request.vault_id)
    return _load_protected_key(request.key_version_id)


def world_of(vault_id: str) -> tuple[str, int]:
    """(name, generation) of a vault's world, for the binding of a new key."""
    vault = Vault.objects.select_related("world").get(pk=uuid.UUID(vault_id))
    return vault.world.name, vault.world.generation


def key_for_rebinding(request: RebindKey) -> StoredKey:
    """The key version whose operations are about to change, read without the cache."""
    _check_vault(_load_state(request.key_version_id).vault.hex, request.vault_id)
    return _load_protected_key(request.key_version_id).stored


def secret_for_reading(request: UnsealSecret) -> UsableSecret:
    """The sealed secret version. Raises `SecretNotFound`, `WrongVault`, `SecretDisabled`."""
    if request.permission != Permission.SECRETS_GET:
        raise Forbidden("Reading a secret needs the permission secrets/get.")
    secret = _secrets.get(request.secret_version_id, lambda: _load_secret(request.secret_version_id))
    _check_vault(secret.vault_id, request.vault_id)
    _check_not_suspended(suspended=secret.suspended)
    check_read(enabled=secret.enabled)
    return secret


def destination_for_delivery(request: OpenDestination) -> UsableDestination:
    """The sealed values of a log destination. The contexts are built here, so that they open nothing else."""
    rows = LogDestination.whole.select_related("vault__world", "vault__key")
    row = rows.filter(pk=uuid.UUID(request.destination_id)).first()
    if row is None:
        raise DestinationNotFound("The log destination no longer exists.")
    _check_vault(row.vault_id.hex, request.vault_id)
    place = {"world": row.vault.world.name, "vault_id": row.vault_id.hex, "destination_id": row.pk.hex}
    parts = (("credentials", row.sealed), ("segments", row.sealed_secret))
    return UsableDestination(
        parts=[(delivery.seal_context(part=part, **place), bytes(value)) for part, value in parts],
        vault_key=stored_keys.key_of_vault(row.vault),
    )


def vault_key(vault_id: str) -> StoredKey:
    """The key of a vault."""

    def load() -> StoredKey:
        vault = Vault.objects.select_related("world", "key").get(pk=uuid.UUID(vault_id), key__isnull=False)
        return stored_keys.key_of_vault(vault)

    return _vault_keys.get(vault_id, load)


def signing_key(signing_key_id: str) -> StoredKey:
    """The authority's key."""

    def load() -> StoredKey:
        rows = SigningKey.objects.select_related("protected__world")
        row = rows.get(pk=uuid.UUID(signing_key_id), retired__isnull=True, protected__isnull=False)
        return stored_keys.key_of_signing_key(row)

    return _signing_keys.get(signing_key_id, load)


def key_version(key_version_id: str) -> UsableKey:
    """The version with its state, at most a second old, and its key, cached while what is bound stays the same.

    There are two caches because reading the state takes a small query and reading the key a large one (measured with
    a thousand keys in turn: benchmarks/README.md).
    """
    state = _states.get(key_version_id, lambda: _load_state(key_version_id))
    slot = (state.protected_id, state.binding)
    key = _protected_keys.get(slot)
    if key is None:
        key = _load_protected_key(key_version_id)
        if replace(key.stored.binding, generation=0) == state.binding:  # else the operations are changing right now
            _protected_keys[slot] = key
    return UsableKey(state, key)


def _key_in_vault(key_version_id: str, vault_id: str) -> UsableKey:
    key = key_version(key_version_id)
    _check_vault(key.state.vault.hex, vault_id)
    _check_not_suspended(suspended=key.state.suspended)
    return key


def _load_state(key_version_id: str) -> KeyState:
    rows = KeyVersion.objects.filter(
        pk=uuid.UUID(key_version_id), state=KeyVersion.State.READY, key__deleted__isnull=True
    )
    fields = (*_STATE_FIELDS, "key__vault__world__name", "key__folded_name", "version", "custody", "exportable")
    row = next(iter(rows.values_list(*fields, named=True)), None)
    if row is None:
        raise KeyNotFound("The key version is not there any more.")
    binding = make_binding(
        row, world=row.key__vault__world__name, generation=0, vault=row.key__vault_id.hex, name=row.key__folded_name
    )
    return KeyState(*row[: len(_STATE_FIELDS)], binding)


def _load_protected_key(key_version_id: str) -> ProtectedKeyRow:
    rows = KeyVersion.objects.select_related("key__vault__world", "key__vault__key", "protected")
    row = rows.get(pk=uuid.UUID(key_version_id))
    return ProtectedKeyRow(
        stored=stored_keys.key_of_version(row),
        vault_key=stored_keys.key_of_vault(row.key.vault) if row.custody == "software" else None,
    )


def _load_secret(secret_version_id: str) -> UsableSecret:
    rows = SecretVersion.objects.select_related("secret__vault__world", "secret__vault__key")
    row = rows.filter(pk=uuid.UUID(secret_version_id), secret__deleted__isnull=True).first()
    if row is None:
        raise SecretNotFound("The secret version is not there any more.")
    vault = row.secret.vault
    return UsableSecret(
        sealed=bytes(row.sealed),
        context=seal_context(world=vault.world.name, vault_id=vault.pk.hex, name=row.secret.name, version=row.version),
        vault_key=stored_keys.key_of_vault(vault),
        vault_id=vault.pk.hex,
        enabled=row.enabled,
        suspended=vault.held,
    )


def _check_not_suspended(*, suspended: bool) -> None:
    """A vault may forbid uses while its records cannot be delivered (apps/workers/log_delivery/fail_closed.py)."""
    if suspended:
        raise VaultSuspended(suspended_sentence())


def _check_vault(actual: str, granted: str) -> None:
    if actual != granted:
        raise WrongVault("The object is not in this vault.")
