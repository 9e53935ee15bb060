"""The management API for a vault's log destination and the retention of its log."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.vaults.queries import get_vault
from apps.interfaces.management_api.base import ManagementView
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


class Destination(ManagementView):
    """Where a vault's usage log goes."""

    operation = Operation.LOG_DESTINATION_PUT
    permissions: ClassVar = {
        "get": Permission.LOG_DESTINATIONS_READ,
        "put": Permission.VAULTS_UPDATE,
        "delete": Permission.VAULTS_UPDATE,
    }
    require_reauth = frozenset({"put", "delete"})

    @extend_schema(responses=DestinationSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Read it, and how far it is."""
        vault = get_vault(name=name)
        self.grant(request, Scope.of(vault))
        queries.get_destination(vault_id=vault.pk)
        return Response(DestinationSerializer(queries.get_status(vault_id=vault.pk)).data)

    @extend_schema(request=NewDestinationSerializer, responses=DestinationSerializer)
    def put(self, request: Request, name: str) -> Response:
        """Set it. Another place than before is given the whole log."""
        vault = get_vault(name=name)
        grant = self.grant(request, Scope.of(vault))
        serializer = NewDestinationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        operations.set_destination(
            grant=grant,
            vault=vault,
            kind=data["kind"],
            given=data["settings"],
            public_key=data.get("public_key"),
            on_full=data.get("on_full"),
            now=now(),
        )
        return Response(DestinationSerializer(queries.get_status(vault_id=vault.pk)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Keep the log here only."""
        vault = get_vault(name=name)
        operations.remove_destination(grant=self.grant(request, Scope.of(vault)), vault=vault, now=now())
        return Response(status=204)


class TryDestination(ManagementView):
    """Whether the storage takes objects."""

    operation = Operation.LOG_DESTINATION_TEST
    permissions: ClassVar = {"post": Permission.VAULTS_UPDATE}

    @extend_schema(request=None, responses=TestedSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Put a test object there."""
        vault = get_vault(name=name)
        error = operations.try_destination(grant=self.grant(request, Scope.of(vault)), vault=vault, now=now())
        return Response({"ok": not error, "error": error})


class ReplayRange(ManagementView):
    """Delivering again."""

    operation = Operation.LOG_REPLAY
    permissions: ClassVar = {"post": Permission.VAULTS_UPDATE}

    @extend_schema(request=ReplaySerializer, responses={202: ReplaySerializer})
    def post(self, request: Request, name: str) -> Response:
        """Deliver the objects with the records from first to last again."""
        vault = get_vault(name=name)
        grant = self.grant(request, Scope.of(vault))
        serializer = ReplaySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        row = operations.replay(grant=grant, vault=vault, now=now(), **serializer.validated_data)
        return Response(ReplaySerializer(row).data, status=202)


class Retention(ManagementView):
    """How long records stay here."""

    operation = Operation.LOG_RETENTION_PUT
    permissions: ClassVar = {"get": Permission.LOG_DESTINATIONS_READ, "put": Permission.VAULTS_UPDATE}
    require_reauth = frozenset({"put"})

    @extend_schema(responses=RetentionSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Read it."""
        vault = get_vault(name=name)
        self.grant(request, Scope.of(vault))
        return Response({"days": queries.retention_days(vault_id=vault.pk)})

    @extend_schema(request=RetentionSerializer, responses=RetentionSerializer)
    def put(self, request: Request, name: str) -> Response:
        """Set it. What is not delivered yet is never forgotten."""
        vault = get_vault(name=name)
        grant = self.grant(request, Scope.of(vault))
        serializer = RetentionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        operations.set_retention(grant=grant, vault=vault, days=serializer.validated_data["days"], now=now())
        return Response({"days": queries.retention_days(vault_id=vault.pk)})
