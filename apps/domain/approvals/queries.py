"""Queries of approval requests."""

from datetime import datetime
from typing import Any
from uuid import UUID

from apps.core.errors import NotFound
from apps.domain.approvals.models import ApprovalRequest, GuardedOperation
from apps.domain.approvals.people import shared_people

State = ApprovalRequest.State


class RequestNotFound(NotFound):
    """No request with that id."""


def get_request(*, request_id: UUID) -> ApprovalRequest:
    """Return a request. Raises `RequestNotFound`."""
    row = ApprovalRequest.objects.filter(pk=request_id).first()
    if row is None:
        raise RequestNotFound("There is no such request.")
    return row


def is_approved(
    *, act: GuardedOperation, vault_id: UUID, requester_id: UUID, basis: dict[str, Any], now: datetime
) -> bool:
    """Whether another person has approved an act that is about exactly this, and that was not done yet."""
    rows = ApprovalRequest.objects.filter(
        act=act.value,
        vault_id=vault_id,
        requester_id=requester_id,
        basis=basis,
        state=State.APPROVED,
        expires__gt=now,
        decider_id__isnull=False,
    )
    deciders = rows.values_list("decider_id", "created")
    return any(one is not None and not shared_people(requester_id, one, at=created) for one, created in deciders)


def list_open(*, now: datetime) -> list[ApprovalRequest]:
    """List the open requests by expiry."""
    return list(ApprovalRequest.objects.filter(state=State.OPEN, expires__gt=now).order_by("expires"))


def list_past(*, now: datetime, limit: int) -> list[ApprovalRequest]:
    """List decided, used and expired requests, the latest first."""
    open_requests = ApprovalRequest.objects.filter(state=State.OPEN, expires__gt=now)
    return list(ApprovalRequest.objects.exclude(pk__in=open_requests.values("pk")).order_by("-created")[:limit])


def count_open(*, now: datetime) -> int:
    """Count the open requests."""
    return ApprovalRequest.objects.filter(state=State.OPEN, expires__gt=now).count()
