"""Values of requests of which our processes send a few only, and a process under control may send any."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from apps.domain.hsm_client.lane_client import RequestMalformed

Value = TypeVar("Value")


def read_value(read: Callable[[Any], Value], given: Any) -> Value:
    """Return `read(given)`, such as a member of an enumeration by its name. Raises `RequestMalformed`."""
    try:
        return read(given)
    except (ValueError, KeyError):
        raise RequestMalformed("A value of the request is none of the HSM protocol.") from None  # the cause quotes it


def read_id(given: str) -> UUID:
    """Return an id as our processes write it. Raises `RequestMalformed`."""
    return read_value(UUID, given)
