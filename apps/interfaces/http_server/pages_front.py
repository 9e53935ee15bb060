"""The front of a process that serves pages: the portals with the management API, and the auditors' portal.

A request that may ask for the hash of a password waits for slots of its own, so that sign-ins do not keep people who
are signed in from their pages.
"""

from collections.abc import Mapping
from typing import Any

from apps.interfaces.http_server.front import Front, Route, WsgiApplication, bounded

_PAGE_SLOTS, _SIGN_IN_SLOTS = 2, 3
_SIGN_INS_OF_A_SENDER = 2  # at once: one more than hashes, for what needs none, and one slot less than there are
_HASHING_PATHS = ("/account/", "/invitation/")


class PagesFront(Front):
    """Serves pages and sign-ins, each in slots of their own."""

    def __init__(self, application: WsgiApplication) -> None:
        super().__init__()
        self._pages = Route(256 * 1024, bounded(application, _PAGE_SLOTS))
        self._sign_ins = Route(64 * 1024, bounded(application, _SIGN_IN_SLOTS, at_once=_SIGN_INS_OF_A_SENDER))

    def route_of(self, environ: Mapping[str, Any]) -> Route:
        """Tell a request that may hash a password from all others."""
        return self._sign_ins if _hashes(environ) else self._pages


def _hashes(environ: Mapping[str, Any]) -> bool:
    """Tell whether a request to a portal may ask for the hash of a password."""
    if str(environ.get("HTTP_AUTHORIZATION", ""))[:6].lower() == "basic ":
        return True
    method = str(environ["REQUEST_METHOD"]).upper()  # as Django does: `post` is a POST too
    return method == "POST" and str(environ["PATH_INFO"]).startswith(_HASHING_PATHS)
