"""Deletes old deliveries, and the webhooks of purged vaults."""

from datetime import datetime

from apps.core.sql import delete_before, execute, select
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.events.rules import KEPT

_OF_PURGED = """
    SELECT s.id FROM event_delivery_subscription s JOIN vaults_vault v ON v.id = s.vault_id
    WHERE v.purged IS NOT NULL"""


def delete_old(*, grant: Grant, now: datetime) -> int:
    """Delete deliveries older than `KEPT`, and webhooks of purged vaults. Returns the number of deliveries."""
    grant.require(Permission.VAULTS_SWEEP)
    count = delete_before("event_delivery_delivery", "created", now - KEPT)
    purged = [row[0] for row in select(_OF_PURGED)]
    if purged:
        count += execute("DELETE FROM event_delivery_delivery WHERE subscription_id = ANY(%s)", [purged])
        execute("DELETE FROM event_delivery_signingsecret WHERE subscription_id = ANY(%s)", [purged])
        execute("DELETE FROM event_delivery_subscription WHERE id = ANY(%s)", [purged])
    return count
