"""`portal audit tail --follow`: new records, each once, also after an interruption."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

from .client import Client
from .errors import CliError, ExitCode
from .output import print_message

_INTERVAL = 0.5  # seconds between two requests
_COMMIT_DELAY = 5.0  # seconds from the creation of a record's id until its latest commit
_LONGEST_INTERVAL = 10.0
_LARGEST_PAGE = "500"  # of the query API

Record = dict[str, Any]


def follow(client: Client, query: dict[str, str], newest: list[Record]) -> Iterator[Record]:
    """Endlessly, the records after these (the newest first). An unavailable service is retried. Raises `CliError`."""
    seen = {_id(record) for record in newest}
    cursor, interval = max(_earliest_late_id(max(seen)), min(seen)) if seen else str(uuid.UUID(int=0)), _INTERVAL
    while True:
        time.sleep(interval)
        try:
            url = client.audit_url("records", {**query, "after": cursor, "limit": _LARGEST_PAGE})
            for page in client.pages(url, "next"):
                fresh = [record for record in reversed(page["records"]) if _id(record) not in seen]
                seen.update(map(_id, fresh))
                yield from fresh
        except CliError as error:
            if error.code != ExitCode.UNAVAILABLE:
                raise
            if interval == _INTERVAL:
                print_message(f"{error.message} Retrying ...")
            interval = min(_LONGEST_INTERVAL, interval * 2)
            continue
        interval = _INTERVAL
        cursor = max(cursor, _earliest_late_id(max(seen))) if seen else cursor
        seen = {record_id for record_id in seen if record_id > cursor}


def _earliest_late_id(newest: str) -> str:
    """The smallest id that a record can have that is committed after the newest one (RFC 9562 section 5.7)."""
    milliseconds = (uuid.UUID(newest).int >> 80) - int(_COMMIT_DELAY * 1000)
    return str(uuid.UUID(int=max(0, milliseconds) << 80))


def _id(record: Record) -> str:
    return str(record["recordId"])
