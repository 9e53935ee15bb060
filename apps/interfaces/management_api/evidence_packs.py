"""Evidence packs over the query API: request, progress, download."""

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes

from apps.audit_log.operation_names import Operation
from apps.audit_log.records import ORGANISATION
from apps.audit_reader import evidence_packs, tasks
from apps.audit_reader.models import Task
from apps.core.clock import now
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.vaults.queries import get_logged_vault
from apps.interfaces.management_api.audit_log import AuditResource
from apps.interfaces.management_api.audit_serializers import PackSerializer
from apps.interfaces.management_api.base import endpoint


class Packs(AuditResource):
    """Evidence packs."""

    @endpoint(Operation.LOG_EXPORT, Permission.AUDIT_READ, lists=PackSerializer)
    def list(self) -> Any:
        """List the latest packs."""
        return tasks.list_tasks(kind=Task.Kind.PACK, limit=20)

    @endpoint(Operation.LOG_EXPORT, Permission.AUDIT_READ, takes=PackSerializer, creates=PackSerializer)
    def create(self) -> Any:
        """Have the evidence of a period of one log packed, in the background."""
        name = self.data["vault_name"]
        vault = get_logged_vault(name=name) if name != "-" else None
        return tasks.request_pack(
            grant=self.authorize(Scope.of(vault)),
            log_id=vault.pk if vault else ORGANISATION,
            vault_name=vault.name if vault else "organisation",
            since=self.data["since"],
            until=self.data["until"],
            now=now(),
        )

    @endpoint(Operation.LOG_EXPORT, Permission.AUDIT_READ, returns=PackSerializer)
    def retrieve(self) -> Any:
        """How far it is."""
        return tasks.get_pack(task_id=self.kwargs["task_id"])

    @endpoint(Operation.LOG_EXPORT, Permission.AUDIT_READ)
    def cancel(self) -> None:
        """Stop it at its next step; when it is finished, delete its file. Only who asked for it may do that."""
        tasks.cancel(grant=self.grant, task_id=self.kwargs["task_id"], now=now())

    @endpoint(
        Operation.LOG_PACK_DOWNLOAD, Permission.AUDIT_READ, responses={(200, "application/zip"): OpenApiTypes.BINARY}
    )
    def download(self) -> FileResponse:
        """The file, streamed; that it was handed out is recorded. Raises `TaskNotFound`, also when it has expired."""
        task = tasks.fetch(grant=self.grant, task_id=self.kwargs["task_id"])
        return FileResponse(
            evidence_packs.open_pack(task),
            as_attachment=True,
            filename=evidence_packs.name_of(task),
            content_type="application/zip",
        )
