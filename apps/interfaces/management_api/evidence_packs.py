"""Evidence packs over the query API: request, progress, download."""

from typing import ClassVar
from uuid import UUID

from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit_log.operation_names import Operation
from apps.audit_log.records import ORGANISATION
from apps.audit_reader import evidence_packs, tasks
from apps.audit_reader.models import Task
from apps.core.clock import now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.vaults.queries import get_vault
from apps.interfaces.management_api.audit_log import AuditView
from apps.interfaces.management_api.audit_serializers import PackSerializer


class Packs(AuditView):
    """Packs."""

    operation = Operation.LOG_EXPORT
    permissions: ClassVar = {"get": Permission.AUDIT_READ, "post": Permission.AUDIT_READ}

    @extend_schema(operation_id="packs_list", responses=PackSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List the latest packs."""
        self.grant(request)
        return Response(PackSerializer(tasks.list_tasks(kind=Task.Kind.PACK, limit=20), many=True).data)

    @extend_schema(request=PackSerializer, responses={201: PackSerializer})
    def post(self, request: Request) -> Response:
        """Have the evidence of a period of one log packed, in the background."""
        serializer = PackSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        name, data = serializer.validated_data["vault_name"], serializer.validated_data
        vault = get_vault(name=name) if name != "-" else None
        task = tasks.request_pack(
            grant=self.grant(request, Scope.of(vault)),
            log_id=vault.pk if vault else ORGANISATION,
            vault_name=vault.name if vault else "organisation",
            since=data["since"],
            until=data["until"],
            now=now(),
        )
        return Response(PackSerializer(task).data, status=201)


class OnePack(AuditView):
    """One pack."""

    operation = Operation.LOG_EXPORT
    permissions: ClassVar = {"get": Permission.AUDIT_READ, "delete": Permission.AUDIT_READ}

    @extend_schema(operation_id="packs_retrieve", responses=PackSerializer)
    def get(self, request: Request, task_id: UUID) -> Response:
        """How far it is."""
        self.grant(request)
        return Response(PackSerializer(tasks.get_pack(task_id=task_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, task_id: UUID) -> Response:
        """Stop it at its next step; when it is finished, delete its file. Only who asked for it may do that."""
        tasks.cancel(grant=self.grant(request), task_id=task_id, now=now())
        return Response(status=204)


class PackFile(AuditView):
    """The file of a pack."""

    operation = Operation.LOG_PACK_DOWNLOAD
    permissions: ClassVar = {"get": Permission.AUDIT_READ}

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, task_id: UUID) -> HttpResponseBase:
        """The file, streamed; that it was handed out is recorded. Raises `TaskNotFound`, also when it has expired."""
        task = tasks.fetch(grant=self.grant(request), task_id=task_id)
        return FileResponse(
            evidence_packs.open_pack(task),
            as_attachment=True,
            filename=evidence_packs.name_of(task),
            content_type="application/zip",
        )
