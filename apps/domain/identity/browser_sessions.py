"""Expired browser sessions, which are deleted since they may contain unfinished input.

The caller (the scheduler) demands the grant.
"""

from datetime import datetime

from apps.core.sql import execute

_ENDED = """
    DELETE FROM django_session WHERE session_key IN
        (SELECT session_key FROM django_session WHERE expire_date < %s ORDER BY expire_date LIMIT 10000)
"""


def delete_expired(*, now: datetime) -> int:
    """Delete sessions that end before `now`, at most one batch. Returns how many. The role sees no session's data."""
    return execute(_ENDED, [now])
