"""Rows that the worker needs before the HSM is used, with the checks of their state."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db.models import Q

from apps.core.change_feed import Topic
from apps.core.errors import Conflict
from apps.core.leased_cache import LeasedCache
from apps.core.lru_cache import LruCache
from apps.core.sql import select_prepared
from apps.domain.decisions.decision import is_well_formed
from apps.domain.hsm_client.protocol import OpenDestination, OpenWebhook, ReleaseKey, Request, UnsealSecret, UseKey
from apps.domain.identity.models import SigningKey
from apps.domain.keys import queries, rules
from apps.domain.keys.kind import KEYS
from apps.domain.keys.models import KeyVersion
from apps.domain.secrets.kind import SECRETS, SecretNotFound
from apps.domain.secrets.queries import SecretFacts, SecretName, find_all_facts, find_facts
from apps.domain.secrets.rules import seal_context
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import peek_id
from apps.event_delivery import rules as webhooks
from apps.event_delivery.models import SigningSecret, Subscription
from apps.event_delivery.queries import SubscriptionNotFound
from apps.hsm.types import Binding, Custody, Origin, StoredKey
from apps.log_delivery import rules as delivery
from apps.log_delivery.models import LogDestination
from apps.log_delivery.queries import DestinationNotFound
from apps.workers.hsm_runtime.translation import make_binding
from apps.workers.hsm_worker import stored_keys

_MOST_SECRETS = 3  # of a webhook that sign at once


class VersionExists(Conflict):
    """Another key is bound, or another value sealed, for this version."""


class KeyState(NamedTuple):
    """The state and the binding of a key version, in the order of `_STATE_OF_VERSION`."""

    id: uuid.UUID
    name: str  # as first written
    version: str
    key_type: str
    parameter: str
    operations: list[str]
    enabled: bool
    not_before: datetime | None
    expires: datetime | None
    rsa1_5_decrypt: bool
    protected_id: uuid.UUID
    rehearsed_until: datetime | None
    refused_until: datetime | None
    refused_percent: int
    binding: Binding  # of generation 0 and no origin: the stored key knows both

    @property
    def hardware(self) -> bool:
        """True when the key is used inside the HSM only."""
        return self.binding.custody is Custody.WRAPPED


class ProtectedKeyRow(NamedTuple):
    """The key material. It changes only with what is bound to it."""

    stored: StoredKey
    vault_key: StoredKey | None  # opens software-protected keys


class UsableKey(NamedTuple):
    state: KeyState
    protected: ProtectedKeyRow


class SealedSecret(NamedTuple):
    sealed: bytes
    context: bytes
    vault_key: StoredKey


class UsableDestination(NamedTuple):
    vault: Vault
    parts: list[tuple[bytes, bytes]]  # (context, sealed)
    vault_key: StoredKey
    name: str = ""  # of a webhook


class _Place(NamedTuple):
    """What else the binding of a version covers."""

    version: str
    key_type: str
    parameter: str
    operations: list[str]
    custody: str
    exportable: bool


_STATE_OF_VERSION = """
    SELECT v.id, k.name, v.version, v.key_type, v.parameter, v.operations, v.enabled, v.not_before, v.expires,
        w.rsa1_5_decrypt, v.protected_id, v.rehearsed_until, v.refused_until, v.refused_percent,
        w.name, k.folded_name, v.custody, v.exportable
    FROM keys_keyversion v JOIN keys_key k ON k.id = v.key_id JOIN vaults_vault t ON t.id = k.vault_id
        JOIN worlds_securityworld w ON w.id = t.world_id
    WHERE v.state = 'ready' AND k.deleted IS NULL AND k.vault_id = %s AND k.folded_name = %s AND v.version = %s"""
# The binding is made from the row that uses the key; of the stored key come its generation, its origin and what the
# HMAC covers.
_PROTECTED_KEY = """
    SELECT v.version, v.key_type, v.parameter, v.operations, v.custody, v.exportable, k.folded_name, w.name,
        p.generation, p.origin, p.restored, p.public_key, p.blob, p.mac
    FROM keys_keyversion v JOIN keys_key k ON k.id = v.key_id JOIN vaults_vault t ON t.id = k.vault_id
        JOIN worlds_securityworld w ON w.id = t.world_id JOIN worlds_protectedkey p ON p.id = v.protected_id
    WHERE v.id = %s AND k.vault_id = %s"""
_SEALED = """
    SELECT v.sealed FROM secrets_secretversion v JOIN secrets_secret s ON s.id = v.secret_id
    WHERE v.id = %s AND s.vault_id = %s"""
_SEALED_VERSION = """
    SELECT 1 FROM secrets_secretversion v JOIN secrets_secret s ON s.id = v.secret_id
    WHERE s.vault_id = %s AND s.folded_name = %s AND v.version = %s"""
_ID = re.compile(r"[0-9a-f]{32}")
_KNOWN_TO_STORED_KEY: dict[str, Any] = {"generation": 0, "origin": Origin.UNRECORDED, "restored": False}
_usable_keys: LeasedCache[UsableKey] = LeasedCache(Topic.OBJECTS, maxsize=100_000)
# Used by the HSM thread only, so without a lock.
_protected_keys: LruCache[tuple[uuid.UUID, Binding], ProtectedKeyRow] = LruCache(maxsize=100_000)
_secrets: LeasedCache[SealedSecret] = LeasedCache(Topic.OBJECTS, maxsize=2_000)
_vault_keys: LeasedCache[StoredKey] = LeasedCache(Topic.VAULTS, maxsize=10_000)
_signing_keys: LeasedCache[StoredKey] = LeasedCache(Topic.APPLICATIONS, maxsize=100)
_facts_of_batch: dict[SecretName, SecretFacts] = {}  # of the batch that is served now


def key_for_use(vault: Vault, request: UseKey, *, operation: str, now: datetime) -> tuple[UsableKey, str]:
    """The key version that a caller names ("": the current one), for one use, and the algorithm.

    Raises `KeyNotFound`, `KeyDisabled`, `KeyInBrownOut`, `KeyOutsideDates`, `KeyOperationForbidden`,
    `BadKeyParameter`.
    """
    key = named_key(vault, request.name, request.version)
    state, value = key.state, request.value
    algorithm = request.algorithm or rules.only_algorithm(state, operation)
    rules.check_use(state, operation=operation, algorithm=algorithm, value=value, now=now)
    if state.refused_until is not None:
        rules.check_brown_out(state, operation=operation, request_id=request.context.request_id, now=now)
    if request.message_context or request.external_mu:
        rules.check_message(state, value=value, context=request.message_context, external_mu=request.external_mu)
    allowed = vault.rsa1_5 or state.rsa1_5_decrypt
    if algorithm == "RSA1_5" and operation in (rules.DECRYPT, rules.UNWRAP) and not allowed:
        raise rules.BadKeyParameter(
            f"RSA1_5 decryption is off in the vault {vault.name}, because the padding leaks. Use RSA-OAEP-256, or have "
            f"it turned on: portal vault set {vault.name} --rsa1-5."
        )
    return key, algorithm


def named_key(vault: Vault, name: str, version: str) -> UsableKey:
    """A ready version by the names of a request. Which one is current is read now. Raises `KeyNotFound`."""
    version = version.lower() or queries.current_version(vault.pk, name)
    return _usable_keys.get(
        (vault.id, name.lower(), version), lambda: _with_key(vault, _load_state(vault, name, version))
    )


def key_for_exchange(vault: Vault, name: str, version: str, *, now: datetime, key_type: str = "RSA") -> ProtectedKeyRow:
    """The key exchange key of a BYOK import, of this type. Raises as `key_for_use` does."""
    key = named_key(vault, name, version)
    rules.check_key_exchange_key(key.state, now=now, key_type=key_type)
    return key.protected


def key_read_now(vault: Vault, name: str, version: str) -> tuple[KeyState, ProtectedKeyRow]:
    """A version whose operations or certificate change at this moment, without the caches. Raises `KeyNotFound`."""
    state = _load_state(vault, name, version.lower())
    return state, _load_protected_key(vault, state)


def is_taken(vault: Vault, name: str, version: str) -> bool:
    """True when the vault has this version of a key already."""
    rows = KeyVersion.objects.filter(key__vault_id=vault.pk, key__folded_name=name.lower(), version=version.lower())
    return rows.exists()


def new_secret_version(vault: Vault, name: str, version: str) -> str:
    """The version in lower case. Raises `VersionExists` if the vault has it, `SecretNotFound` for none.

    What was sealed stays: a value is exchanged only by a new version, which is in the log.
    """
    version = version.lower()
    if not version:
        raise SECRETS.not_found(name)
    if select_prepared(_SEALED_VERSION, (vault.pk, name.lower(), version)):
        raise VersionExists("The vault has this version of the secret already.")
    return version


def context_of_destination(vault: Vault, destination_id: str, part: str) -> bytes:
    """The context of a part of a log destination or a webhook. Raises `DestinationNotFound` for what cannot exist."""
    if part not in (*delivery.SEALED_PARTS, webhooks.SEALED_PART) or not _ID.fullmatch(destination_id):
        raise DestinationNotFound("There is no such log destination.")
    place = {"world": vault.world.name, "vault_id": vault.pk.hex, "destination_id": destination_id}
    return delivery.seal_context(part=part, **place)


def key_for_release(vault: Vault, request: ReleaseKey, *, now: datetime) -> UsableKey:
    """The key of a release. Raises `KeyDisabled`, `KeyInBrownOut`, `KeyNotFound`, `KeyOperationForbidden`."""
    key = named_key(vault, request.name, request.version)
    rules.check_release(enabled=key.state.enabled, exportable=key.state.binding.exportable)
    rules.check_brown_out(key.state, operation="release", request_id=request.context.request_id, now=now)
    return key


def world_of(vault_id: str) -> tuple[str, int]:
    """(name, generation) of a vault's world, for the binding of a new key."""
    vault = Vault.objects.select_related("world").get(pk=uuid.UUID(vault_id))
    return vault.world.name, vault.world.generation


