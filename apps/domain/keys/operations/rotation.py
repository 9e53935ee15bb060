"""Rotation policies, and carrying them out when the scheduler runs.

`rotation_policy.KeySchedule` decides when something is due, as in the calendar: its dates are stored with the policy,
and PostgreSQL selects by them. A row that another scheduler has locked is left out (SKIP LOCKED), and a policy
remembers the version that it acted for: it acts once.
"""

import logging
from datetime import datetime, timedelta

from django.db import connection, transaction

from apps.audit_log.operation_names import Operation
from apps.core.errors import VaultError
from apps.domain.access.changes import recorded_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import scheduled_grant
from apps.domain.keys import rotation_policy, versions
from apps.domain.keys.kind import KEYS
from apps.domain.keys.models import Key, KeyVersion, RotationPolicy
from apps.domain.keys.operations import creation
from apps.domain.keys.rotation_policy import KeySchedule, RotationPolicyValues
from apps.domain.objects.schedule import Event, facts_of
from apps.domain.vaults.models import Vault

logger = logging.getLogger(__name__)

RETRY_AFTER = timedelta(minutes=10)  # a rotation whose job failed is started again
_BATCH, _PLANNED_BATCH = 100, 1000

# %(now)s is the scheduler's clock, so that tests can let a year pass.
_POLICIES = """
    SELECT p.key_id FROM keys_rotationpolicy p
    JOIN keys_key k ON k.id = p.key_id AND k.deleted IS NULL AND NOT k.managed
    JOIN vaults_vault t ON t.id = k.vault_id AND t.deleted IS NULL
    JOIN keys_keyversion v ON v.id = k.current_id
    WHERE {condition} ORDER BY p.key_id LIMIT %(limit)s FOR UPDATE OF p SKIP LOCKED"""
_IS_PLANNED = """(p.planned_for, p.planned_policy, p.planned_enabled, p.planned_expires)
    IS NOT DISTINCT FROM (v.id, p.updated, v.enabled, v.expires)"""
_NOT_PLANNED = _POLICIES.format(condition=f"NOT {_IS_PLANNED}")
_ROTATION_DUE = _POLICIES.format(
    condition=f"""p.rotation_due <= %(now)s AND {_IS_PLANNED}
    AND (p.rotated_for IS DISTINCT FROM v.id OR p.rotated_at < %(again)s)"""
)
_NOTICE_DUE = _POLICIES.format(
    condition=f"p.notice_due <= %(now)s AND {_IS_PLANNED} AND p.notified_for IS DISTINCT FROM v.id"
)
_PLANNED = ("rotation_due", "notice_due", "planned_for", "planned_enabled", "planned_expires", "planned_policy")


def set_policy(*, grant: Grant, vault: Vault, name: str, policy: RotationPolicyValues, now: datetime) -> RotationPolicy:
    """Replace the rotation policy of a key. Raises `KeyNotFound`, `BadRotationPolicy`."""
    grant.require(Permission.KEYS_SET_ROTATION_POLICY, vault_id=vault.pk)
    policy = rotation_policy.validate_rotation_policy(policy)
    key = KEYS.get_version(vault.pk, name).key
    KEYS.check_unmanaged(key)
    values = {field: getattr(policy, field) for field in policy.__dataclass_fields__}
    with recorded_change(grant, Operation.KEY_ROTATION_POLICY_SET, object_id=KEYS.object_id(key.name)):
        row, _ = RotationPolicy.objects.update_or_create(
            key=key,
            defaults={**values, "inherited": False, "updated": now},
            create_defaults={**values, "created": now, "updated": now},
        )
    return row


def plan_changed(*, grant: Grant, now: datetime) -> int:
    """Store the dates of policies that changed, or whose key has another version or expiry. Returns how many."""
    grant.require(Permission.VAULTS_SWEEP)
    count = 0
    while True:
        with transaction.atomic():
            pairs = _claim(_NOT_PLANNED, now, limit=_PLANNED_BATCH)
            policies = RotationPolicy.objects.in_bulk([key.pk for key, _ in pairs])
            for key, current in pairs:
                _plan(policies[key.pk], key, current)
            RotationPolicy.objects.bulk_update(policies.values(), _PLANNED)
        count += len(pairs)
        if len(pairs) < _PLANNED_BATCH:
            return count


def rotate_due(*, grant: Grant, now: datetime) -> int:
    """Start a rotation of every key whose policy demands one. Returns how many; HSM workers finish the jobs.

    Two schedulers at once are harmless. A key that cannot be rotated now is left for the next run.
    """
    grant.require(Permission.VAULTS_SWEEP)
    count = 0
    with transaction.atomic():
        for key, current in _claim(_ROTATION_DUE, now):
            RotationPolicy.objects.filter(key=key).update(rotated_for=current.pk, rotated_at=now)
            try:
                with transaction.atomic():
                    creation.start_creation(
                        grant=scheduled_grant(key.vault, "key", key.name),
                        vault=key.vault,
                        name=key.name,
                        spec=versions.next_version_of(current, now=now),
                        operation=Operation.KEY_ROTATE_IF_DUE,
                        now=now,
                    )
            except VaultError as error:  # it was just deleted: this does not stop the others
                logger.warning("The key %s was not rotated: %s", key.pk, type(error).__name__)
                continue
            count += 1
    return count


def notify_due(*, grant: Grant, now: datetime) -> int:
    """Record, once for each version, that its expiry is near. Returns how many."""
    grant.require(Permission.VAULTS_SWEEP)
    count = 0
    with transaction.atomic():
        for key, current in _claim(_NOTICE_DUE, now):
            own, object_id = scheduled_grant(key.vault, "key", key.name), KEYS.object_id(key.name, current.version)
            with recorded_change(own, Operation.KEY_NEAR_EXPIRY, object_id=object_id):
                RotationPolicy.objects.filter(key=key).update(notified_for=current.pk)
            count += 1
    return count


def _plan(policy: RotationPolicy, key: Key, current: KeyVersion) -> None:
    times = KeySchedule(policy, key.vault.near_expiry_days).times(facts_of(current))
    policy.rotation_due, policy.notice_due = times.get(Event.ROTATE), times.get(Event.NEAR_EXPIRY)
    policy.planned_for, policy.planned_policy = current.pk, policy.updated
    policy.planned_enabled, policy.planned_expires = current.enabled, current.expires


def _claim(sql: str, now: datetime, *, limit: int = _BATCH) -> list[tuple[Key, KeyVersion]]:
    """Keys with their current versions, whose policies are locked in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(sql, {"now": now, "again": now - RETRY_AFTER, "limit": limit})
        ids = [row[0] for row in cursor.fetchall()]
    keys = Key.objects.filter(pk__in=ids).select_related("current__key", "vault__world").order_by("pk")
    return [(key, key.current) for key in keys if key.current is not None]
