"""The management API for the security worlds and their HSMs."""

import hashlib
from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client.hsm_status import status_of
from apps.domain.security_worlds.models import SecurityWorld
from apps.domain.security_worlds.queries import count_keys, list_worlds, statement_authorities
from apps.interfaces.management_api.base import Resource, endpoint


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
    cache_mb = serializers.IntegerField(
        read_only=True, required=False, help_text="MiB that live and verified keys take"
    )
    cache_limit_mb = serializers.IntegerField(read_only=True, required=False, help_text="MiB that they may take")


class WorldSerializer(serializers.Serializer[Any]):
    world = serializers.CharField(read_only=True)
    geography = serializers.CharField(read_only=True)
    generation = serializers.IntegerField(read_only=True)
    serving = serializers.BooleanField(read_only=True)
    hsm_keys = serializers.IntegerField(read_only=True)
    software_keys = serializers.IntegerField(read_only=True)
    profile = serializers.DictField(read_only=True)
    statement_authority = serializers.CharField(
        read_only=True, allow_null=True, help_text="SHA-256 of the certificate that verifiers of key statements trust"
    )
    workers = TokenSerializer(many=True, read_only=True)
    latencies = LatencySerializer(many=True, read_only=True)


class Worlds(Resource):
    """Security worlds."""

    @endpoint(Operation.WORLD_LIST, Permission.USAGE_READ, lists=WorldSerializer)
    def list(self) -> Any:
        """Which worlds serve and how fast, with their tokens and what their HSMs can do."""
        counts, authorities = count_keys(), statement_authorities()
        return [_describe(world, counts, authorities.get(world.name)) for world in list_worlds()]


def _describe(world: SecurityWorld, counts: dict[tuple[str, str], int], authority: bytes | None) -> dict[str, Any]:
    status = status_of(world=world.name)
    return {
        "world": world.name,
        "geography": world.geography,
        "generation": world.generation,
        "profile": world.profile,
        "statement_authority": hashlib.sha256(authority).hexdigest() if authority else None,
        "serving": status.serving,
        "hsm_keys": counts.get((world.name, "wrapped"), 0),
        "software_keys": counts.get((world.name, "software"), 0),
        "workers": [
            {**(worker.facts or {}), "worker": worker.name, "serving": worker.facts is not None}
            for worker in status.workers
        ],
        "latencies": status.latencies,
    }
