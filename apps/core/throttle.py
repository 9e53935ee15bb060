"""Throttling of failed sign-ins: ten a minute for one name from one address, in all processes together.

A source is always a name with an address: many callers share an address (a proxy, a cluster), and with the name alone
anybody could lock another user out.
"""

import hashlib
from collections.abc import Hashable

from django.core.cache import cache

FAILURES, WINDOW_SECONDS = 10, 60


def is_throttled(source: Hashable) -> bool:
    """Tell whether the source has failed too often. Raises `django.db.Error` when that cannot be known."""
    return bool(cache.get(_key(source), 0) >= FAILURES)


def count_failure(source: Hashable) -> None:
    """Count a failure of the source. Raises `django.db.Error` when it cannot be counted."""
    key = _key(source)
    if cache.add(key, 1, WINDOW_SECONDS):
        return
    try:
        cache.incr(key)
    except ValueError:  # it ended in between
        cache.add(key, 1, WINDOW_SECONDS)


def _key(source: Hashable) -> str:
    return "failures:" + hashlib.sha256(repr(source).encode("utf-8", "surrogatepass")).hexdigest()
