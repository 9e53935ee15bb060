"""The management API for the clock of a test installation."""

from datetime import timedelta
from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.vaults import clock
from apps.interfaces.management_api.base import Resource, endpoint


class ClockSerializer(serializers.Serializer[Any]):
    movable = serializers.BooleanField(read_only=True, help_text="this is a test installation with a clock that moves")
    now = serializers.DateTimeField(read_only=True, help_text="of keys, secrets, certificates and vaults")
    machine = serializers.DateTimeField(read_only=True, help_text="of sign-ins, tokens and the audit log")
    moved_seconds = serializers.SerializerMethodField()

    def get_moved_seconds(self, found: clock.Clock) -> int:
        """By how much the clock was moved."""
        return int(found.moved.total_seconds())


class MoveSerializer(serializers.Serializer[Any]):
    """How far the clock moves forward."""

    days = serializers.IntegerField(required=False, default=0, min_value=0, max_value=7320)
    seconds = serializers.IntegerField(required=False, default=0, min_value=0, max_value=86400)


class MovableClock(Resource):
    """The clock."""

    @endpoint(Operation.CLOCK_GET, Permission.VAULTS_READ, returns=ClockSerializer)
    def retrieve(self) -> Any:
        """Read the clock."""
        return clock.read_clock(now=now())

    @endpoint(Operation.CLOCK_MOVE, Permission.VAULTS_UPDATE, takes=MoveSerializer, returns=ClockSerializer)
    def move(self) -> Any:
        """Move the clock of a test installation forward. There is no way back."""
        return clock.move_clock(grant=self.grant, by=timedelta(**self.data), now=now())
