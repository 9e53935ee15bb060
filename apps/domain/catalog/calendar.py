"""The calendar: rotations, renewals, notices, expiries and purges, at the dates on which the scheduler acts."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice, takewhile
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.core.errors import BadRequest
from apps.core.principals import Principal
from apps.domain.access.visibility import VisibleObjects, visible_objects
from apps.domain.catalog.queries import KINDS
from apps.domain.certificates.models import Certificate
from apps.domain.certificates.policy import CertificateSchedule, load_policy
from apps.domain.identity.models import ClientSecret
from apps.domain.keys.models import Key
from apps.domain.keys.rotation_policy import KeySchedule
from apps.domain.objects.schedule import Event, Expiry, Occurrence, Schedule, facts_of, occurrences
from apps.domain.secrets.models import Secret
from apps.domain.vaults.models import Vault

LONGEST_DAYS = 366
MOST_EVENTS = 20_000  # of one answer
_MOST_OBJECTS = 20_000  # of a kind
_SOON = frozenset(Event) - {Event.NEAR_EXPIRY, Event.NOTICE}  # what an overview shows


class BadPeriod(BadRequest):
    """The period is not a number of days from 1 to `LONGEST_DAYS`."""


@dataclass(frozen=True, slots=True)
class UpcomingEvent:
    """A scheduled event. `at`: aware."""

    at: datetime
    what: Event
    kind: str  # keys, secrets, certificates, vaults; "applications": a client secret
    vault: str  # of an application: its client id
    name: str
    id: UUID  # of the object, the vault or the application
    planned: bool = False  # about a version that an earlier event makes


def list_events(
    *,
    principal: Principal,
    now: datetime,
    days: int,
    limit: int = MOST_EVENTS,
    vault: str = "",
    events: Collection[Event] = frozenset(Event),
    repeated: bool = True,
) -> list[UpcomingEvent]:
    """List the events of the next `days` days of all objects that the principal can see, the earliest first.

    `vault`: the name of the only vault; "" for all. `repeated` False: without events of versions that do not exist yet.
    Secrets of applications and deleted vaults are included only if the principal can see everything and `vault` is "".
    Raises `BadPeriod`.
    """
    if not 1 <= days <= LONGEST_DAYS:
        raise BadPeriod(f"days: a number from 1 to {LONGEST_DAYS}.")
    until, visible = now + timedelta(days=days), visible_objects(principal)
    single = list(_purges(visible, vault, now=now, until=until))
    if visible.everything and not vault:
        single += [*_deleted_vaults(now=now, until=until), *_client_secrets(now=now, until=until, limit=limit)]
    # Each object's events are in order and computed when they are taken: a year of many objects has millions.
    lists: list[Iterator[UpcomingEvent]] = [
        iter(sorted(single, key=_order)),
        *(
            _of_object(kind, row, occurrences(schedule, facts_of(row.current), done=done, now=now, until=until))
            for kind, row, schedule, done in _live(visible, vault, now)
        ),
    ]
    if not repeated:
        lists = [takewhile(lambda event: not event.planned, one) for one in lists]
    found = (event for event in merge(*lists, key=_order) if event.what in events)
    return list(islice(found, limit))


def _order(event: UpcomingEvent) -> tuple[datetime, str]:
    return event.at, event.name


def _of_object(kind: str, row: Any, found: Iterator[Occurrence]) -> Iterator[UpcomingEvent]:
    for at, event, planned in found:
        yield UpcomingEvent(at, event, kind, row.vault.name, row.name, row.pk, planned)


def list_upcoming(*, principal: Principal, now: datetime, days: int, limit: int) -> list[UpcomingEvent]:
    """List the events for an overview: those of versions that exist, without `NEAR_EXPIRY` and `NOTICE`."""
    return list_events(principal=principal, now=now, days=days, limit=limit, events=_SOON, repeated=False)


def _live(visible: VisibleObjects, vault: str, now: datetime) -> Iterator[tuple[str, Any, Schedule, Collection[Event]]]:
    """Yield (kind, object, its schedule, the events carried out for its current version)."""
    keys = _rows(Key, visible, vault).filter(Q(current__expires__gte=now) | Q(rotation_policy__isnull=False))
    for key in keys.select_related("vault", "current", "rotation_policy").order_by("pk")[:_MOST_OBJECTS]:
        policy = getattr(key, "rotation_policy", None)
        noticed = policy is not None and policy.notified_for == key.current_id
        yield "keys", key, KeySchedule(policy, key.vault.near_expiry_days), (Event.NEAR_EXPIRY,) if noticed else ()
    secrets = _rows(Secret, visible, vault).filter(current__expires__gte=now).defer("current__sealed")
    for secret in secrets.select_related("vault", "current").order_by("pk")[:_MOST_OBJECTS]:
        yield "secrets", secret, Expiry(secret.vault.near_expiry_days), ()
    certificates = _rows(Certificate, visible, vault).defer("current__cer")
    for certificate in certificates.select_related("vault", "current").order_by("pk")[:_MOST_OBJECTS]:
        schedule = CertificateSchedule(load_policy(certificate.policy), certificate.vault.near_expiry_days)
        done = (Event.RENEW, Event.NOTICE) if certificate.current.acted else ()
        yield "certificates", certificate, schedule, done


def _rows(model: type[Any], visible: VisibleObjects, vault: str) -> Any:
    rows = model.objects.visible_to(visible).filter(vault__deleted__isnull=True, managed=False)
    rows = rows.filter(deleted__isnull=True, current__isnull=False)
    return rows.filter(vault__name__iexact=vault) if vault else rows


def _purges(visible: VisibleObjects, vault: str, *, now: datetime, until: datetime) -> Iterator[UpcomingEvent]:
    for kind, model in KINDS.items():
        rows = model._default_manager.visible_to(visible).filter(purge_after__lt=until, managed=False)  # noqa: SLF001  Django's name
        rows = rows.filter(deleted__isnull=False, vault__deleted__isnull=True)
        rows = rows.filter(vault__name__iexact=vault) if vault else rows
        for row in rows.select_related("vault").order_by("purge_after")[:_MOST_OBJECTS]:
            yield UpcomingEvent(max(row.purge_after, now), Event.PURGE, kind, row.vault.name, row.name, row.pk)


def _deleted_vaults(*, now: datetime, until: datetime) -> Iterator[UpcomingEvent]:
    for row in Vault.objects.filter(deleted__isnull=False, purged__isnull=True, purge_after__lt=until):
        at = now if row.purge_after is None else max(row.purge_after, now)
        yield UpcomingEvent(at, Event.PURGE, "vaults", row.name, row.name, row.pk)


def _client_secrets(*, now: datetime, until: datetime, limit: int) -> Iterator[UpcomingEvent]:
    rows = ClientSecret.objects.filter(expires__gte=now, expires__lt=until).order_by("expires")
    for secret in rows.select_related("application")[:limit]:
        application = secret.application
        client_id = str(application.client_id)
        yield UpcomingEvent(secret.expires, Event.EXPIRE, "applications", client_id, application.name, application.pk)