def sealed_secret(vault: Vault, facts: SecretFacts) -> SealedSecret:
    """The sealed value of a version. Raises `SecretNotFound`."""

    def load() -> SealedSecret:
        rows = select_prepared(_SEALED, (facts.id, vault.pk))
        if not rows:
            raise SecretNotFound("The secret version is not there any more.")
        place = {"world": vault.world.name, "vault_id": vault.pk.hex, "name": facts.name, "version": facts.version}
        return SealedSecret(bytes(rows[0][0]), seal_context(**place), vault_key(vault.pk.hex))

    return _secrets.get((vault.pk, facts.id), load)


def read_ahead(requests: Sequence[Request]) -> None:
    """Read the facts of all secrets that a batch asks for in one statement, after its requests have arrived.

    `secret_facts` reads what cannot be read here, and raises its errors. Raises `django.db.Error`.
    """
    _facts_of_batch.clear()
    wanted = [request for request in requests if type(request) is UnsealSecret]
    names = {
        SecretName.of(vault_id, request.name, request.version)
        for request in wanted
        if is_well_formed(request.name, request.version) and (vault_id := peek_id(name=request.vault_name))
    }
    if len(names) > 1:
        _facts_of_batch.update(find_all_facts(names))


def secret_facts(vault: Vault, name: str, version: str) -> SecretFacts:
    """The facts of a version, as they were when the batch began. Raises `SecretNotFound`."""
    read = _facts_of_batch.get(SecretName.of(vault.pk, name, version))
    return read or find_facts(vault_id=vault.pk, name=name, version=version)


