"""The management API for bulk rotations."""

from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.bulk_rotation import operations, queries
from apps.domain.bulk_rotation.models import Rollover
from apps.interfaces.management_api.base import Resource, VaultResource, endpoint


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


class VaultRollovers(VaultResource):
    """Bulk rotations of a vault."""

    @endpoint(Operation.ROLLOVER_BEGIN, Permission.KEYS_LIST, lists=RolloverSerializer, operation_id="rollovers_list")
    def list(self) -> Any:
        """List the last hundred bulk rotations of a vault."""
        return queries.list_rollovers(limit=100, vault_id=self.vault.pk)

    @endpoint(Operation.ROLLOVER_BEGIN, Permission.KEYS_ROTATE, takes=RolloverSerializer, creates=RolloverSerializer)
    def create(self) -> Any:
        """Start a bulk rotation of the enabled keys that are older than `older_than_days`."""
        return operations.start(grant=self.grant, vault=self.vault, now=now(), **self.data)


class Rollovers(Resource):
    """One bulk rotation."""

    row: Rollover

    def scope(self) -> Scope:
        self.authorize(Scope())  # before anybody hears whether it exists
        self.row = queries.get_rollover(rollover_id=self.kwargs["rollover_id"])
        return Scope.of(self.row.vault)

    @endpoint(Operation.ROLLOVER_SWITCH, Permission.KEYS_LIST, returns=OneRolloverSerializer)
    def retrieve(self) -> Any:
        """Read a bulk rotation with its progress."""
        return self._with_progress(self.row)

    @endpoint(Operation.ROLLOVER_SWITCH, Permission.KEYS_ROTATE, takes=StateSerializer, returns=OneRolloverSerializer)
    def update(self) -> Any:
        """Pause, resume or cancel a bulk rotation."""
        row = operations.set_state(grant=self.grant, rollover_id=self.row.pk, state=self.data["state"])
        return self._with_progress(row)

    @staticmethod
    def _with_progress(row: Rollover) -> dict[str, Any]:
        return {**vars(row), "vault": row.vault, "progress": queries.progress_of(row, now=now())}
