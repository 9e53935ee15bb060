"""The management API for approval requests."""

from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.approvals import operations as approvals
from apps.domain.approvals.queries import get_request, list_open
from apps.domain.catalog.impact import calculate_impact
from apps.interfaces.management_api.base import Resource, endpoint
from apps.interfaces.management_api.usage import CallerSerializer


class ApprovalSerializer(serializers.Serializer[Any]):
    """A request for a second person."""

    id = serializers.UUIDField(read_only=True)
    act = serializers.CharField(read_only=True)
    vault = serializers.CharField(
        read_only=True, source="vault_name", help_text="empty for an act that opens several vaults, or all"
    )
    subject = serializers.CharField(read_only=True)
    change = serializers.DictField(read_only=True)
    requester = serializers.CharField(read_only=True)
    state = serializers.CharField(read_only=True)
    created = serializers.DateTimeField(read_only=True)
    expires = serializers.DateTimeField(read_only=True)
    decider = serializers.CharField(read_only=True)
    note = serializers.CharField(read_only=True)


class ChangeSerializer(serializers.Serializer[Any]):
    """A change that an operation makes."""

    what = serializers.CharField(read_only=True)
    now = serializers.CharField(read_only=True)
    afterwards = serializers.CharField(read_only=True)


class OneApprovalSerializer(ApprovalSerializer):
    """With what the approver must see."""

    changes = ChangeSerializer(many=True, read_only=True)
    callers = CallerSerializer(many=True, read_only=True, help_text="of the last 90 days")
    last_use = serializers.DateTimeField(read_only=True, allow_null=True)
    breaks = serializers.BooleanField(read_only=True, help_text="whether callers are in its way")


class DecisionSerializer(serializers.Serializer[Any]):
    approve = serializers.BooleanField()
    note = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class Approvals(Resource):
    """Requests for a second person."""

    @endpoint(Operation.APPROVAL_LIST, Permission.APPROVALS_READ, lists=ApprovalSerializer)
    def list(self) -> Any:
        """List what waits for a decision."""
        return list_open(now=now())

    @endpoint(Operation.APPROVAL_DECIDE, Permission.APPROVALS_READ, returns=OneApprovalSerializer)
    def retrieve(self) -> Any:
        """Read a request with its effect: what changes, who used the thing lately and whether that breaks."""
        row = get_request(request_id=self.kwargs["request_id"])
        impact = asdict(calculate_impact(request=row, now=now()))
        changes = [dict(zip(("what", "now", "afterwards"), change, strict=True)) for change in impact["changes"]]
        return {**vars(row), **impact, "changes": changes}

    @endpoint(
        Operation.APPROVAL_DECIDE,
        Permission.APPROVALS_DECIDE,
        takes=DecisionSerializer,
        returns=ApprovalSerializer,
        reauth=True,
    )
    def decide(self) -> Any:
        """Approve or reject; never one's own request, nor one of an account that one created, invited or can use."""
        request_id = self.kwargs["request_id"]
        return approvals.decide(grant=self.grant, request_id=request_id, now=now(), **self.data)
