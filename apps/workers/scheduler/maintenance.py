"""Due maintenance: rotation policies, lifetime actions, and purges of objects whose retention is over.

Each kind claims its rows in PostgreSQL (SKIP LOCKED), so that several schedulers do not repeat work.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.db import Error as DatabaseError

from apps.core import change_feed, shared_state
from apps.core.errors import VaultError
from apps.domain.access.system_grants import scheduled_grant
from apps.domain.certificates.kind import CERTIFICATES
from apps.domain.certificates.operations import renewal
from apps.domain.certificates.operations import settings as settings_of_certificates
from apps.domain.events import expiry
from apps.domain.identity import application_sign_in, browser_sessions, token_keys
from apps.domain.keys.kind import KEYS
from apps.domain.keys.operations import rotation
from apps.domain.objects.operations import soft_delete
from apps.domain.secrets.kind import SECRETS
from apps.domain.vaults import deletion as vaults
from apps.event_delivery import retention as event_retention
from apps.usage import denials
from apps.usage import retention as usage

logger = logging.getLogger(__name__)


def sweep(*, now: datetime, machine: datetime | None = None) -> dict[str, int]:
    """Do everything that is due at `now`, and count it. A failure of one action does not stop the others.

    `machine`: the machine's time, for counts, sign-ins and the age of stored events; None: the same.
    """
    machine = machine or now
    grant = scheduled_grant()
    actions: dict[str, Callable[[], int]] = {
        "rotations planned": lambda: rotation.plan_changed(grant=grant, now=now),
        "rotations": lambda: rotation.rotate_due(grant=grant, now=now),
        "notices": lambda: rotation.notify_due(grant=grant, now=now),
        "lifetime actions": lambda: renewal.run_due_actions(grant=grant, now=now),
        "events of expiry": lambda: expiry.notify_due(grant=grant, now=now),
        "events deleted": lambda: expiry.delete_old(grant=grant, now=machine),
        "deliveries of events deleted": lambda: event_retention.delete_old(grant=grant, now=machine),
        "vaults purged": lambda: vaults.purge_due(grant=grant, now=now),
        "certificates purged": lambda: soft_delete.purge_due(grant=grant, kind=CERTIFICATES, now=now),
        "keys purged": lambda: soft_delete.purge_due(grant=grant, kind=KEYS, now=now),
        "old counts deleted": lambda: usage.delete_expired(now=machine),
        "denials deleted": lambda: denials.delete_expired(now=machine),
        "shared state deleted": lambda: shared_state.delete_expired(now=machine),
        "notes of changes deleted": change_feed.delete_old,
        "sessions deleted": lambda: browser_sessions.delete_expired(now=machine),
        "used assertions deleted": lambda: application_sign_in.delete_expired_assertions(now=machine),
        "secrets purged": lambda: soft_delete.purge_due(grant=grant, kind=SECRETS, now=now),
        "issuers of purged vaults deleted": lambda: settings_of_certificates.delete_of_purged_vaults(grant=grant),
    }
    return _carry_out(actions)


def change_token_keys(*, now: datetime) -> dict[str, int]:
    """Rotate the key that signs access tokens when it is due, retire earlier ones, and count both."""
    grant = scheduled_grant()
    actions: dict[str, Callable[[], int]] = {
        "token keys rotated": lambda: token_keys.rotate_due(grant=grant, days=settings.TOKEN_KEY_DAYS, now=now),
        "token keys retired": lambda: token_keys.retire_superseded(grant=grant, now=now),
    }
    return _carry_out(actions)


def _carry_out(actions: dict[str, Callable[[], int]]) -> dict[str, int]:
    counts = {}
    for name, action in actions.items():
        try:
            counts[name] = action()
        except (VaultError, DatabaseError) as error:
            logger.warning("The scheduler failed with %s (%s)", name, type(error).__name__)
        except Exception:
            logger.exception("The scheduler failed with %s", name)
    return counts
