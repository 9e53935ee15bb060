"""Making and using keys. Every function demands a `Grant`.

Changes to the HSM go begin -> perform -> finish: the row and the attempt are committed here, an HSM worker makes
the key and commits it with the outcome, and only then does the caller hear of it. Uses go over the lane.
"""

from datetime import datetime
from typing import Any, NamedTuple

from django.db import transaction

from apps.access.grants import Grant
from apps.access.permissions import Permission
from apps.access.recording import append_attempt, append_change
from apps.core.ids import new_version
from apps.jobs import dispatch
from apps.jobs.facts import facts_of
from apps.jobs.lane import HsmUnavailable
from apps.jobs.messages import RebindKey, UseKey
from apps.jobs.models import Job
from apps.keys import queries, rules
from apps.keys.models import Key, KeyVersion
from apps.keys.rules import NewKey
from apps.vaults.models import Vault
from apps.worlds.models import ProtectedKey

_UPDATABLE = frozenset({"enabled", "not_before", "expires", "tags"})


class UseResult(NamedTuple):
    """What a use gave, and which version gave it."""

    version: queries.VersionFacts
    value: bytes
    iv: bytes = b""
    tag: bytes = b""


def create(*, grant: Grant, vault: Vault, name: str, spec: NewKey, now: datetime) -> KeyVersion:
    """Make a key, or a new version of it if the name exists. Returns when it is usable.

    Raises `BadKeyParameter`, `HsmUnavailable`, `JobPending`.
    """
    grant.require(Permission.KEYS_CREATE, vault_id=vault.pk)
    rules.check_new(spec)
    return _make(grant=grant, vault=vault, name=name, spec=spec, operation="KeyCreate", now=now)


def rotate(*, grant: Grant, vault: Vault, name: str, now: datetime) -> KeyVersion:
    """Make a new version like the current one. Raises `KeyNotFound`, `KeyDisabled`, `HsmUnavailable`, `JobPending`."""
    grant.require(Permission.KEYS_ROTATE, vault_id=vault.pk)
    current = queries.get_version(vault_id=vault.pk, name=name)
    if not current.enabled:
        raise rules.KeyDisabled("Operation rotate is not allowed on a disabled key.")
    spec = NewKey(
        key_type=current.key_type,
        hardware=current.custody == "wrapped",
        parameter=current.parameter,
        operations=tuple(current.operations),
        tags=current.tags,
    )
    return _make(grant=grant, vault=vault, name=current.key.name, spec=spec, operation="KeyRotate", now=now)


def update(
    *, grant: Grant, vault: Vault, name: str, version: str, changes: dict[str, Any], now: datetime
) -> KeyVersion:
    """Change attributes of a version; what `changes` does not name stays.

    `changes` may hold enabled, not_before, expires, tags and operations. Raises `KeyNotFound`, `BadKeyParameter`,
    and `HsmUnavailable` when operations change, for the HSM binds those to the key.
    """
    grant.require(Permission.KEYS_UPDATE, vault_id=vault.pk)
    row = queries.get_version(vault_id=vault.pk, name=name, version=version)
    changes = {field: value for field, value in changes.items() if value is not None}
    rules.check_dates(changes.get("not_before", row.not_before), changes.get("expires", row.expires))
    operations = changes.get("operations")
    if operations is not None:
        rules.check_operations(row.key_type, operations)
    with transaction.atomic():
        row = KeyVersion.objects.select_for_update(of=("self",)).select_related("key", "protected").get(pk=row.pk)
        if operations is not None and list(operations) != row.operations:
            _rebind(grant, vault, row, list(operations))
        for field in changes.keys() & _UPDATABLE:
            setattr(row, field, changes[field])
        row.updated = now
        row.save(update_fields=[*(changes.keys() & _UPDATABLE), "operations", "updated"])
        append_change(grant, operation="KeyUpdate", object_id=_object_id(row), changed=sorted(changes))
    queries.forget(vault_id=vault.pk, name=name, version=row.version)
    return row


def sign(
    *, grant: Grant, vault: Vault, name: str, version: str, algorithm: str, digest: bytes, now: datetime
) -> UseResult:
    """Sign a digest. Signature: RFC 8017 for RS/PS, raw r||s for ES (RFC 7518 section 3.4)."""
    return _use(Permission.KEYS_SIGN, _Use(grant, vault, name, version, algorithm, digest, now))


def verify(
    *,
    grant: Grant,
    vault: Vault,
    name: str,
    version: str,
    algorithm: str,
    digest: bytes,
    signature: bytes,
    now: datetime,
) -> bool:
    """Whether the signature over the digest is good; a wrong one is an answer, not an error."""
    use = _Use(grant, vault, name, version, algorithm, digest, now, signature)
    result = _use(Permission.KEYS_VERIFY, use)
    return result.value == b"\x01"


def encrypt(
    *, grant: Grant, vault: Vault, name: str, version: str, algorithm: str, value: bytes, now: datetime
) -> UseResult:
    """Encrypt one block of data."""
    return _use(Permission.KEYS_ENCRYPT, _Use(grant, vault, name, version, algorithm, value, now))


