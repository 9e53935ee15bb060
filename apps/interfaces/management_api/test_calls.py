"""The management API for test calls."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.catalog import queries as inventory
from apps.domain.catalog.test_calls import run_test_call
from apps.interfaces.management_api.base import ManagementView


class TriedSerializer(serializers.Serializer[Any]):
    operation = serializers.CharField(read_only=True)
    allowed = serializers.BooleanField(read_only=True)
    algorithm = serializers.CharField(read_only=True)
    result = serializers.CharField(read_only=True, help_text="a signature, a wrapped key, a size; never a secret")
    version = serializers.CharField(read_only=True)
    milliseconds = serializers.IntegerField(read_only=True)
    request_id = serializers.UUIDField(read_only=True)


class Try(ManagementView):
    """Test calls."""

    operation = Operation.TEST_CALL
    uses_objects = True
    permissions: ClassVar = {"post": Permission.KEYS_SIGN}

    @extend_schema(request=None, responses=TriedSerializer)
    def post(self, request: Request, name: str, kind: str, item: str) -> Response:
        """Do one real operation with an object: sign, wrap, or read without telling the value."""
        vault, row = inventory.find_object(vault_name=name, kind=kind, name=item)
        scope = inventory.scope_of(vault, kind, row)

        def grant(permission: Permission) -> Grant:
            return self.grant(request, scope, permission)

        return Response(TriedSerializer(run_test_call(grant_for=grant, vault=vault, kind=kind, row=row)).data)
