"""Errors of approvals, apart from the operations, so that read-only pages need not import those."""

from apps.core.errors import Forbidden


class ApprovalRequired(Forbidden):
    """The operation needs an approval."""

    code = "SecondPersonNeeded"
