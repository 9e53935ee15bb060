"""The facts of a request from its WSGI environment (PEP 3333), for every interface."""

import time
from collections.abc import Mapping
from typing import Any

from apps.core.ids import uuid7
from apps.core.principals import RequestContext, Scheme

CALLER_WAITS_SECONDS = 60.0
_LONGEST = 256


def request_context(
    environ: Mapping[str, Any], *, api_version: str = "", scheme: Scheme = Scheme.NONE, credential: str = ""
) -> RequestContext:
    """Collect the facts of a request. Texts are unfiltered: code that stores or shows them sanitizes them."""
    host, path = environ.get("HTTP_HOST", ""), environ.get("PATH_INFO", "")
    return RequestContext(
        request_id=uuid7(),
        correlation_id=environ.get("HTTP_X_MS_CLIENT_REQUEST_ID", "")[:_LONGEST],
        address=environ.get("REMOTE_ADDR", ""),
        user_agent=environ.get("HTTP_USER_AGENT", "")[:_LONGEST],
        uri=f"https://{host}{path}"[: 4 * _LONGEST],
        api_version=api_version,
        expires_at=time.time() + CALLER_WAITS_SECONDS,
        scheme=scheme,
        credential=credential,
    )
