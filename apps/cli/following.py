"""`portal audit tail --follow`: records as they come, each once, also over an interruption."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from .client import Client
from .problems import Exit, Problem
from .showing import note

_EVERY = 0.5  # seconds between two looks
_LATE = 5.0  # so much later than its id was made, a record may be committed: behind one that was shown
_LONGEST_PAUSE = 10.0
_MOST = "500"  # of the query API

Record = dict[str, Any]
Pages = Callable[[Client, str], Iterator[Record]]


def follow(client: Client, query: dict[str, str], newest: list[Record], pages: Pages) -> Iterator[Record]:
    """What comes after these, which are the newest first; without end. Raises `Problem`, but not for a service away."""
    seen = {_id(record) for record in newest}
    cursor, pause = max(_before(max(seen)), min(seen)) if seen else str(uuid.UUID(int=0)), _EVERY
    while True:
        time.sleep(pause)
        try:
            for found in pages(client, client.audit("records", **query, after=cursor, limit=_MOST)):
                fresh = [record for record in reversed(found["records"]) if _id(record) not in seen]
                seen.update(map(_id, fresh))
                yield from fresh
        except Problem as problem:
            if problem.code != Exit.UNAVAILABLE:
                raise
            pause = _slower(pause, problem)
            continue
        pause = _EVERY
        cursor = max(cursor, _before(max(seen))) if seen else cursor
        seen = {known for known in seen if known > cursor}


def _slower(pause: float, problem: Problem) -> float:
    if pause == _EVERY:
        note(f"{problem.message} Trying again ...")
    return min(_LONGEST_PAUSE, pause * 2)


def _before(newest: str) -> str:
    """The least id of the moment from which records may still come (RFC 9562 section 5.7: 48 bits of milliseconds)."""
    milliseconds = (uuid.UUID(newest).int >> 80) - int(_LATE * 1000)
    return str(uuid.UUID(int=max(0, milliseconds) << 80))


def _id(record: Record) -> str:
    return str(record["recordId"])
