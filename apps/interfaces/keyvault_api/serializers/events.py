"""The pull feed of events (docs/reference/wire-contract.md section 15)."""

import re
from typing import Any, NamedTuple

from apps.core.clock import to_epoch
from apps.core.errors import BadRequest
from apps.domain.events.models import Acknowledgement
from apps.domain.events.queries import Page
from apps.domain.events.rules import VaultNames, to_cloud_event, to_event_grid
from apps.domain.events.waiting import LONGEST_WAIT

_FORMS = {"cloudevents": to_cloud_event, "eventgrid": to_event_grid}
_NUMBER = re.compile(r"[0-9]{1,18}\Z")


class BadFeedQuery(BadRequest):
    """A parameter of the feed is invalid."""


class FeedQuery(NamedTuple):
    """The parameters of a request. `after`: None, to begin after the last event; `seconds`: how long to wait."""

    after: int | None
    seconds: float
    schema: str


def parse_query(query: dict[str, str]) -> FeedQuery:
    """Read the parameters `after`, `timeout` and `schema`. Raises `BadFeedQuery`."""
    after, timeout, schema = query.get("after", ""), query.get("timeout", "0"), query.get("schema", "cloudevents")
    if after and not _NUMBER.match(after):
        raise BadFeedQuery("The parameter 'after' is the value of that name in the last answer.")
    if not _NUMBER.match(timeout):
        raise BadFeedQuery(f"The parameter 'timeout' is a number of seconds, of which at most {LONGEST_WAIT:g} count.")
    if schema not in _FORMS:
        raise BadFeedQuery("The parameter 'schema' is cloudevents or eventgrid.")
    return FeedQuery(int(after) if after else None, min(float(timeout), LONGEST_WAIT), schema)


def page(found: Page, names: VaultNames, *, schema: str) -> dict[str, Any]:
    """Build the answer."""
    return {
        "value": [_FORMS[schema](facts, names) for facts in found.events],
        "after": str(found.after),
        "more": found.more,
        "missed": found.missed,
    }


def acknowledgement(row: Acknowledgement, *, origin: str) -> dict[str, Any]:
    """Build the answer to an acknowledgement."""
    return {
        "id": f"{origin}/{row.object_type}s/{row.object_name}/{row.version}",
        "application": row.client_id,
        "acknowledged": to_epoch(row.at),
    }
