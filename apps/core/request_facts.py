"""From a WSGI environment to the facts of a request, the same for every interface (PEP 3333)."""

import time
from collections.abc import Mapping
from typing import Any

from apps.core.ids import uuid7
from apps.core.principals import RequestContext

CALLER_WAITS_SECONDS = 60.0
_LONGEST = 256


def request_context(environ: Mapping[str, Any], *, api_version: str = "") -> RequestContext:
    """The facts of a request. Texts are the caller's; whoever stores or shows them cleans them."""
    host, path = environ.get("HTTP_HOST", ""), environ.get("PATH_INFO", "")
    return RequestContext(
        request_id=uuid7(),
        correlation_id=environ.get("HTTP_X_MS_CLIENT_REQUEST_ID", "")[:_LONGEST],
        address=environ.get("REMOTE_ADDR", ""),
        user_agent=environ.get("HTTP_USER_AGENT", "")[:_LONGEST],
        uri=f"https://{host}{path}"[: 4 * _LONGEST],
        api_version=api_version,
        expires_at=time.time() + CALLER_WAITS_SECONDS,
    )
