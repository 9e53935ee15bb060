"""Expired browser sessions, which are deleted since they may contain unfinished input.

The caller (the scheduler) demands the grant.
"""

from datetime import datetime

from apps.core.sql import execute

_TABLES = ("django_session", "identity_auditorsession")
_ENDED = """
    DELETE FROM {0} WHERE expire_date <= (SELECT max(expire_date) FROM
        (SELECT expire_date FROM {0} WHERE expire_date < %s ORDER BY expire_date LIMIT 10000) oldest)
"""


def delete_expired(*, now: datetime) -> int:
    """Delete sessions that end before `now`, a batch of each table. Returns how many. The role sees the times only."""
    return sum(execute(_ENDED.format(table), [now]) for table in _TABLES)