def destination_for_delivery(request: OpenDestination) -> UsableDestination:
    """The sealed values of a log destination. The contexts are built here, so that they open nothing else."""
    rows = LogDestination.whole.select_related("vault__world", "vault__key")
    row = rows.filter(pk=uuid.UUID(request.destination_id)).first()
    if row is None:
        raise DestinationNotFound("The log destination no longer exists.")
    place = {"world": row.vault.world.name, "vault_id": row.vault_id.hex, "destination_id": row.pk.hex}
    parts = (("credentials", row.sealed), ("segments", row.sealed_secret))
    return UsableDestination(
        vault=row.vault,
        parts=[(delivery.seal_context(part=part, **place), bytes(value)) for part, value in parts],
        vault_key=stored_keys.key_of_vault(row.vault),
    )


def webhook_secrets(request: OpenWebhook, *, now: datetime) -> UsableDestination:
    """The sealed secrets that sign for a webhook now, the newest first."""
    rows = Subscription.objects.select_related("vault__world", "vault__key")
    row = rows.filter(pk=uuid.UUID(request.subscription_id)).first()
    if row is None:
        raise SubscriptionNotFound("The webhook no longer exists.")
    secrets = SigningSecret.objects.filter(Q(until__isnull=True) | Q(until__gt=now), subscription=row)
    context = context_of_destination(row.vault, row.pk.hex, webhooks.SEALED_PART)
    parts = [(context, bytes(secret.sealed)) for secret in secrets.order_by("-created")[:_MOST_SECRETS]]
    return UsableDestination(row.vault, parts, stored_keys.key_of_vault(row.vault), row.name)


