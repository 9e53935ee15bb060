"""The management API for a vault's log destination and the retention of its log."""

from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.interfaces.management_api.base import VaultResource, endpoint
from apps.log_delivery import operations, queries
from apps.log_delivery.models import LogDestination
from apps.log_delivery.rules import KINDS, LONGEST_RETENTION_DAYS


class NewDestinationSerializer(serializers.Serializer[Any]):
    """What a destination is; credentials among the settings are sealed at once and never shown."""

    kind = serializers.ChoiceField(choices=KINDS)
    settings = serializers.DictField(
        child=serializers.CharField(max_length=32 * 1024, allow_blank=True),
        help_text="what is not named stays while the kind does, an empty text ends it. By kind; "
        "directory: path; s3: endpoint, region, bucket, prefix, ca_pem, access_key_id, "
        "secret_access_key; azure-blob: account_url, container, prefix, ca_pem, account_key or sas_token; syslog: "
        "host, port, ca_pem, client_certificate, client_key; webhook: url, ca_pem, secret",
    )
    public_key = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=8192,
        help_text="RSA, PEM: segments are encrypted to it. Left out: as it was; empty: they are not",
    )
    on_full = serializers.ChoiceField(
        required=False,
        choices=LogDestination.OnFull.choices,
        help_text="when records cannot leave for too long. Left out: as it was, at first go-on",
    )


class StateSerializer(serializers.Serializer[Any]):
    first = serializers.IntegerField(read_only=True, help_text="where the copy in the storage begins")
    delivered = serializers.IntegerField(read_only=True, help_text="how many records the storage has")
    state = serializers.CharField(read_only=True)
    last_object = serializers.CharField(read_only=True)
    last_delivered = serializers.DateTimeField(read_only=True)
    waiting_since = serializers.DateTimeField(read_only=True, help_text="the oldest record that the storage has not")
    error = serializers.CharField(read_only=True)
    failing_since = serializers.DateTimeField(read_only=True)
    next_try = serializers.DateTimeField(read_only=True)


class ReplaySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(read_only=True)
    first = serializers.IntegerField(min_value=0)
    last = serializers.IntegerField(min_value=0)
    state = serializers.CharField(read_only=True)
    error = serializers.CharField(read_only=True)
    requested_by = serializers.CharField(read_only=True)
    created = serializers.DateTimeField(read_only=True)
    finished = serializers.DateTimeField(read_only=True)


class DestinationSerializer(serializers.Serializer[Any]):
    """A destination and how far it is, without credentials."""

    kind = serializers.CharField(read_only=True, source="destination.kind")
    place = serializers.CharField(read_only=True)
    settings = serializers.DictField(read_only=True, source="destination.config")
    credentials = serializers.ListField(
        read_only=True, source="destination.credential_names", help_text="names of those that are stored"
    )
    public_key = serializers.CharField(read_only=True, source="destination.public_key")
    on_full = serializers.CharField(read_only=True, source="destination.on_full")
    changed = serializers.DateTimeField(read_only=True, source="destination.changed")
    delivery = StateSerializer(read_only=True, source="state")
    runs = serializers.BooleanField(read_only=True, help_text="there is a delivery process")
    replays = ReplaySerializer(many=True, read_only=True)


class TestedSerializer(serializers.Serializer[Any]):
    ok = serializers.BooleanField(read_only=True)
    error = serializers.CharField(read_only=True, help_text="what to do")


class RetentionSerializer(serializers.Serializer[Any]):
    days = serializers.IntegerField(
        min_value=1, max_value=LONGEST_RETENTION_DAYS, allow_null=True, help_text="null: for ever"
    )


class VaultLog(VaultResource):
    """The log destination of a vault and the retention of its records."""

    @endpoint(Operation.LOG_DESTINATION_PUT, Permission.LOG_DESTINATIONS_READ, returns=DestinationSerializer)
    def get_destination(self) -> Any:
        """Read the log destination and the progress of delivery."""
        queries.get_destination(vault_id=self.vault.pk)
        return queries.get_status(vault_id=self.vault.pk)

    @endpoint(
        Operation.LOG_DESTINATION_PUT,
        Permission.VAULTS_UPDATE,
        takes=NewDestinationSerializer,
        returns=DestinationSerializer,
        reauth=True,
        uses_objects=True,
    )
    def set_destination(self) -> Any:
        """Set the log destination. A new destination receives the whole log."""
        operations.set_destination(
            grant=self.grant,
            vault=self.vault,
            kind=self.data["kind"],
            given=self.data["settings"],
            public_key=self.data.get("public_key"),
            on_full=self.data.get("on_full"),
            now=now(),
        )
        return queries.get_status(vault_id=self.vault.pk)

    @endpoint(Operation.LOG_DESTINATION_PUT, Permission.VAULTS_UPDATE, reauth=True)
    def remove_destination(self) -> None:
        """Remove the log destination. Records stay in the database only."""
        operations.remove_destination(grant=self.grant, vault=self.vault, now=now())

    @endpoint(Operation.LOG_DESTINATION_TEST, Permission.VAULTS_UPDATE, returns=TestedSerializer)
    def test_destination(self) -> Any:
        """Store a test object at the log destination."""
        error = operations.try_destination(grant=self.grant, vault=self.vault, now=now())
        return {"ok": not error, "error": error}

    @endpoint(
        Operation.LOG_REPLAY, Permission.VAULTS_UPDATE, takes=ReplaySerializer, returns=ReplaySerializer, status=202
    )
    def replay(self) -> Any:
        """Deliver the records from `first` to `last` again."""
        return operations.replay(grant=self.grant, vault=self.vault, now=now(), **self.data)

    @endpoint(Operation.LOG_RETENTION_PUT, Permission.LOG_DESTINATIONS_READ, returns=RetentionSerializer)
    def get_retention(self) -> Any:
        """Read the retention of records in days; null: indefinitely."""
        return {"days": queries.retention_days(vault_id=self.vault.pk)}

    @endpoint(
        Operation.LOG_RETENTION_PUT,
        Permission.VAULTS_UPDATE,
        takes=RetentionSerializer,
        returns=RetentionSerializer,
        reauth=True,
    )
    def set_retention(self) -> Any:
        """Set the retention. Records that are not delivered yet are never deleted."""
        operations.set_retention(grant=self.grant, vault=self.vault, days=self.data["days"], now=now())
        return {"days": queries.retention_days(vault_id=self.vault.pk)}
