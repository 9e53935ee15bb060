"""The operations that keys, secrets and certificates share: list, delete, recover, purge, back up and restore."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.core.errors import BadRequest
from apps.domain.objects.kinds import ObjectKind
from apps.domain.objects.operations import acknowledgement, backup, soft_delete
from apps.interfaces.keyvault_api.messages import ApiResponse
from apps.interfaces.keyvault_api.pipeline import OperationContext
from apps.interfaces.keyvault_api.serializers import common, events

Rendering = Callable[[OperationContext, Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ObjectViews:
    """The shared operations of one kind, given the renderings of its objects and versions."""

    kind: ObjectKind[Any, Any]
    bundle: Rendering  # an object with its current version
    item: Rendering  # an item of a list of objects
    version_item: Rendering  # an item of a list of versions

    def list_live(self, context: OperationContext) -> dict[str, Any]:
        pending = self.kind.exists_without_version and context.request.query.get("includePending", "").lower() == "true"
        return common.page(
            context,
            collection=self.kind.collection,
            load=lambda after, limit: self.kind.list_live(context.vault.pk, after=after, limit=limit, pending=pending),
            cursor=lambda item: item.name.lower(),
            render=lambda item: self.item(context, item),
            extra="&includePending=true" if pending else "",
        )

    def list_versions(self, context: OperationContext) -> dict[str, Any]:
        name = context.request.name
        return common.page(
            context,
            collection=f"{self.kind.collection}/{name}/versions",
            load=lambda after, limit: self.kind.list_versions(context.vault.pk, name, after=after, limit=limit),
            cursor=lambda item: item.version,
            render=lambda item: self.version_item(context, item),
        )

    def list_deleted(self, context: OperationContext) -> dict[str, Any]:
        return common.page(
            context,
            collection=f"deleted{self.kind.collection}",
            load=lambda after, limit: self.kind.list_deleted(context.vault.pk, after=after, limit=limit),
            cursor=lambda row: row.item.name.lower(),
            render=lambda row: (
                self.item(context, row.item) | self._deletion(context, row.item.name, row.deleted, row.purge_after)
            ),
        )

    def delete(self, context: OperationContext) -> dict[str, Any]:
        context.call(soft_delete.delete, kind=self.kind)
        return self.get_deleted(context)

    def get_deleted(self, context: OperationContext) -> dict[str, Any]:
        row = self.kind.get_deleted(context.vault.pk, context.request.name)
        return self.bundle(context, row) | self._deletion(context, row.name, row.deleted, row.purge_after)

    def recover(self, context: OperationContext) -> dict[str, Any]:
        row = soft_delete.recover(grant=context.grant, kind=self.kind, vault=context.vault, name=context.request.name)
        return self.current(context, row.name)

    def purge(self, context: OperationContext) -> ApiResponse:
        context.call(soft_delete.purge, kind=self.kind)
        return ApiResponse(204)

    def back_up(self, context: OperationContext) -> dict[str, Any]:
        return {"value": context.call(backup.back_up, kind=self.kind)}

    def restore(self, context: OperationContext) -> dict[str, Any]:
        blob = common.parse_blob(context)
        row = backup.restore(grant=context.grant, kind=self.kind, vault=context.vault, blob=blob, now=context.now)
        return self.current(context, row.name)

    def acknowledge(self, context: OperationContext) -> dict[str, Any]:
        if not context.request.version:  # the newest may have changed since the caller read it
            raise BadRequest("Name the version that your application uses: /<name>/<version>/acknowledge.")
        row = context.call(acknowledgement.acknowledge, kind=self.kind, version=context.request.version)
        return events.acknowledgement(row, origin=context.request.origin)

    def current(self, context: OperationContext, name: str) -> dict[str, Any]:
        """The bundle of an object, read again."""
        return self.bundle(context, self.kind.get(context.vault.pk, name))

    def _deletion(
        self, context: OperationContext, name: str, deleted: datetime, purge_after: datetime
    ) -> dict[str, Any]:
        recovery_id = f"{context.request.origin}/deleted{self.kind.collection}/{name}"
        return common.deletion(recovery_id, deleted=deleted, purge_after=purge_after)
