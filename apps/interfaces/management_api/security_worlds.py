"""The management API for the security worlds and their HSMs."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client.hsm_status import WorkerStatus, status_of
from apps.domain.security_worlds.queries import count_keys, list_worlds
from apps.interfaces.management_api.base import ManagementView


class LatencySerializer(serializers.Serializer[Any]):
    operation = serializers.CharField(read_only=True)
    algorithm = serializers.CharField(read_only=True)
    count = serializers.IntegerField(read_only=True, help_text="since the workers started")
    p50 = serializers.FloatField(read_only=True, help_text="milliseconds, of the latest")
    p99 = serializers.FloatField(read_only=True)


class TokenSerializer(serializers.Serializer[Any]):
    worker = serializers.CharField(read_only=True)
    serving = serializers.BooleanField(read_only=True)
    slot = serializers.IntegerField(read_only=True, required=False)
    token = serializers.CharField(read_only=True, required=False)
    serial = serializers.CharField(read_only=True, required=False)
    manufacturer = serializers.CharField(read_only=True, required=False)
    model = serializers.CharField(read_only=True, required=False)
    firmware = serializers.CharField(read_only=True, required=False)
    handles = serializers.IntegerField(read_only=True, required=False, help_text="unwrapped keys that are live")
    handles_most = serializers.IntegerField(read_only=True, required=False)


class WorldSerializer(serializers.Serializer[Any]):
    world = serializers.CharField(read_only=True)
    geography = serializers.CharField(read_only=True)
    generation = serializers.IntegerField(read_only=True)
    serving = serializers.BooleanField(read_only=True)
    hsm_keys = serializers.IntegerField(read_only=True)
    software_keys = serializers.IntegerField(read_only=True)
    profile = serializers.DictField(read_only=True)
    workers = TokenSerializer(many=True, read_only=True)
    latencies = LatencySerializer(many=True, read_only=True)


class Worlds(ManagementView):
    """Security worlds."""

    operation = Operation.WORLD_LIST
    permissions: ClassVar = {"get": Permission.USAGE_READ}

    @extend_schema(operation_id="hsm_list", responses=WorldSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Which worlds serve and how fast, with their tokens and what their HSMs can do."""
        self.grant(request)
        counts, shown = count_keys(), []
        for world in list_worlds():
            status = status_of(world=world.name)
            shown.append(
                {
                    "world": world.name,
                    "geography": world.geography,
                    "generation": world.generation,
                    "serving": status.serving,
                    "hsm_keys": counts.get((world.name, "wrapped"), 0),
                    "software_keys": counts.get((world.name, "software"), 0),
                    "profile": world.profile,
                    "workers": [_told(worker) for worker in status.workers],
                    "latencies": status.latencies,
                }
            )
        return Response(WorldSerializer(shown, many=True).data)


def _told(worker: WorkerStatus) -> dict[str, Any]:
    return {**(worker.facts or {}), "worker": worker.name, "serving": worker.facts is not None}
