"""Sessions of the portals (SESSION_ENGINE). The browser has a random value; the database has its hash.

Another process, a dump or a backup that contains a row cannot open its session. `session_key` is the stored key:
Django and django-allauth store and compare it.
"""

import secrets
from typing import Self

from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions

from apps.domain.identity.rules import session_key_of


class _Key(str):
    """The stored key, with the cookie that it was made from: what is given a key alone knows no cookie."""

    __slots__ = ("cookie",)

    cookie: str

    @classmethod
    def of(cls, cookie: str) -> Self:
        """The key for the value of a cookie."""
        key = cls(session_key_of(cookie))
        key.cookie = cookie
        return key


class SessionStore(DatabaseSessions):
    """Django's sessions in the database, under hashed keys."""

    @classmethod
    def of_cookie(cls, cookie: str | None) -> Self:
        """The session of a browser that sent this value; a new one if there is none."""
        return cls(_Key.of(cookie) if cookie else None)

    def _get_new_session_key(self) -> str:
        return _Key.of(secrets.token_urlsafe(32))  # `create` tries again if there should be such a row


def cookie_of(session: SessionBase) -> str:
    """The value of the cookie of a session; "" where nobody has one."""
    return str(getattr(session.session_key, "cookie", ""))
