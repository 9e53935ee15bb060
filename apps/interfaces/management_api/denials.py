"""The management API for denied requests."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.domain.access.permissions import Permission
from apps.domain.denials import explanation
from apps.interfaces.management_api.base import ManagementView


class RefusalSerializer(serializers.Serializer[Any]):
    application = serializers.CharField(read_only=True)
    request_id = serializers.UUIDField(read_only=True, source="row.request_id")
    at = serializers.DateTimeField(read_only=True, source="row.at")
    status = serializers.IntegerField(read_only=True, source="row.status")
    operation = serializers.CharField(read_only=True, source="row.operation")
    vault = serializers.CharField(read_only=True, source="row.vault_name")
    object = serializers.CharField(read_only=True, source="row.object_id")


class ToldSerializer(RefusalSerializer):
    sentence = serializers.CharField(read_only=True, source="because", help_text="why")
    missing = serializers.CharField(read_only=True, help_text="the permission that was missing; empty: none was")
    roles = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="roles that have it")
    giver = serializers.CharField(read_only=True, help_text="who can grant it, or fix it otherwise")
    allowed_now = serializers.BooleanField(read_only=True, source="now")
    limit = serializers.IntegerField(read_only=True, help_text="of a throttled operation, in ten seconds")
    free = serializers.DateTimeField(read_only=True, help_text="of a throttled operation: when there was room again")


class Refusals(ManagementView):
    """Refusals of one's own applications."""

    operation = Operation.REFUSAL_LIST
    permissions: ClassVar = {"get": Permission.REFUSALS_EXPLAIN}

    @extend_schema(operation_id="refusals_list", responses=RefusalSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the last hundred refusals of your applications."""
        rows = explanation.list_latest(grant=self.grant(request), limit=100)
        return Response(RefusalSerializer([{"application": name, "row": row} for name, row in rows], many=True).data)


class OneRefusal(ManagementView):
    """One refusal."""

    operation = Operation.REFUSAL_EXPLAIN
    permissions: ClassVar = {"get": Permission.REFUSALS_EXPLAIN}

    @extend_schema(operation_id="refusals_retrieve", responses=ToldSerializer)
    def get(self, request: Request, request_id: UUID) -> Response:
        """Explain a refusal by the request id of its answer: what was missing and who can give it."""
        return Response(
            ToldSerializer(explanation.explain_denial(grant=self.grant(request), request_id=request_id)).data
        )
