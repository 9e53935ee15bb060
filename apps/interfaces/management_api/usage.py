"""The management API for the use of vaults and the calls of applications."""

from datetime import timedelta
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import USES, Operation
from apps.core.clock import now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.catalog import visibility
from apps.domain.identity.queries import list_applications
from apps.domain.vaults.queries import get_vault
from apps.interfaces.management_api.base import ManagementView
from apps.usage.queries import callers_of, sums_of_callers


class CallerSerializer(serializers.Serializer[Any]):
    caller = serializers.CharField(read_only=True)
    count = serializers.IntegerField(read_only=True)
    latest = serializers.DateTimeField(read_only=True)


class OperationSerializer(serializers.Serializer[Any]):
    operation = serializers.CharField(read_only=True)
    done = serializers.IntegerField(read_only=True, source="all_done")
    refused = serializers.IntegerField(read_only=True, source="all_refused")
    latest = serializers.DateTimeField(read_only=True)


class Callers(ManagementView):
    """Callers of a vault."""

    operation = Operation.USAGE_GET
    permissions: ClassVar = {"get": Permission.USAGE_READ}

    @extend_schema(
        parameters=[OpenApiParameter("object", str, description="keys/<name>, secrets/<name> or certificates/<name>")],
        responses=CallerSerializer(many=True),
    )
    def get(self, request: Request, name: str) -> Response:
        """List who used the vault, or one object in it, in the last 90 days."""
        vault = get_vault(name=name)
        principal = self.grant(request, Scope.of(vault)).principal
        since, named = now() - timedelta(days=90), request.query_params.get("object", "")
        known = visibility.knows_named(principal, vault, named)
        rows = callers_of(vault_id=vault.pk, operations=USES, object_id=named, since=since) if known else []
        return Response(CallerSerializer(rows, many=True).data)


class OwnUsage(ManagementView):
    """Calls of the caller's applications."""

    operation = Operation.OWN_USAGE_GET
    permissions: ClassVar = {"get": Permission.REFUSALS_EXPLAIN}

    @extend_schema(responses=OperationSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Count the calls of your applications by operation."""
        principal = self.grant(request).principal
        callers = [row.user_id for row in list_applications(owner_id=principal.id)]
        return Response(OperationSerializer(sums_of_callers(caller_ids=callers), many=True).data)
