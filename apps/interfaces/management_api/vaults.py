"""The management API for vaults and test vaults."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.identity.queries import addresses
from apps.domain.vaults import operations as vaults
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import get_vault, list_vaults
from apps.interfaces.management_api.base import ManagementView, SwitchSerializer, read


class VaultSerializer(serializers.Serializer[Any]):
    """A vault; `name` and `world` are asked for, the rest is told."""

    name = serializers.CharField(max_length=24)
    world = serializers.CharField(max_length=24, source="world.name")
    geography = serializers.CharField(read_only=True, source="world.geography")
    state = serializers.CharField(read_only=True)
    recoverable_days = serializers.IntegerField(
        required=False,
        default=90,
        min_value=7,
        max_value=90,
        help_text="days in which a deleted object can be recovered",
    )
    purge_protection = serializers.BooleanField(
        required=False, default=False, help_text="nobody purges before the days have passed; cannot be switched off"
    )
    production = serializers.BooleanField(
        required=False, default=False, help_text="purges, role grants and key imports need approval by a second person"
    )
    frozen = serializers.BooleanField(read_only=True, help_text="the data plane refuses everything")
    limits = serializers.JSONField(read_only=True, help_text="limits of its own, per ten seconds")
    created = serializers.DateTimeField(read_only=True)
    url = serializers.SerializerMethodField()

    def get_url(self, vault: Vault) -> str:
        """The address of its data plane."""
        return f"https://{vault.name.lower()}.{addresses().authority_part}"


class VaultChangeSerializer(serializers.Serializer[Any]):
    """The settings of a vault that may change; those left out stay."""

    recoverable_days = serializers.IntegerField(required=False, min_value=7, max_value=90)
    purge_protection = serializers.BooleanField(required=False)
    production = serializers.BooleanField(required=False)
    limits = serializers.DictField(
        child=serializers.IntegerField(min_value=0, max_value=1_000_000),
        required=False,
        help_text="by name, per ten seconds: hsm-key-create, key-create, hsm-rsa-2048, secret-create, other ...",
    )


class TestVaultSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=24)
    world = serializers.CharField(max_length=24)


class Vaults(ManagementView):
    """All vaults."""

    operation = Operation.VAULT_LIST
    permissions: ClassVar = {"get": Permission.VAULTS_LIST, "post": Permission.VAULTS_CREATE}

    @extend_schema(operation_id="vaults_list", responses=VaultSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the vaults that you may know of."""
        principal = self.grant(request).principal
        return Response(VaultSerializer(list_vaults(principal), many=True).data)

    @extend_schema(request=VaultSerializer, responses={201: VaultSerializer})
    def post(self, request: Request) -> Response:
        """Make a vault, with its key in the HSM of its world."""
        grant = self.grant(request)
        data = read(VaultSerializer, request)
        made = vaults.create(
            grant=grant,
            name=data["name"],
            world_name=data["world"]["name"],
            recoverable_days=data["recoverable_days"],
            purge_protection=data["purge_protection"],
            production=data["production"],
            now=now(),
        )
        return Response(VaultSerializer(made).data, status=201)


class OneVault(ManagementView):
    """One vault."""

    operation = Operation.VAULT_GET
    permissions: ClassVar = {"get": Permission.VAULTS_LIST, "patch": Permission.VAULTS_UPDATE}
    require_reauth = frozenset({"patch"})

    @extend_schema(operation_id="vaults_retrieve", responses=VaultSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Read a vault."""
        self.grant(request)
        return Response(VaultSerializer(get_vault(name=name)).data)

    @extend_schema(request=VaultChangeSerializer, responses=VaultSerializer)
    def patch(self, request: Request, name: str) -> Response:
        """Change retention, purge protection or limits."""
        grant = self.grant(request)
        data = read(VaultChangeSerializer, request)
        return Response(VaultSerializer(vaults.update(grant=grant, name=name, now=now(), **data)).data)


class Freeze(ManagementView):
    """Stopping a vault."""

    operation = Operation.VAULT_FREEZE
    permissions: ClassVar = {"post": Permission.VAULTS_UPDATE}
    require_reauth = frozenset({"post"})

    @extend_schema(request=SwitchSerializer, responses=VaultSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Let the data plane refuse everything in a vault (`enabled` false), or serve again."""
        grant = self.grant(request)
        data = read(SwitchSerializer, request)
        vaults.set_frozen(grant=grant, name=name, frozen=not data["enabled"])
        return Response(VaultSerializer(get_vault(name=name)).data)


class TestVaults(ManagementView):
    """Test vaults of developers."""

    operation = Operation.TEST_VAULT_PUT
    permissions: ClassVar = {"post": Permission.TEST_VAULTS_CREATE}

    @extend_schema(request=TestVaultSerializer, responses={201: VaultSerializer})
    def post(self, request: Request) -> Response:
        """Make a test vault: the same API, keys protected by software, yours."""
        grant = self.grant(request)
        data = read(TestVaultSerializer, request)
        made = vaults.create_test_vault(grant=grant, name=data["name"], world_name=data["world"], now=now())
        return Response(VaultSerializer(made).data, status=201)
