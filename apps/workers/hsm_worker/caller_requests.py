"""Requests in a caller's name: authenticate, decide, use the key or open the secret, and make the record.

Everything in a record is what this process established, except what the web process reports of the connection:
address, user agent, URI and correlation id (docs/threat-model.md).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from apps.audit_log.operation_names import Operation
from apps.core.errors import VaultError
from apps.domain.access.audit_records import make_record
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.decisions.decision import Attempt, decide, denial_record
from apps.domain.hsm_client.lane_client import ProtectedKeyAltered
from apps.domain.hsm_client.protocol import CallerRequest
from apps.domain.vaults.models import Vault
from apps.hsm.api import Hsm
from apps.workers.hsm_runtime.commits import Change
from apps.workers.hsm_runtime.hsm_thread import Answer, Denied
from apps.workers.hsm_runtime.translation import boundary_errors
from apps.workers.hsm_worker import callers
from apps.workers.hsm_worker.altered_keys import find_version, report_altered

_UNAVAILABLE = 503  # nothing was denied, and the database may be down


class Done(NamedTuple):
    """What a use returned: the value for the caller, and the facts of the record."""

    value: Any
    object_id: str
    detail: dict[str, Any]
    operation: Operation | None = None  # of the record, where it is not the one that was decided on
    change: Change | None = None  # what is stored with the record


def serve(
    hsm: Hsm,
    request: CallerRequest,
    *,
    operation: Operation,
    permission: Permission,
    kind: str,
    use: Callable[[Grant, Vault], Done],
    now: datetime,
    serving: bool = True,
) -> Answer:
    """Serve a request. Raises `Denied` with its record for a known caller, and the plain error for an unknown one.

    `serving`: False for a change of settings, which is possible while the vault is frozen or blocked.
    """
    attempt = Attempt(
        operation=operation,
        permission=permission,
        kind=kind,
        vault_name=request.vault_name,
        name=request.name,
        version=request.version,
        context=request.context,
        serving=serving,
    )
    try:
        with boundary_errors():
            grant = decide(attempt, lambda: callers.authenticate(hsm, request.context))
            assert attempt.vault is not None  # noqa: S101  decide() found it
            done = use(grant, attempt.vault)
    except VaultError as error:
        if attempt.principal is None or error.status == _UNAVAILABLE:
            raise  # an altered key of the token authority is reported by the caller of this function
        if isinstance(error, ProtectedKeyAltered) and attempt.vault is not None:
            report_altered(attempt.vault.pk, version=find_version(attempt), request=request.context, now=now)
        raise Denied(error, denial_record(attempt, error, error.status)) from None
    record = make_record(
        grant.principal,
        grant.scope,
        grant.request,
        operation=done.operation or operation,
        object_id=done.object_id,
        at=now,
        **done.detail,
    )
    return Answer(done.value, record, done.change)
