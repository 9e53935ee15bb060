"""Rotation policies, and carrying them out on the scheduler's tick.

What is due, PostgreSQL says from the policy's durations and the current version's dates; a row that another scheduler
holds is left out (SKIP LOCKED), and a row that acted remembers for which version, so that each acts once.
"""

import logging
from datetime import datetime, timedelta

from django.db import connection, transaction

from apps.audit_log.operation_names import Operation
from apps.core.errors import VaultError
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant, Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.keys import queries, rotation_policy, versions
from apps.domain.keys.models import Key, KeyVersion, RotationPolicy
from apps.domain.keys.operations import creation
from apps.domain.keys.rotation_policy import Policy
from apps.domain.objects import soft_delete
from apps.domain.vaults.models import Vault

logger = logging.getLogger(__name__)

TRY_AGAIN = timedelta(minutes=10)  # a rotation whose job failed is begun anew
_BATCH = 100

# %(now)s is the scheduler's clock, so that tests can let a year pass. An interval of '' would be an error: NULLIF.
_DUE = """
    SELECT p.key_id FROM keys_rotationpolicy p
    JOIN keys_key k ON k.id = p.key_id AND k.deleted IS NULL AND NOT k.managed
    JOIN keys_keyversion v ON v.id = k.current_id
    WHERE {condition} ORDER BY p.key_id LIMIT %(limit)s FOR UPDATE OF p SKIP LOCKED"""
_ROTATION_DUE = _DUE.format(
    condition="""v.enabled
    AND (p.rotated_for IS DISTINCT FROM v.id OR p.rotated_at < %(again)s)
    AND (v.created + NULLIF(p.rotate_after_create, '')::interval <= %(now)s
         OR v.expires - NULLIF(p.rotate_before_expiry, '')::interval <= %(now)s)"""
)
_NOTICE_DUE = _DUE.format(
    condition="""p.notified_for IS DISTINCT FROM v.id
    AND v.expires - NULLIF(p.notify_before_expiry, '')::interval <= %(now)s"""
)


def set_policy(*, grant: Grant, vault: Vault, name: str, policy: Policy, now: datetime) -> RotationPolicy:
    """Give a key a rotation policy in place of the one it has. Raises `KeyNotFound`, `BadRotationPolicy`."""
    grant.require(Permission.KEYS_SET_ROTATION_POLICY, vault_id=vault.pk)
    policy = rotation_policy.validate_rotation_policy(policy)
    key = queries.get_version(vault_id=vault.pk, name=name).key
    soft_delete.check_unmanaged(key, kind="key")
    values = {field: getattr(policy, field) for field in policy.__dataclass_fields__}
    with transaction.atomic():
        row, _ = RotationPolicy.objects.update_or_create(
            key=key,
            defaults={**values, "updated": now},
            create_defaults={**values, "created": now, "updated": now},
        )
        append_change(grant, operation=Operation.KEY_ROTATION_POLICY_SET, object_id=f"keys/{key.name}")
    return row


def rotate_due(*, grant: Grant, now: datetime) -> int:
    """Begin a rotation for every key whose policy says so. Returns how many; the jobs finish by themselves.

    Two schedulers at once are harmless. A key that cannot be rotated now is left for the next look.
    """
    grant.require(Permission.VAULTS_SWEEP)
    count = 0
    with transaction.atomic():
        for key in _claimed(_ROTATION_DUE, now):
            current = key.current
            if current is None:
                continue
            RotationPolicy.objects.filter(key=key).update(rotated_for=current.pk, rotated_at=now)
            count += _begin(key, current, now)
    return count


def notify_due(*, grant: Grant, now: datetime) -> int:
    """Record, once a version, that its expiry is near. Returns how many."""
    grant.require(Permission.VAULTS_SWEEP)
    count = 0
    with transaction.atomic():
        for key in _claimed(_NOTICE_DUE, now):
            if key.current is None:
                continue
            RotationPolicy.objects.filter(key=key).update(notified_for=key.current.pk)
            append_change(
                _grant_at(key),
                operation=Operation.KEY_NEAR_EXPIRY,
                object_id=f"keys/{key.name}/{key.current.version}",
            )
            count += 1
    return count


def _claimed(sql: str, now: datetime) -> list[Key]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"now": now, "again": now - TRY_AGAIN, "limit": _BATCH})
        ids = [row[0] for row in cursor.fetchall()]
    return list(Key.objects.filter(pk__in=ids).select_related("current__key", "vault__world").order_by("pk"))


def _begin(key: Key, current: KeyVersion, now: datetime) -> int:
    """One rotation; a key that refuses (it was deleted in this moment) does not hold the others up."""
    try:
        with transaction.atomic():
            spec = versions.next_version_of(current, now=now)
            creation.start_creation(
                grant=_grant_at(key),
                vault=key.vault,
                name=key.name,
                spec=spec,
                operation=Operation.KEY_ROTATE_IF_DUE,
                now=now,
            )
    except VaultError as error:
        logger.warning("The key %s was not rotated: %s", key.pk, type(error).__name__)
        return 0
    return 1


def _grant_at(key: Key) -> Grant:
    scope = Scope.of(key.vault, "key", key.name)
    return system_grant(Permission.VAULTS_SWEEP, scope=scope, origin="scheduler")
