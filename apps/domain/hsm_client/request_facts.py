"""From a grant to the facts that travel with a request, and from there to the worker's record."""

from typing import Any

from apps.domain.access.grants import Grant
from apps.domain.hsm_client.protocol import Facts


def facts_of(grant: Grant, *, operation: str, object_id: str = "", **detail: Any) -> Facts:
    """Everything the worker needs to write the record of a use that `grant` allowed."""
    principal, scope, request = grant.principal, grant.scope, grant.request
    return Facts(
        vault_id=scope.vault_id.hex if scope.vault_id else "",
        vault_name=scope.vault_name,
        operation=operation,
        caller_id=principal.id.hex,
        caller=principal.client_id or principal.name,
        object_id=object_id,
        request_id=request.request_id.hex,
        correlation_id=request.correlation_id,
        address=request.address,
        detail={
            "uri": request.uri,
            "clientInfo": request.user_agent,
            "apiVersion": request.api_version,
            "principalKind": principal.kind.value,
            **detail,
        },
    )
