"""Rollover certificates over the query API: request, progress, document."""

from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.audit_reader import tasks
from apps.audit_reader.models import Task
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.interfaces.management_api.audit_log import AuditResource
from apps.interfaces.management_api.base import endpoint


class CertificateSerializer(serializers.Serializer[Any]):
    """A rollover certificate, or the wish for one."""

    id = serializers.UUIDField(read_only=True)
    rollover = serializers.UUIDField(write_only=True)
    key = serializers.CharField(write_only=True, max_length=127)
    vault = serializers.CharField(read_only=True, source="vault_name")
    state = serializers.CharField(read_only=True, help_text="queued, running, done, failed or cancelled")
    doing = serializers.CharField(read_only=True, help_text="what it does now, or why there is no certificate")
    created = serializers.DateTimeField(read_only=True)
    certificate = serializers.CharField(read_only=True, source="result.certificate", default=None)
    signature = serializers.CharField(read_only=True, source="result.signature", default=None)


class RolloverCertificates(AuditResource):
    """Certificates that every consumer of a key's old version moved before its retirement."""

    @endpoint(Operation.LOG_ROLLOVER_CERTIFICATE, Permission.AUDIT_READ, lists=CertificateSerializer)
    def list(self) -> Any:
        """List the latest certificates."""
        return tasks.list_tasks(kind=Task.Kind.ROLLOVER, limit=20)

    @endpoint(
        Operation.LOG_ROLLOVER_CERTIFICATE,
        Permission.AUDIT_READ,
        takes=CertificateSerializer,
        creates=CertificateSerializer,
    )
    def create(self) -> Any:
        """Have the certificate of one key of a rollover made, in the background."""
        return tasks.request_rollover_certificate(
            grant=self.grant, rollover_id=self.data["rollover"], key=self.data["key"], now=now()
        )

    @endpoint(Operation.LOG_ROLLOVER_CERTIFICATE, Permission.AUDIT_READ, returns=CertificateSerializer)
    def retrieve(self) -> Any:
        """How far it is; when it is done, the document and its signature."""
        return tasks.get_certificate(task_id=self.kwargs["task_id"])
