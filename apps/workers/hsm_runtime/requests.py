"""Shared by all request handlers: the result, and the deadline of a request."""

import time
from typing import Any, NamedTuple

from apps.audit_log.records import Record
from apps.core.errors import Unavailable
from apps.domain.hsm_client.protocol import Request


class HandledRequest(NamedTuple):
    """An answer that may be sent once its record is committed. `None`: nothing to record."""

    value: Any
    record: Record | None


class Expired(Unavailable):
    """The client no longer waits for this answer."""


def check_deadline(request: Request) -> None:
    """Raise `Expired` when the client no longer waits. Kinds without a deadline, and 0, have no limit."""
    expires_at = getattr(request, "expires_at", 0.0)
    if expires_at and time.time() > expires_at:
        raise Expired("The request took too long and was not carried out.")
