"""The management API for approval requests."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.approvals import operations as approvals
from apps.domain.approvals.queries import get_request, list_open
from apps.domain.catalog.impact import calculate_impact
from apps.interfaces.management_api.base import ManagementView, read
from apps.interfaces.management_api.usage import CallerSerializer


class ApprovalSerializer(serializers.Serializer[Any]):
    """A request for a second person."""

    id = serializers.UUIDField(read_only=True)
    act = serializers.CharField(read_only=True)
    vault = serializers.CharField(read_only=True, source="vault_name")
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


class Approvals(ManagementView):
    """Requests for a second person."""

    operation = Operation.APPROVAL_LIST
    permissions: ClassVar = {"get": Permission.APPROVALS_READ}

    @extend_schema(operation_id="approvals_list", responses=ApprovalSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List what waits for a decision."""
        self.grant(request)
        return Response(ApprovalSerializer(list_open(now=now()), many=True).data)


class OneApproval(ManagementView):
    """One request."""

    operation = Operation.APPROVAL_DECIDE
    permissions: ClassVar = {"get": Permission.APPROVALS_READ, "post": Permission.APPROVALS_DECIDE}
    require_reauth = frozenset({"post"})

    @extend_schema(operation_id="approvals_retrieve", responses=OneApprovalSerializer)
    def get(self, request: Request, request_id: UUID) -> Response:
        """Read a request with its effect: what changes, who used the thing lately and whether that breaks."""
        self.grant(request)
        row = get_request(request_id=request_id)
        effect = calculate_impact(request=row, now=now())
        changes = [{"what": what, "now": before, "afterwards": after} for what, before, after in effect.changes]
        impact = {"changes": changes, "callers": effect.callers, "last_use": effect.last_use, "breaks": effect.breaks}
        shown = OneApprovalSerializer({**ApprovalSerializer(row).data, "vault_name": row.vault_name, **impact})
        return Response(shown.data)

    @extend_schema(request=DecisionSerializer, responses=ApprovalSerializer)
    def post(self, request: Request, request_id: UUID) -> Response:
        """Approve or reject; never one's own."""
        grant = self.grant(request)
        data = read(DecisionSerializer, request)
        decided = approvals.decide(grant=grant, request_id=request_id, now=now(), **data)
        return Response(ApprovalSerializer(decided).data)
