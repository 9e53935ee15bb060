"""The management API for what the overview shows: what is unusual, what comes, how busy it is."""

import re
from datetime import timedelta
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.clock import lifecycle_now, now
from apps.core.errors import BadRequest
from apps.domain.access.permissions import Permission
from apps.domain.catalog import anomalies
from apps.domain.catalog.calendar import list_events
from apps.domain.objects.schedule import Event
from apps.interfaces.management_api.base import Resource, endpoint
from apps.usage.queries import per_minute

_LONGEST_HOURS = 48


class BadSpan(BadRequest):
    """A span that is no number, or too long."""


class AnomalySerializer(serializers.Serializer[Any]):
    what = serializers.CharField(read_only=True, help_text="refusals, first time or old version")
    at = serializers.DateTimeField(read_only=True)
    caller = serializers.CharField(read_only=True)
    vault = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True, help_text="the key")
    version = serializers.CharField(read_only=True)
    operation = serializers.CharField(read_only=True)
    count = serializers.IntegerField(read_only=True, help_text="refusals in two hours")
    usual = serializers.FloatField(read_only=True, help_text="refusals in two hours, over two weeks")


class ComingSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(read_only=True)
    what = serializers.ChoiceField(read_only=True, choices=[event.value for event in Event])
    kind = serializers.CharField(
        read_only=True, help_text="keys, secrets, certificates, vaults, or applications: a secret of one"
    )
    vault = serializers.CharField(read_only=True, help_text="of an application's secret: the client id")
    name = serializers.CharField(read_only=True)
    planned = serializers.BooleanField(
        read_only=True, help_text="about a version that an earlier event of this list makes"
    )


class MinuteSerializer(serializers.Serializer[Any]):
    minute = serializers.DateTimeField(read_only=True)
    operations = serializers.IntegerField(read_only=True)
    refused = serializers.IntegerField(read_only=True, help_text="or failed")


class Overview(Resource):
    """Lists over all vaults."""

    @endpoint(Operation.ANOMALY_LIST, Permission.USAGE_READ, lists=AnomalySerializer)
    def list_anomalies(self) -> Any:
        """List bursts of refusals, callers that are new to a vault, and old versions that still protect data."""
        return anomalies.list_anomalies(now=now(), limit=100)

    @endpoint(
        Operation.COMING_LIST,
        Permission.KEYS_LIST,
        lists=ComingSerializer,
        parameters=[OpenApiParameter("days", int), OpenApiParameter("vault", str)],
    )
    def list_upcoming(self) -> Any:
        """List rotations, renewals, notices, expiries and purges of the next `days` (30, at most 366), in order.

        With all repetitions; at most the first 20 000 events. `vault`: of this vault only.
        """
        query = self.request.query_params
        text = query.get("days", "30")
        days = int(text) if re.fullmatch("[0-9]{1,3}", text) else 0
        vault = query.get("vault", "").replace("\0", "")
        return list_events(principal=self.grant.principal, now=lifecycle_now(), days=days, vault=vault)

    @endpoint(
        Operation.MINUTE_LIST,
        Permission.USAGE_READ,
        lists=MinuteSerializer,
        parameters=[OpenApiParameter("hours", int)],
    )
    def list_minutes(self) -> Any:
        """Count operations for each whole minute of the last hours (6, at most 48)."""
        text = self.request.query_params.get("hours", "6")
        hours = int(text) if re.fullmatch("[0-9]{1,2}", text) else 0
        if not 1 <= hours <= _LONGEST_HOURS:
            raise BadSpan(f"hours: a number from 1 to {_LONGEST_HOURS}.")
        moment = now()
        rows = per_minute(since=moment - timedelta(hours=hours), until=moment)
        return [{"minute": minute, "operations": count, "refused": refused} for minute, count, refused in rows]
