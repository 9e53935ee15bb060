"""Requests of the data plane as the pipeline takes them, and its responses."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from apps.core.errors import TooLarge
from apps.domain.events.waiting import Wait

LARGEST_BODY = 64 * 1024
_DRAINED_BODY = 8 * 1024 * 1024
API_VERSION = "api-version"
WAIT = "vaultportal.wait"  # in the WSGI environment: what the front waits for before it asks once more


@dataclass(slots=True)
class ApiRequest:
    """A request on a vault's host. The body is not read before the caller is authenticated."""

    environ: MutableMapping[str, Any]  # PEP 3333
    vault_name: str
    origin: str  # https://host[:port] as the caller used it, checked by hosts.py
    name: str = ""
    version: str = ""
    issuer: str = ""  # certificates/issuers/{issuer}
    query: dict[str, str] = field(default_factory=dict)

    @property
    def authorization(self) -> str:
        return str(self.environ.get("HTTP_AUTHORIZATION", ""))

    def wait_for(self, what: Wait) -> None:
        """Let the front wait without a slot, and serve the request again when there is something new."""
        self.environ[WAIT] = what

    def body(self, *, largest: int = LARGEST_BODY) -> bytes:
        """Read the body. Raises `TooLarge`."""
        data: bytes = self.environ["wsgi.input"].read(largest + 1)
        if len(data) > largest:
            # Read a bit more: a caller who is still sending would see a broken connection instead of the response.
            self.environ["wsgi.input"].read(_DRAINED_BODY)
            raise TooLarge(f"The request body may have {largest} bytes.")
        return data


def read_query(environ: Mapping[str, Any]) -> dict[str, str]:
    """Parse the query, percent-decoded (JS sends `api%2Dversion`); the first of equal names counts."""
    query: dict[str, str] = {}
    try:
        pairs = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=32)
    except ValueError:
        return query
    for name, value in pairs:
        query.setdefault(name, value)
    return query


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """Status, JSON body (None: empty) and headers beyond the usual ones."""

    status: int
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
