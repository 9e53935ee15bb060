"""What callers of guarded acts meet; apart from the operations, so that pages which only read need not import those."""

from apps.core.errors import Forbidden


class SecondPersonNeeded(Forbidden):
    """The act waits for an approval."""
