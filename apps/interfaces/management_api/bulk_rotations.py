"""The management API for rollovers of many keys."""

from typing import Any, ClassVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.bulk_rotation import operations, queries
from apps.domain.bulk_rotation.models import Rollover
from apps.domain.vaults.queries import get_vault
from apps.interfaces.management_api.base import ManagementView, read


class ProgressSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField(read_only=True)
    done = serializers.IntegerField(read_only=True)
    failed = serializers.IntegerField(read_only=True)
    left_out = serializers.IntegerField(read_only=True)
    begun = serializers.IntegerField(read_only=True)
    waiting = serializers.IntegerField(read_only=True)
    rate = serializers.FloatField(read_only=True, help_text="keys a second")
    seconds_left = serializers.FloatField(read_only=True, source="left", allow_null=True)
    stuck = serializers.BooleanField(read_only=True)


class RolloverSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(read_only=True)
    vault = serializers.CharField(read_only=True, source="vault.name")
    older_than_days = serializers.IntegerField(write_only=True, min_value=0, max_value=3650, default=0)
    reason = serializers.CharField(max_length=300)
    begun_by = serializers.CharField(read_only=True)
    state = serializers.CharField(read_only=True)
    total = serializers.IntegerField(read_only=True)
    created = serializers.DateTimeField(read_only=True)
    finished = serializers.DateTimeField(read_only=True)


class OneRolloverSerializer(RolloverSerializer):
    progress = ProgressSerializer(read_only=True)


class StateSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=["running", "paused", "cancelled"])


class Rollovers(ManagementView):
    """Rollovers of a vault."""

    operation = Operation.ROLLOVER_BEGIN
    permissions: ClassVar = {"get": Permission.KEYS_LIST, "post": Permission.KEYS_ROTATE}

    @extend_schema(operation_id="rollovers_list", responses=RolloverSerializer(many=True))
    def get(self, request: Request, name: str) -> Response:
        """List the last hundred."""
        vault = get_vault(name=name)
        self.grant(request, Scope.of(vault))
        return Response(RolloverSerializer(queries.list_rollovers(limit=100, vault_id=vault.pk), many=True).data)

    @extend_schema(request=RolloverSerializer, responses={201: RolloverSerializer})
    def post(self, request: Request, name: str) -> Response:
        """Begin to give every enabled key that old a new version."""
        vault = get_vault(name=name)
        grant = self.grant(request, Scope.of(vault))
        data = read(RolloverSerializer, request)
        row = operations.start(grant=grant, vault=vault, now=now(), **data)
        return Response(RolloverSerializer(row).data, status=201)


class OneRollover(ManagementView):
    """One rollover."""

    operation = Operation.ROLLOVER_SWITCH
    permissions: ClassVar = {"get": Permission.KEYS_LIST, "patch": Permission.KEYS_ROTATE}

    @extend_schema(operation_id="rollovers_retrieve", responses=OneRolloverSerializer)
    def get(self, request: Request, rollover_id: UUID) -> Response:
        """Tell how far it is."""
        self.grant(request)  # before anybody hears whether it exists
        row = queries.get_rollover(rollover_id=rollover_id)
        self.grant(request, Scope.of(row.vault))
        return Response(self._told(row))

    @extend_schema(request=StateSerializer, responses=OneRolloverSerializer)
    def patch(self, request: Request, rollover_id: UUID) -> Response:
        """Pause it, let it go on, or cancel it."""
        self.grant(request)
        row = queries.get_rollover(rollover_id=rollover_id)
        grant = self.grant(request, Scope.of(row.vault))
        data = read(StateSerializer, request)
        row = operations.set_state(grant=grant, rollover_id=row.pk, state=data["state"])
        return Response(self._told(row))

    @staticmethod
    def _told(row: Rollover) -> dict[str, Any]:
        progress = ProgressSerializer(queries.progress_of(row, now=now())).data
        return {**RolloverSerializer(row).data, "progress": progress}
