"""The management API for the use of vaults and the calls of applications."""

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from apps.audit_log.operation_names import USES, Operation
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.catalog.visibility import knows_named
from apps.domain.identity.queries import list_applications
from apps.interfaces.management_api.base import Resource, VaultResource, endpoint
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


class Callers(VaultResource):
    """Callers of a vault."""

    @endpoint(
        Operation.USAGE_GET,
        Permission.USAGE_READ,
        lists=CallerSerializer,
        parameters=[OpenApiParameter("object", str, description="keys/<name>, secrets/<name> or certificates/<name>")],
    )
    def list(self) -> Any:
        """List who used the vault, or one object in it, in the last 90 days."""
        named = self.request.query_params.get("object", "")
        if not knows_named(self.grant.principal, self.vault, named):
            return []
        since = now() - timedelta(days=90)
        return callers_of(vault_id=self.vault.pk, operations=USES, object_id=named, since=since)


class OwnUsage(Resource):
    """Calls of the caller's applications."""

    @endpoint(Operation.OWN_USAGE_GET, Permission.REFUSALS_EXPLAIN, lists=OperationSerializer)
    def list(self) -> Any:
        """Count the calls of your applications by operation."""
        applications = list_applications(owner_id=self.grant.principal.id)
        return sums_of_callers(caller_ids=[row.user_id for row in applications])
