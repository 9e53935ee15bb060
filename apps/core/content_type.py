"""The Content-Type header of a request, before Django reads it.

Django parses the header while it makes its request object, outside of all error handling: a charset that Python does
not know (RFC 2231) ends in a 500 of the server, and one that is no text encoding in a 500 of whatever reads the query.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.utils.http import parse_header_parameters

UNREADABLE = "application/octet-stream"  # what a body of unknown type is (RFC 9110 section 8.3)
_CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1"})

WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]


def with_readable_content_type(application: WsgiApplication) -> WsgiApplication:
    """Wrap a WSGI application: it sees `UNREADABLE` in place of a type that cannot be parsed or decoded."""

    def run(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not _is_readable(str(environ.get("CONTENT_TYPE", ""))):
            environ["CONTENT_TYPE"] = UNREADABLE
        return application(environ, start_response)

    return run


def _is_readable(content_type: str) -> bool:
    if ";" not in content_type:
        return True
    try:
        _, parameters = parse_header_parameters(content_type)
    except Exception:  # noqa: BLE001  the parser of e-mail behind it raises more than it documents
        return False
    return str(parameters.get("charset", "utf-8")).lower() in _CHARSETS
