"""Reading requests for a second person."""

from datetime import datetime
from uuid import UUID

from apps.core.errors import NotFound
from apps.domain.approvals.models import ApprovalRequest

State = ApprovalRequest.State


class RequestNotFound(NotFound):
    """No request with that id."""


def get_request(*, request_id: UUID) -> ApprovalRequest:
    """Raises `RequestNotFound`."""
    row = ApprovalRequest.objects.filter(pk=request_id).first()
    if row is None:
        raise RequestNotFound("There is no such request.")
    return row


def list_open(*, now: datetime) -> list[ApprovalRequest]:
    """What waits for a decision, the one that expires first first."""
    return list(ApprovalRequest.objects.filter(state=State.OPEN, expires__gt=now).order_by("expires"))


def list_past(*, now: datetime, limit: int) -> list[ApprovalRequest]:
    """What was decided, used or has expired, latest first."""
    open_ones = ApprovalRequest.objects.filter(state=State.OPEN, expires__gt=now)
    return list(ApprovalRequest.objects.exclude(pk__in=open_ones.values("pk")).order_by("-created")[:limit])


def count_open(*, now: datetime) -> int:
    """How many wait."""
    return ApprovalRequest.objects.filter(state=State.OPEN, expires__gt=now).count()