def decrypt(
    *, grant: Grant, vault: Vault, name: str, version: str, algorithm: str, value: bytes, now: datetime
) -> UseResult:
    """Decrypt one block of data. A ciphertext that does not open is `BadKeyParameter`, whatever is wrong with it."""
    return _use(Permission.KEYS_DECRYPT, _Use(grant, vault, name, version, algorithm, value, now))


def wrap_key(
    *, grant: Grant, vault: Vault, name: str, version: str, algorithm: str, value: bytes, now: datetime
) -> UseResult:
    """Encrypt a key that the caller brings."""
    return _use(Permission.KEYS_WRAP, _Use(grant, vault, name, version, algorithm, value, now))


def unwrap_key(
    *, grant: Grant, vault: Vault, name: str, version: str, algorithm: str, value: bytes, now: datetime
) -> UseResult:
    """Decrypt a key that was wrapped under this one."""
    return _use(Permission.KEYS_UNWRAP, _Use(grant, vault, name, version, algorithm, value, now))


# The verb of a use: permission -> (name in key_ops, name in the audit record). The worker reads it too.
USES: dict[Permission, tuple[str, str]] = {
    Permission.KEYS_SIGN: (rules.SIGN, "KeySign"),
    Permission.KEYS_VERIFY: (rules.VERIFY, "KeyVerify"),
    Permission.KEYS_ENCRYPT: (rules.ENCRYPT, "KeyEncrypt"),
    Permission.KEYS_DECRYPT: (rules.DECRYPT, "KeyDecrypt"),
    Permission.KEYS_WRAP: (rules.WRAP, "KeyWrap"),
    Permission.KEYS_UNWRAP: (rules.UNWRAP, "KeyUnwrap"),
}


class _Use(NamedTuple):
    grant: Grant
    vault: Vault
    name: str
    version: str
    algorithm: str
    value: bytes
    now: datetime
    signature: bytes = b""


def _use(permission: Permission, use: _Use) -> UseResult:
    """Check the rules here, then ask the world's lane, which checks them again."""
    grant, vault = use.grant, use.vault
    grant.require(permission, vault_id=vault.pk)
    operation, record_name = USES[permission]
    facts = queries.find_facts(vault_id=vault.pk, name=use.name, version=use.version)
    rules.check_use(facts, operation=operation, algorithm=use.algorithm, value=use.value, now=use.now)
    answer = dispatch.call(
        world=vault.world.name,
        request=UseKey(
            expires_at=grant.request.expires_at,
            facts=facts_of(
                grant,
                operation=record_name,
                object_id=f"keys/{facts.name}/{facts.version}",
                algorithm=use.algorithm,
            ),
            permission=permission,
            vault_id=vault.pk.hex,
            key_version_id=facts.id.hex,
            algorithm=use.algorithm,
            value=use.value,
            signature=use.signature,
        ),
    )
    return UseResult(facts, answer)


def _make(*, grant: Grant, vault: Vault, name: str, spec: NewKey, operation: str, now: datetime) -> KeyVersion:
    """Begin: the pending row, the attempt and the job, in one transaction. Then wait for the worker's finish."""
    with transaction.atomic():
        key, _ = Key.objects.get_or_create(vault=vault, folded_name=name.lower(), defaults={"name": name})
        row = KeyVersion.objects.create(
            key=key,
            version=new_version(),
            custody="wrapped" if spec.hardware else "software",
            key_type=spec.key_type,
            parameter=spec.parameter,
            operations=list(
                spec.operations if spec.operations is not None else rules.DEFAULT_OPERATIONS[spec.key_type]
            ),
            enabled=spec.enabled,
            not_before=spec.not_before,
            expires=spec.expires,
            tags=spec.tags or {},
            created=now,
            updated=now,
        )
        object_id = f"keys/{key.name}/{row.version}"
        append_attempt(grant, operation=operation, object_id=object_id)
        job = dispatch.submit(
            grant=grant,
            kind="hsm.generate_key",
            operation=operation,
            world=vault.world.name,
            subject=("keyversion", row.pk),
            object_id=object_id,
            now=now,
        )
    _wait(job, row)
    queries.forget(vault_id=vault.pk, name=name)
    return queries.get_version(vault_id=vault.pk, name=name, version=row.version)


def _wait(job: Job, row: KeyVersion) -> None:
    try:
        dispatch.wait(job)
    except HsmUnavailable:
        KeyVersion.objects.filter(pk=row.pk, state=KeyVersion.State.PENDING).update(state=KeyVersion.State.FAILED)
        raise


def _rebind(grant: Grant, vault: Vault, row: KeyVersion, operations: list[str]) -> None:
    """Have the HSM bind the key to its new operations; store the new binding with the change."""
    blob, mac = dispatch.call(
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


def _object_id(row: KeyVersion) -> str:
    return f"keys/{row.key.name}/{row.version}"
