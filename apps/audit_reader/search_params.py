"""The parameters of a search in an address, parsed alike for pages and API. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from uuid import UUID

from apps.audit_reader.queries import Search
from apps.core.errors import BadRequest

SPANS = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
YEARS = range(2000, 2201)  # years of records: times in them can be computed with
_LONGEST = 300


class InvalidSearch(BadRequest):
    """A filter is invalid; the message names it."""

    code = "BadCriterion"


def parse_search(params: Mapping[str, str], *, log_id: UUID | None, zone: tzinfo = UTC) -> Search:
    """Parse the parameters of an address except `vault`, which the caller has looked up. Raises `InvalidSearch`."""
    status = _text(params, "status")
    if status not in ("", "refused", "done") and not (status.isascii() and status.isdecimal() and len(status) == 3):
        raise InvalidSearch("status is a number such as 403, or refused, or done.")
    since, until = parse_time(params, "from", zone), parse_time(params, "to", zone)
    if since is not None and until is not None and until <= since:
        raise InvalidSearch('"To" must be later than "From".')
    return Search(
        log_id=log_id,
        since=since,
        until=until,
        operation=_text(params, "operation"),
        caller=_text(params, "caller"),
        object=_text(params, "object"),
        address=_text(params, "address"),
        status=status,
        request_id=parse_id(params, "request_id"),
        by_name=True,
    )


def parse_time(params: Mapping[str, str], name: str, zone: tzinfo = UTC) -> datetime | None:
    """Parse a time in ISO 8601, in the given zone unless it names one. Raises `InvalidSearch`."""
    text = _text(params, name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidSearch(f"{name} is not a time such as 2026-11-24T14:00:00Z.") from None
    if moment.year not in YEARS:
        raise InvalidSearch(f"{name} is not in the years {YEARS[0]} to {YEARS[-1]}.")
    return moment


def parse_id(params: Mapping[str, str], name: str) -> UUID | None:
    """Parse a UUID. Raises `InvalidSearch`."""
    text = _text(params, name)
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise InvalidSearch(f"{name} is not an id such as 019e2f6c-8d5a-7cc2-9e43-0d6a52f1b0c7.") from None


def parse_log(text: str) -> UUID | None:
    """Parse the id of a log: the log of a removed vault has no other name. None for another text."""
    try:
        return UUID(text)
    except ValueError:
        return None


def format_search(moment: datetime) -> str:
    """Format a time for addresses: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(params: Mapping[str, str], name: str) -> str:
    text = params.get(name, "").strip()
    if len(text) > _LONGEST or "\0" in text:
        raise InvalidSearch(f"{name} is longer than {_LONGEST} characters, or has some that no record has.")
    return text
