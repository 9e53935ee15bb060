"""The management API for denied requests."""

from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.domain.access.permissions import Permission
from apps.domain.denials import explanation
from apps.interfaces.management_api.base import Resource, endpoint


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


class Refusals(Resource):
    """Refusals of one's own applications."""

    @endpoint(Operation.REFUSAL_LIST, Permission.REFUSALS_EXPLAIN, lists=RefusalSerializer)
    def list(self) -> Any:
        """List the last hundred refusals of your applications."""
        rows = explanation.list_latest(grant=self.grant, limit=100)
        return [{"application": name, "row": row} for name, row in rows]

    @endpoint(
        Operation.REFUSAL_EXPLAIN, Permission.REFUSALS_EXPLAIN, returns=ToldSerializer, operation_id="refusals_retrieve"
    )
    def retrieve(self) -> Any:
        """Explain a refusal by the request id of its answer: what was missing and who can give it."""
        return explanation.explain_denial(grant=self.grant, request_id=self.kwargs["request_id"])
