"""Due maintenance: rotation policies, lifetime actions, and purges of objects whose retention is over.

Each kind claims its rows in PostgreSQL (SKIP LOCKED), so that several schedulers do not repeat work.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import Error as DatabaseError
from django.db import transaction

from apps.audit_log.operation_names import OPERATIONS
from apps.core.errors import VaultError
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant, Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.certificates.models import Certificate
from apps.domain.certificates.operations import renewal
from apps.domain.certificates.operations import soft_delete as certificates
from apps.domain.identity import browser_sessions
from apps.domain.keys.models import Key
from apps.domain.keys.operations import rotation
from apps.domain.keys.operations import soft_delete as keys
from apps.domain.objects import soft_delete
from apps.domain.secrets.models import Secret
from apps.domain.secrets.operations import soft_delete as secrets
from apps.domain.vaults.models import Recoverable
from apps.usage import denials
from apps.usage import retention as usage

logger = logging.getLogger(__name__)
_BATCH = 100


def sweep(*, now: datetime) -> dict[str, int]:
    """Do everything that is due at `now`, and count it. A failure of one action does not stop the others."""
    grant = system_grant(Permission.VAULTS_SWEEP, origin="scheduler")
    actions: dict[str, Callable[[], int]] = {
        "rotations": lambda: rotation.rotate_due(grant=grant, now=now),
        "notices": lambda: rotation.notify_due(grant=grant, now=now),
        "lifetime actions": lambda: renewal.run_due_actions(grant=grant, now=now),
        "certificates purged": lambda: _purge(Certificate, "certificate", _remove_certificate, now),
        "keys purged": lambda: _purge(Key, "key", _remove_key, now),
        "old counts deleted": lambda: usage.delete_expired(now=now),
        "denials deleted": lambda: denials.delete_expired(now=now),
        "sessions deleted": lambda: browser_sessions.delete_expired(now=now),
        "secrets purged": lambda: _purge(Secret, "secret", _remove_secret, now),
    }
    counts = {}
    for name, action in actions.items():
        try:
            counts[name] = action()
        except (VaultError, DatabaseError) as error:
            logger.warning("The scheduler failed with %s (%s)", name, type(error).__name__)
    return counts


def _purge(model: Any, kind: str, remove: Callable[[Grant, Any, datetime], None], now: datetime) -> int:
    count = 0
    with transaction.atomic():
        rows: list[Recoverable] = soft_delete.claim_due(model, now=now, limit=_BATCH)
        for row in rows:
            scope = Scope.of(row.vault, kind, row.name, row.pk)
            grant = system_grant(Permission.VAULTS_SWEEP, scope=scope, origin="scheduler")
            remove(grant, row, now)
            append_change(grant, operation=OPERATIONS[f"{kind.capitalize()}Purge"], object_id=f"{kind}s/{row.name}")
            count += 1
    return count


def _remove_key(grant: Grant, row: Any, now: datetime) -> None:
    keys.remove(grant=grant, key=row, now=now)


def _remove_secret(grant: Grant, row: Any, now: datetime) -> None:
    secrets.remove(grant=grant, secret=row, now=now)


def _remove_certificate(grant: Grant, row: Any, now: datetime) -> None:
    certificates.remove(grant=grant, certificate=row, now=now)
