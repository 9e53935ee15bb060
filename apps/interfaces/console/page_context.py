"""The context of every page: duty, navigation, theme, time zone."""

from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.http import HttpRequest

from apps.core import clock, movable_clock
from apps.core.principals import PersonRole
from apps.domain.identity.models import User
from vaultportal import __version__

THEMES = (("system", "System"), ("light", "Light"), ("dark", "Dark"), ("contrast", "High contrast"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the navigation; `key` opens it after `g`."""

    name: str
    label: str
    key: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class Undo:
    """The opposite of the last operation: a form of one button, shown once with the message."""

    url: str
    name: str = ""  # of the form's one field
    value: str = ""

    def remember(self, request: HttpRequest) -> None:
        """For the next page that the person sees."""
        request.session[_UNDO] = asdict(self)

    @staticmethod
    def recall(request: HttpRequest) -> dict[str, str] | None:
        """The offer for this page; requests by htmx for a part of a page leave it."""
        session = getattr(request, "session", None)
        if session is None or request.headers.get("HX-Request") or _UNDO not in session:
            return None
        undo: dict[str, str] = session.pop(_UNDO)
        return undo


_UNDO = "undo"

OWN_CA_NAME = "vault-portal-ca.pem"  # the name of the downloaded file
NAVIGATION = {
    PersonRole.SECURITY_OPERATIONS: (
        Entry("secops:overview", "Overview", "o"),
        Entry("secops:vaults", "Vaults", "v"),
        Entry("secops:approvals", "Approvals", "a"),
        Entry("secops:applications", "Applications", "p"),
        Entry("secops:access", "Access", "c"),
        Entry("secops:hsm", "HSM", "h"),
        Entry("secops:calendar", "Calendar", "d"),
        Entry("secops:recycle_bin", "Recycle bin", "r"),
    ),
    PersonRole.AUDITOR: (
        Entry("auditors:records", "Explorer", "e"),
        Entry("auditors:integrity", "Integrity", "i"),
        Entry("auditors:queue", "Review queue", "q"),
        Entry("auditors:access", "Access", "c"),
        Entry("auditors:patterns", "Patterns", "p"),
        Entry("auditors:packs", "Evidence", "v"),
        Entry("auditors:reading", "My audit activity", "m"),
    ),
    PersonRole.DEVELOPER: (
        Entry("dev:overview", "Overview", "o"),
        Entry("dev:vaults", "Vaults", "v"),
        Entry("dev:applications", "Applications", "p"),
        Entry("dev:explain", "Explain", "e"),
        Entry("dev:calendar", "Calendar", "d"),
        Entry("dev:usage", "Usage", "u"),
    ),
}
# The page of the search field and its placeholder; the palette's entries besides the navigation.
SEARCH = {
    PersonRole.SECURITY_OPERATIONS: ("secops:search", "Search vaults, keys, people"),
    PersonRole.AUDITOR: ("auditors:search", "Request id, caller, keys/name, address"),
    PersonRole.DEVELOPER: ("dev:search", "Search your vaults and objects"),
}
SHORTCUTS = {
    PersonRole.SECURITY_OPERATIONS: (
        ("secops:vault_new", "Create a vault"),
        ("secops:application_new", "Create an application identity"),
    ),
    PersonRole.DEVELOPER: (
        ("dev:vault_new", "Create a test vault"),
        ("dev:application_new", "Create an application identity"),
    ),
}
NAMES = {
    PersonRole.SECURITY_OPERATIONS: "Security operations",
    PersonRole.DEVELOPER: "Developers",
    PersonRole.AUDITOR: "Auditors",
}


def page_frame(request: HttpRequest) -> dict[str, Any]:
    """The context processor: `frame` in every template."""
    user = getattr(request, "user", None)
    role = PersonRole(user.duty) if isinstance(user, User) and user.duty else None
    theme = request.COOKIES.get("theme", "system")
    search, placeholder = SEARCH.get(role, ("", "")) if role else ("", "")
    return {
        "frame": {
            "theme": theme if theme in dict(THEMES) else "system",
            "themes": THEMES,
            "duty": role.value if role else "",
            "duty_name": NAMES[role] if role else "",
            "navigation": NAVIGATION.get(role, ()) if role else (),
            "search": search,
            "placeholder": placeholder,
            "shortcuts": SHORTCUTS.get(role, ()) if role else (),
            "environment": settings.ENVIRONMENT_NAME,
            "version": __version__,
            "own_ca": OWN_CA_NAME if settings.OWN_CA else "",
            "undo": Undo.recall(request) if role else None,
            "moved_clock": _moved_clock(),
        }
    }


def _moved_clock() -> datetime | None:
    """The time of objects and vaults, if the clock of this test installation was moved."""
    return clock.lifecycle_now() if movable_clock.offset() else None


def zone_of(request: HttpRequest) -> tzinfo:
    """The person's time zone, from a cookie of their browser; UTC without one."""
    return _zone(request.COOKIES.get("zone", "UTC").replace("%2F", "/")[:64])


@lru_cache(maxsize=512)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
