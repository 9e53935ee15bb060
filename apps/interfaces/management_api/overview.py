"""The management API for what the overview shows: what is unusual, what comes, how busy it is."""

import re
from datetime import timedelta
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.core.errors import BadRequest
from apps.domain.access.permissions import Permission
from apps.domain.catalog import anomalies
from apps.domain.catalog.queries import list_upcoming
from apps.interfaces.management_api.base import ManagementView
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
    what = serializers.CharField(read_only=True, help_text="expires, rotates or is purged")
    kind = serializers.CharField(read_only=True)
    vault = serializers.CharField(read_only=True, help_text="of an application's secret: the client id")
    name = serializers.CharField(read_only=True)


class MinuteSerializer(serializers.Serializer[Any]):
    minute = serializers.DateTimeField(read_only=True)
    operations = serializers.IntegerField(read_only=True)
    refused = serializers.IntegerField(read_only=True, help_text="or failed")


class Anomalies(ManagementView):
    """Anomalies."""

    operation = Operation.ANOMALY_LIST
    permissions: ClassVar = {"get": Permission.USAGE_READ}

    @extend_schema(operation_id="anomalies_list", responses=AnomalySerializer(many=True))
    def get(self, request: Request) -> Response:
        """List bursts of refusals, callers that are new to a vault, and old versions that still protect data."""
        self.grant(request)
        found = anomalies.list_anomalies(now=now(), limit=100)
        return Response(AnomalySerializer(found, many=True).data)


class ComingEvents(ManagementView):
    """Upcoming events."""

    operation = Operation.COMING_LIST
    permissions: ClassVar = {"get": Permission.KEYS_LIST}

    @extend_schema(operation_id="coming_list", responses=ComingSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List what expires, rolls or is purged in the next 30 days, the first first; at most a thousand."""
        principal = self.grant(request).principal
        events = list_upcoming(principal=principal, now=now(), days=30, limit=1000)
        return Response(ComingSerializer(events, many=True).data)


class Minutes(ManagementView):
    """Operations per minute."""

    operation = Operation.MINUTE_LIST
    permissions: ClassVar = {"get": Permission.USAGE_READ}

    @extend_schema(
        operation_id="minutes_list",
        parameters=[OpenApiParameter("hours", int)],
        responses=MinuteSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Count operations for each whole minute of the last hours (6, at most 48)."""
        self.grant(request)
        text = request.query_params.get("hours", "6")
        hours = int(text) if re.fullmatch("[0-9]{1,2}", text) else 0
        if not 1 <= hours <= _LONGEST_HOURS:
            raise BadSpan(f"hours: a number from 1 to {_LONGEST_HOURS}.")
        moment = now()
        rows = per_minute(since=moment - timedelta(hours=hours), until=moment)
        minutes = [{"minute": minute, "operations": count, "refused": refused} for minute, count, refused in rows]
        return Response(MinuteSerializer(minutes, many=True).data)
