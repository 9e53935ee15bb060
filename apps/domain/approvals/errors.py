"""What callers of guarded acts meet; apart from the operations, so that pages which only read need not import those."""

from apps.core.errors import Forbidden


class ApprovalRequired(Forbidden):
    """The act waits for an approval."""

    code = "SecondPersonNeeded"
