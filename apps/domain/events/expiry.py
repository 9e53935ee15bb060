"""Writes the events about expiries, for the scheduler: one for each current version, type of event and expiry.

The SQL names the tables of keys, secrets and certificates, because their packages are layers above this one.
"""

from datetime import datetime

from apps.core.sql import delete_before, execute
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.events.models import ExpiryNotice
from apps.domain.events.queries import number_pending
from apps.domain.events.rules import KEPT, expired_of, near_expiry_of

_BATCH = 200
_NUMBERED = 100  # times, each of thousands of events
_NEWS = KEPT  # an expiry that is longer ago gets no event
# The object is locked, so that its events are in the order of its changes. Objects whose rows another transaction has
# locked are left for the next run.
_NOTIFY = """
    WITH due AS (
        SELECT o.id AS object_id, o.vault_id, o.name, v.id AS version_id, v.version, v.not_before, v.expires,
            moment.type, moment.at
        FROM {kind}s_{kind} o JOIN {kind}s_{kind}version v ON v.id = o.current_id
        JOIN vaults_vault vault ON vault.id = o.vault_id AND vault.deleted IS NULL
        {policy}
        CROSS JOIN LATERAL (
            VALUES (%(near_type)s, {near}), (%(expired_type)s, v.expires)
        ) AS moment (type, at)
        WHERE v.expires > %(earliest)s AND o.deleted IS NULL AND NOT o.managed AND moment.at <= %(now)s
            AND NOT EXISTS (SELECT FROM events_expirynotice notice WHERE notice.version_id = v.id
                AND notice.type = moment.type AND notice.expires = v.expires)
        ORDER BY o.id, moment.at LIMIT %(limit)s FOR UPDATE OF o SKIP LOCKED
    ), noted AS (
        INSERT INTO events_expirynotice (version_id, type, expires) SELECT version_id, type, expires FROM due
        ON CONFLICT DO NOTHING RETURNING version_id, type
    )
    INSERT INTO events_pending (vault_id, type, object_type, object_id, object_name, version, not_before, expires, at)
    SELECT vault_id, type, %(kind)s, object_id, name, version, not_before, expires, at
    FROM due JOIN noted USING (version_id, type) ORDER BY object_id, at"""
_NEAR = "v.expires - vault.near_expiry_days * interval '1 day'"
# A policy has the date that the scheduler stored for this version (`apps/domain/objects/schedule.py`).
_NEAR_OF_KEYS = f"""CASE WHEN policy.key_id IS NULL THEN {_NEAR}
                WHEN policy.planned_for = v.id AND policy.planned_expires = v.expires THEN policy.notice_due END"""
_STATEMENTS = {
    "key": _NOTIFY.format(
        kind="key", near=_NEAR_OF_KEYS, policy="LEFT JOIN keys_rotationpolicy policy ON policy.key_id = o.id"
    ),
    "secret": _NOTIFY.format(kind="secret", near=_NEAR, policy=""),
    "certificate": _NOTIFY.format(kind="certificate", near=_NEAR, policy=""),
}


def notify_due(*, grant: Grant, now: datetime) -> int:
    """Write the events of versions that are near their expiry or have expired. Returns the number of events.

    `now`: aware, by the lifecycle clock. Raises `GrantMismatch`.
    """
    grant.require(Permission.VAULTS_SWEEP)
    return sum(_notify(kind, now) for kind in _STATEMENTS)


def delete_old(*, grant: Grant, now: datetime) -> int:
    """Delete events older than `KEPT`, and notices of expiries twice as long ago. Returns the number of events.

    Pending events are numbered first: without an event worker and readers, the outbox would grow without limit.
    `now`: aware, by the machine's clock. Raises `GrantMismatch`.
    """
    grant.require(Permission.VAULTS_SWEEP)
    for _ in range(_NUMBERED):
        if not number_pending():
            break
    ExpiryNotice.objects.filter(expires__lt=now - 2 * _NEWS).delete()
    return delete_before("events_event", "stored", now - KEPT)


def _notify(kind: str, now: datetime) -> int:
    values = {
        "kind": kind,
        "near_type": near_expiry_of(kind).value,
        "expired_type": expired_of(kind).value,
        "earliest": now - _NEWS,
        "now": now,
        "limit": _BATCH,
    }
    count = 0
    while done := execute(_STATEMENTS[kind], values):
        count += done
    return count
