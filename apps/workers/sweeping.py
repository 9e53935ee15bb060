"""What is due, carried out: rotation policies, lifetime actions, and purges of what was deleted long enough ago.

Each kind claims its rows in PostgreSQL (SKIP LOCKED), so that any number of schedulers do the work once.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import Error as DatabaseError
from django.db import transaction

from apps.access.grants import Grant, Scope
from apps.access.permissions import Permission
from apps.access.recording import append_change
from apps.access.system import system_grant
from apps.certificates.models import Certificate
from apps.certificates.operations import recycling as certificates
from apps.certificates.operations import renewing
from apps.core.errors import VaultError
from apps.identity import sessions
from apps.keys.models import Key
from apps.keys.operations import recycling as keys
from apps.keys.operations import rotating
from apps.secrets.models import Secret
from apps.secrets.operations import recycling as secrets
from apps.usage import refusals
from apps.usage import sweeping as usage
from apps.vaults import recycling
from apps.vaults.models import Recoverable

logger = logging.getLogger(__name__)
_BATCH = 100


def sweep(*, now: datetime) -> dict[str, int]:
    """Everything that is due at `now`; how much of each. One kind's failure does not stop the others."""
    grant = system_grant(Permission.VAULTS_SWEEP, origin="scheduler")
    acts: dict[str, Callable[[], int]] = {
        "rotations": lambda: rotating.begin_due(grant=grant, now=now),
        "notices": lambda: rotating.notify_due(grant=grant, now=now),
        "lifetime actions": lambda: renewing.act_due(grant=grant, now=now),
        "certificates purged": lambda: _purge(Certificate, "certificate", _remove_certificate, now),
        "keys purged": lambda: _purge(Key, "key", _remove_key, now),
        "old counts dropped": lambda: usage.drop_old(now=now),
        "refusals forgotten": lambda: refusals.forget(now=now),
        "sessions forgotten": lambda: sessions.forget_ended(now=now),
        "secrets purged": lambda: _purge(Secret, "secret", _remove_secret, now),
    }
    done = {}
    for what, act in acts.items():
        try:
            done[what] = act()
        except (VaultError, DatabaseError) as error:
            logger.warning("The scheduler could not see to %s (%s)", what, type(error).__name__)
    return done


def _purge(model: Any, kind: str, remove: Callable[[Grant, Any, datetime], None], now: datetime) -> int:
    count = 0
    with transaction.atomic():
        rows: list[Recoverable] = recycling.claim_due(model, now=now, limit=_BATCH)
        for row in rows:
            scope = Scope(row.vault_id, row.vault.name, kind, row.name, row.pk)
            grant = system_grant(Permission.VAULTS_SWEEP, scope=scope, origin="scheduler")
            remove(grant, row, now)
            append_change(grant, operation=f"{kind.capitalize()}Purge", object_id=f"{kind}s/{row.name}")
            count += 1
    return count


def _remove_key(grant: Grant, row: Any, now: datetime) -> None:
    keys.remove(grant=grant, key=row, now=now)


def _remove_secret(grant: Grant, row: Any, now: datetime) -> None:
    secrets.remove(grant=grant, secret=row, now=now)


def _remove_certificate(grant: Grant, row: Any, now: datetime) -> None:
    certificates.remove(grant=grant, certificate=row, now=now)
