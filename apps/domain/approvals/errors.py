"""Errors of approvals, apart from the operations, so that read-only pages need not import those."""

from uuid import UUID

from apps.core.errors import Forbidden


class ApprovalRequired(Forbidden):
    """The operation needs an approval."""

    code = "SecondPersonNeeded"

    def __init__(self, message: str = "", *, request_id: UUID | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id  # of the request that is open; None: several, or none