def vault_key(vault_id: str) -> StoredKey:
    """The key of a vault."""

    def load() -> StoredKey:
        vault = Vault.objects.select_related("world", "key").get(pk=uuid.UUID(vault_id), key__isnull=False)
        return stored_keys.key_of_vault(vault)

    return _vault_keys.get(vault_id, load)


def signing_key(row: SigningKey) -> StoredKey:
    """The key of the token authority, of a row with its protected key."""
    return _signing_keys.get(row.pk, lambda: stored_keys.key_of_signing_key(row))


def _with_key(vault: Vault, state: KeyState) -> UsableKey:
    """The state with the stored key, which is cached while what is bound stays the same.

    There are two caches because reading the state takes a small query and reading the key a large one (measured with
    a thousand keys in turn: benchmarks/README.md).
    """
    slot = (state.protected_id, state.binding)
    key = _protected_keys.get(slot)
    if key is None:
        key = _load_protected_key(vault, state)
        # Otherwise the operations are changing right now.
        if replace(key.stored.binding, **_KNOWN_TO_STORED_KEY) == state.binding:
            _protected_keys.put(slot, key)
    return UsableKey(state, key)


def _load_state(vault: Vault, name: str, version: str) -> KeyState:
    rows = select_prepared(_STATE_OF_VERSION, (vault.pk, name.lower(), version))
    if not rows:
        raise KEYS.not_found(name, version)
    *state, world, folded_name, custody, exportable = rows[0]
    operations = state[5] = orjson.loads(state[5])
    row = _Place(state[2], state[3], state[4], operations, custody, exportable)
    binding = make_binding(row, world=world, generation=0, vault=vault.pk.hex, name=folded_name)
    return KeyState._make((*state, binding))


def _load_protected_key(vault: Vault, state: KeyState) -> ProtectedKeyRow:
    rows = select_prepared(_PROTECTED_KEY, (state.id, vault.pk))
    if not rows:
        raise KEYS.not_found(state.name, state.version)
    *place, folded_name, world, generation, origin, restored, public_key, blob, mac = rows[0]
    place[3] = orjson.loads(place[3])
    row = _Place(*place)
    binding = make_binding(
        row,
        world=world,
        generation=generation,
        vault=vault.pk.hex,
        name=folded_name,
        origin=origin,
        restored=restored,
    )
    return ProtectedKeyRow(
        stored=StoredKey(binding, public_key=bytes(public_key), blob=bytes(blob), mac=bytes(mac)),
        vault_key=vault_key(vault.pk.hex) if row.custody == "software" else None,
    )
