"""The pull feed: events of a vault for an application that nobody can call."""

from typing import Any

from apps.audit_log.operation_names import Operation
from apps.domain.access.audit_records import append_reading
from apps.domain.access.permissions import Permission
from apps.domain.events import queries
from apps.domain.events.rules import VaultNames
from apps.domain.events.waiting import Wait
from apps.domain.identity.queries import get_organisation
from apps.interfaces.keyvault_api.pipeline import ApiOperation, OperationContext, Recorder
from apps.interfaces.keyvault_api.serializers import events as wire


def _list(context: OperationContext) -> dict[str, Any]:
    """Answer at once. The front waits for an event, and asks again, if `wait_for` says so.

    An answer without events shows nothing, and is not recorded.
    """
    wanted = wire.parse_query(context.request.query)
    found = queries.read_events(grant=context.grant, after=wanted.after)
    if found.events:
        append_reading(context.grant, operation=Operation.EVENTS_LIST)
    elif wanted.seconds and wanted.after is not None and not (found.more or found.missed):
        context.request.wait_for(Wait(context.vault.pk, found.after, wanted.seconds))
    names = VaultNames.of(
        tenant_id=get_organisation().tenant_id,
        group=context.vault.world.name,
        name=context.vault.name,
        origin=context.request.origin,
    )
    return wire.page(found, names, schema=wanted.schema)


LIST = ApiOperation(Operation.EVENTS_LIST, Permission.EVENTS_READ, "", Recorder.CHANGE, _list)
