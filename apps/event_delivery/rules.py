"""Settings of webhooks, and when a delivery is tried again. Pure."""

import re
import ssl
from collections.abc import Iterable
from datetime import datetime, timedelta

from apps.core.errors import BadRequest
from apps.core.foreign_certificates import read_certificates_pem
from apps.core.outbound_http import AddressRefused, split_url, tls_context
from apps.domain.events.rules import EventType

SCHEMAS = ("cloudevents", "eventgrid")
SEALED_PART = "webhook"  # in the context of a sealed secret (apps/log_delivery/rules.py)
MOST_OF_A_VAULT = 20
GIVEN_UP_AFTER = timedelta(hours=24)
OVERLAP = timedelta(hours=24)  # for which the earlier secret signs too
LONGEST_OVERLAP = timedelta(days=7)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=2), timedelta(minutes=15)
_PATIENCE = 3  # failures in a row after which nothing is sent to the webhook for a time, not only the failed event
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\Z")
_LONGEST_URL, _LONGEST_PEM = 1024, 32 * 1024
_TYPES = frozenset(EventType) - {EventType.SUBSCRIPTION_TESTED}


class BadSubscription(BadRequest):
    """The settings of a webhook are invalid."""


def check_name(name: str) -> None:
    """Raise `BadSubscription` unless it is a name of a webhook."""
    if not _NAME.match(name):
        raise BadSubscription("The name has 1 to 64 lower-case letters, digits and hyphens.")


def check_url(url: str) -> None:
    """Raise `BadSubscription` unless it is an https address. Where it leads to is checked when we connect."""
    if len(url) > _LONGEST_URL:
        raise BadSubscription(f"The address may have {_LONGEST_URL} characters.")
    try:
        split_url(url)
    except AddressRefused as error:
        raise BadSubscription(f"The address is not valid. {error}") from None


def check_authority(pem: str) -> None:
    """Raise `BadSubscription` unless it is a certificate in PEM, or ""."""
    if len(pem) > _LONGEST_PEM:
        raise BadSubscription(f"The authority's certificate may have {_LONGEST_PEM} characters.")
    if not pem:
        return
    try:
        read_certificates_pem(pem.encode())
        tls_context(pem)  # as the connection will
    except (ssl.SSLError, ValueError) as error:
        raise BadSubscription(f"The authority's certificate cannot be read: {error}") from None


def check_schema(schema: str) -> None:
    """Raise `BadSubscription` unless it is one of `SCHEMAS`."""
    if schema not in SCHEMAS:
        raise BadSubscription(f"The schema is one of: {', '.join(SCHEMAS)}.")


def check_types(types: Iterable[str]) -> list[str]:
    """Return the types of events, sorted and without duplicates. Raises `BadSubscription` for an unknown one."""
    wanted = sorted(set(types))
    unknown = [name for name in wanted if name not in _TYPES]
    if unknown:
        raise BadSubscription(f"There is no type of event '{unknown[0][:64]}'. Types: {', '.join(sorted(_TYPES))}.")
    return wanted


def check_overlap(hours: int) -> timedelta:
    """Return how long messages are signed with the earlier secret too. Raises `BadSubscription`."""
    longest = int(LONGEST_OVERLAP.total_seconds()) // 3600
    if not 0 <= hours <= longest:
        raise BadSubscription(f"The earlier secret can sign for 0 to {longest} more hours.")
    return timedelta(hours=hours)


def pause(attempts: int) -> timedelta:
    """Return the time until the next attempt after this number of failures: 2, 4, 8 … seconds, at most 15 minutes."""
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * (1 << min(attempts - 1, 10)))


def rest(failures: int) -> timedelta | None:
    """Return for how long nothing is sent to a webhook after this number of failures in a row; None: no pause."""
    return pause(failures - _PATIENCE + 1) if failures >= _PATIENCE else None


def is_given_up(since: datetime, *, now: datetime) -> bool:
    """Tell whether a delivery that was first due at `since`, and has failed again, is given up."""
    return now - since >= GIVEN_UP_AFTER
