"""The words of the auditors' query API."""

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from apps.audit_log.records import format_timestamp

# The fields of Azure's AuditEvent, the record's id and its place in its log.
RecordSerializer = inline_serializer(
    "AuditRecord",
    fields={
        "recordId": serializers.UUIDField(read_only=True),
        "seq": serializers.IntegerField(read_only=True, allow_null=True),
        "recorded": serializers.DateTimeField(read_only=True),
        "time": serializers.DateTimeField(read_only=True),
        "operationName": serializers.CharField(read_only=True),
        "operationVersion": serializers.CharField(read_only=True),
        "category": serializers.CharField(read_only=True),
        "resourceId": serializers.CharField(read_only=True),
        "resultType": serializers.CharField(read_only=True),
        "resultSignature": serializers.CharField(read_only=True),
        "resultDescription": serializers.CharField(read_only=True),
        "durationMs": serializers.CharField(read_only=True),
        "callerIpAddress": serializers.CharField(read_only=True),
        "correlationId": serializers.CharField(read_only=True),
        "identity": serializers.JSONField(read_only=True),
        "properties": serializers.JSONField(read_only=True),
        "problem": serializers.CharField(read_only=True, required=False, help_text="why the record does not open"),
    },
)


class PageSerializer(serializers.Serializer[Any]):
    """Records, newest first, and the address of the next page."""

    records = serializers.ListField(child=RecordSerializer, read_only=True)
    next = serializers.URLField(read_only=True, allow_null=True)


class TimestampField(serializers.CharField):
    """A time as audit records have it."""

    def to_representation(self, value: Any) -> str:
        return format_timestamp(value)


class IncidentSerializer(serializers.Serializer[Any]):
    """Something that was found wrong."""

    found = TimestampField(read_only=True)
    seq = serializers.IntegerField(read_only=True, allow_null=True)
    record = serializers.UUIDField(read_only=True, allow_null=True, source="event_id")
    problem = serializers.CharField(read_only=True)
    sentence = serializers.CharField(read_only=True)


class DeliverySerializer(serializers.Serializer[Any]):
    """How far the owner's storage has a log."""

    delivered = serializers.IntegerField(read_only=True, help_text="how many records the storage has")
    last_delivered = TimestampField(read_only=True, allow_null=True)
    waiting_since = TimestampField(
        read_only=True, allow_null=True, help_text="when its oldest record was made that is not there"
    )
    state = serializers.CharField(read_only=True, help_text="ok, attention, wrong, or none: nothing was delivered yet")


class LogSerializer(serializers.Serializer[Any]):
    """A log: `vault` is empty for the organisation's own and for vaults that are gone."""

    log = serializers.UUIDField(read_only=True, source="log_id")
    vault = serializers.CharField(read_only=True)
    size = serializers.IntegerField(read_only=True)
    newest = TimestampField(read_only=True)
    forgotten = serializers.IntegerField(read_only=True, help_text="records below it were deleted by retention")
    checkpoint = serializers.CharField(read_only=True, source="note")
    genuine = serializers.BooleanField(read_only=True, help_text="the newest checkpoint is signed, and of this size")
    incidents = IncidentSerializer(many=True, read_only=True)
    verified = serializers.IntegerField(read_only=True, help_text="records that the last full check found good")
    verified_at = TimestampField(read_only=True, allow_null=True)
    looked = TimestampField(read_only=True, allow_null=True, help_text="when the server last checked some permissions")
    unnumbered = serializers.IntegerField(read_only=True, help_text="records that wait for their number and signature")
    unnumbered_since = TimestampField(
        read_only=True, source="waiting.since", allow_null=True, help_text="when the oldest of those was made"
    )
    state = serializers.CharField(read_only=True, help_text="ok, attention or wrong: what was found, and what stands")
    delivery = DeliverySerializer(read_only=True, allow_null=True)


class CheckpointSerializer(serializers.Serializer[Any]):
    """A signed statement of a log's size and root."""

    size = serializers.IntegerField(read_only=True)
    at = TimestampField(read_only=True)
    note = serializers.CharField(read_only=True)


class ProofSerializer(serializers.Serializer[Any]):
    """The inclusion proof of one record (RFC 6962 section 2.1.1)."""

    seq = serializers.IntegerField(read_only=True)
    checkpoint = serializers.CharField(read_only=True)
    proof = serializers.ListField(child=serializers.CharField(), read_only=True)
    problem = serializers.CharField(read_only=True, help_text="empty: the record is where it must be, unaltered")


class PackSerializer(serializers.Serializer[Any]):
    """An evidence pack, or the wish for one."""

    id = serializers.UUIDField(read_only=True)
    vault = serializers.CharField(source="vault_name", max_length=24, help_text="- for the organisation's log")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    state = serializers.CharField(read_only=True, help_text="queued, running, done, failed or cancelled")
    records = serializers.IntegerField(read_only=True, source="total")
    done = serializers.IntegerField(read_only=True)
    doing = serializers.CharField(read_only=True, help_text="what it does now, or why it failed")
    created = serializers.DateTimeField(read_only=True)
    bytes = serializers.IntegerField(read_only=True, source="result.bytes", default=None)
    sha256 = serializers.CharField(read_only=True, source="result.sha256", default=None)
