"""The keys that sign access tokens: creation, rotation with an overlap, and retirement at once.

A new key verifies as soon as the HSM has made it, and signs `ANNOUNCE_SECONDS` later, when every process knows it. The
key before it verifies until all tokens that it signed have expired; the scheduler then retires it.
"""

import contextlib
import itertools
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce

from apps.audit_log.operation_names import Operation
from apps.core.errors import VaultError
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client import client
from apps.domain.hsm_client.models import Job
from apps.domain.identity.models import SigningKey
from apps.domain.identity.queries import NotInitialised
from apps.domain.identity.rules import ANNOUNCE_SECONDS, TOKEN_SECONDS

_MARGIN_SECONDS = 60  # more than the difference of the clocks of one machine, and than the age of a cached list
OVERLAP = timedelta(seconds=ANNOUNCE_SECONDS + TOKEN_SECONDS + _MARGIN_SECONDS)
_CREATION_TIMEOUT = timedelta(hours=1)  # after it, a key that the HSM has not made is given up


def submit_key(*, grant: Grant, world_name: str, now: datetime) -> Job:
    """Order a new signing key, in the caller's transaction; the HSM worker makes it. Ends earlier orders."""
    SigningKey.objects.filter(protected__isnull=True, retired__isnull=True).update(retired=now)
    key = SigningKey.objects.create(world_name=world_name, created=now)
    return client.submit(
        grant=grant,
        kind="hsm.create_signing_key",
        operation=Operation.SIGNING_KEY_CREATE,
        world=world_name,
        subject=("signingkey", key.pk),
        object_id=_object_id(key),
        now=now,
    )


def rotate(*, grant: Grant, now: datetime) -> None:
    """Create a signing key and wait for it. Tokens of the earlier key stay valid until they expire.

    Raises `NotInitialised`, `HsmUnavailable`, `JobPending`.
    """
    grant.require(Permission.SIGNING_KEYS_CHANGE)
    with transaction.atomic():
        job = submit_key(grant=grant, world_name=_newest().world_name, now=now)
    client.wait(job)


def retire_at_once(*, grant: Grant, now: datetime) -> int:
    """Replace the signing key and retire all earlier ones: their tokens are refused within a second.

    Returns the number of retired keys. They are retired also when no new key can be made, and its error is raised.
    """
    grant.require(Permission.SIGNING_KEYS_CHANGE)
    earlier = _verifying()
    if not earlier:
        raise NotInitialised("The token authority has no signing key. Run `manage.py initialise`.")
    failure: VaultError | None = None
    try:
        rotate(grant=grant, now=now)
    except VaultError as error:
        failure = error
    for key in earlier:
        _retire(grant, key, operation=Operation.SIGNING_KEY_RETIRE_AT_ONCE, now=now)
    if failure is not None:
        raise failure
    return len(earlier)


def rotate_due(*, grant: Grant, days: int, now: datetime) -> int:
    """Order a new signing key when the newest is this many days old (0: never). Returns the number of new keys."""
    grant.require(Permission.VAULTS_SWEEP)
    if not days:
        return 0
    with contextlib.suppress(NotInitialised), transaction.atomic():
        key = SigningKey.objects.select_for_update().get(pk=_newest().pk)  # of two schedulers, one orders
        if (key.ready or key.created) > now - timedelta(days=days):
            return 0
        begun = SigningKey.objects.filter(protected__isnull=True, retired__isnull=True)
        if begun.filter(created__gt=now - _CREATION_TIMEOUT).exists():
            return 0
        submit_key(grant=grant, world_name=key.world_name, now=now)
        return 1
    return 0


def retire_superseded(*, grant: Grant, now: datetime) -> int:
    """Retire the keys whose last token has expired, and return their number."""
    grant.require(Permission.VAULTS_SWEEP)
    keys, count = _verifying(), 0
    for successor, key in itertools.pairwise(keys):
        if (successor.ready or successor.created) + OVERLAP <= now:
            count += _retire(grant, key, operation=Operation.SIGNING_KEY_RETIRE, now=now)
    return count


def _verifying() -> list[SigningKey]:
    """The keys that verify tokens, the newest first."""
    keys = SigningKey.objects.filter(protected__isnull=False, retired__isnull=True)
    return list(keys.order_by(Coalesce(F("ready"), F("created")).desc()))


def _newest() -> SigningKey:
    keys = _verifying()
    if not keys:
        raise NotInitialised("The token authority has no signing key. Run `manage.py initialise`.")
    return keys[0]


@transaction.atomic
def _retire(grant: Grant, key: SigningKey, *, operation: Operation, now: datetime) -> int:
    if not SigningKey.objects.filter(pk=key.pk, retired__isnull=True).update(retired=now):
        return 0
    append_change(grant, operation=operation, object_id=_object_id(key))
    return 1


def _object_id(key: SigningKey) -> str:
    return f"signing-keys/{key.pk.hex}"
