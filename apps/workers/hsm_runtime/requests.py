"""What every handler of lane requests shares: its result, and the deadline of a request."""

import time
from typing import Any, NamedTuple

from apps.audit_log.records import Record
from apps.core.errors import Unavailable


class HandledRequest(NamedTuple):
    """An answer that may leave once its record is committed. `None`: nothing to record."""

    value: Any
    record: Record | None


class Expired(Unavailable):
    """Nobody waits for this answer any more."""


def check_fresh(expires_at: float) -> None:
    """Raise `Expired` when the caller has gone. 0 means that nobody set a limit."""
    if expires_at and time.time() > expires_at:
        raise Expired("The request took too long and was not carried out.")
