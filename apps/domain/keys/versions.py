"""Rows of key versions, written in the transactions that create, import or renew keys and certificates."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from apps.domain.hsm_client.protocol import ImportedKeySpec
from apps.domain.keys import queries, rotation_policy, rules
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.keys.rules import NewKey
from apps.domain.security_worlds.models import ProtectedKey
from apps.domain.vaults.models import Vault
from apps.domain.vaults.rules import check_protection


def add_version(key: Key, spec: NewKey, *, version: str, now: datetime) -> KeyVersion:
    """Create a pending row, in the caller's transaction; for certificates too. Raises `NotInTestVault`."""
    check_protection(key.vault, hardware=spec.hardware)
    return KeyVersion.objects.create(
        key=key,
        version=version,
        custody=custody_of(spec),
        key_type=spec.key_type,
        parameter=spec.parameter,
        public_exponent=spec.public_exponent,
        operations=list(_operations(spec)),
        exportable=spec.exportable,
        release_policy=spec.release_policy,
        enabled=spec.enabled,
        not_before=spec.not_before,
        expires=spec.expires,
        tags=spec.tags or {},
        created=now,
        updated=now,
    )


def attach_protected_key(
    row: KeyVersion,
    vault: Vault,
    *,
    kind: ImportedKeySpec,
    origin: ProtectedKey.Origin,
    public_key: bytes,
    blob: bytes,
    mac: bytes,
) -> None:
    """Store the key that the HSM bound for a pending row, which is then ready; in the caller's transaction."""
    row.protected = ProtectedKey.objects.create(
        world=vault.world,
        generation=vault.world.generation,
        vault_id=vault.pk,
        origin=origin,
        public_key=public_key,
        blob=blob,
        mac=mac,
        **msgspec.structs.asdict(kind),
    )
    row.state = KeyVersion.State.READY
    row.save(update_fields=["protected", "state"])


def next_version_of(current: KeyVersion, *, now: datetime, disabled_too: bool = False) -> NewKey:
    """The version that a rotation creates. Raises `KeyDisabled`, unless `disabled_too`: after an emergency."""
    if not current.enabled and not disabled_too:
        raise rules.KeyDisabled("Operation rotate is not allowed on a disabled key.")
    policy = queries.find_rotation_policy(current.key)
    return NewKey(
        key_type=current.key_type,
        hardware=current.hardware,
        parameter=current.parameter,
        operations=tuple(current.operations),
        tags=current.tags,
        expires=rotation_policy.expiry_of(policy.expiry_time, created=now) if policy else None,
        public_exponent=current.public_exponent,
        exportable=current.exportable,
        release_policy=current.release_policy,
    )


def binding_of(spec: NewKey, *, name: str, version: str) -> ImportedKeySpec:
    """The facts that the HSM binds to an imported key."""
    return ImportedKeySpec(
        name=name.lower(),
        version=version,
        custody=custody_of(spec),
        key_type=spec.key_type,
        parameter=spec.parameter,
        operations=sorted(_operations(spec)),
        exportable=spec.exportable,
    )


def custody_of(spec: NewKey) -> str:
    """The custody as rows and bindings name it."""
    return "wrapped" if spec.hardware else "software"


def _operations(spec: NewKey) -> Sequence[str]:
    return spec.operations if spec.operations is not None else rules.default_operations(spec.key_type, spec.parameter)
