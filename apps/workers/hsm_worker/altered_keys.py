"""Incidents of stored keys and sealed values that do not match their place of use: somebody changed the database.

The object was not used. The audit logs of both vaults get a record, of the vault where it was found and of the vault
that the stored key belongs to, and each log an incident that nobody can remove.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from apps.audit_log.models import Incident
from apps.audit_log.operation_names import Operation
from apps.audit_log.records import Phase
from apps.audit_log.writer import append
from apps.core.ids import uuid7
from apps.core.principals import RequestContext
from apps.domain.access.audit_records import make_record
from apps.domain.access.grants import Scope
from apps.domain.access.system_grants import SYSTEM
from apps.domain.decisions.decision import Attempt
from apps.domain.keys.models import KeyVersion
from apps.domain.keys.queries import current_version
from apps.domain.secrets.kind import SECRETS
from apps.domain.vaults.models import Vault


def report_altered(
    vault_id: UUID | None,
    *,
    version: KeyVersion | None = None,
    request: RequestContext | None = None,
    now: datetime,
) -> None:
    """Record that a stored object of this vault (None: the organisation) did not match its binding, and was refused.

    `version`: the key version that points at the stored key, if it was one; `request`: the caller's, if one was
    refused, whose ids the records have. Each object and vault has one incident; each refused use has one record in
    the log of each vault.
    """
    vaults, name = {vault_id}, "A sealed value or a key of the service"
    if version is not None and version.protected is not None:
        vaults |= {version.key.vault_id, version.protected.vault_id}
        name = f"The stored key of keys/{version.key.name}/{version.version}"
    names = dict(Vault.objects.filter(pk__in=[pk for pk in vaults if pk]).values_list("pk", "name"))
    text = f"{name} does not match the place where it is used, in {_list(vaults, names)}. It was not used."
    context, found = _own_context(request), []
    for pk in vaults:
        scope = Scope(pk, names.get(pk, "") if pk else "")
        record = make_record(
            SYSTEM,
            scope,
            context,
            operation=Operation.STORED_KEY_ALTERED,
            phase=Phase.DENIAL,
            status=500,
            at=now,
            description=text,
        )
        found.append(record)
        Incident.report(log_id=pk or UUID(int=0), problem=Incident.ALTERED_KEY, sentence=text, now=now)
    append(found)


def _own_context(request: RequestContext | None) -> RequestContext:
    """The worker's own context, with the ids of the refused request."""
    request_id, correlation_id = (request.request_id, request.correlation_id) if request else (uuid7(), "")
    return RequestContext(request_id=request_id, correlation_id=correlation_id, user_agent="hsm-worker")


def find_version(attempt: Attempt) -> KeyVersion | None:
    """The key version that a request names, or that of its certificate, with its stored key; None for a secret."""
    if attempt.kind == SECRETS.name or attempt.vault is None:
        return None
    place = {"key__vault_id": attempt.vault.pk, "key__folded_name": attempt.name.lower()}
    version = attempt.version.lower() or current_version(attempt.vault.pk, attempt.name)
    return version_with_key(version=version, **place)


def version_with_key(**place: Any) -> KeyVersion | None:
    """A key version with its vault and stored key, by columns."""
    return KeyVersion.objects.select_related("key__vault", "protected").filter(**place).first()


def _list(vaults: set[UUID | None], names: dict[UUID, str]) -> str:
    """The vaults' names; a vault that does not exist (any more) by its id."""
    return " and ".join(sorted(f"vault {names.get(pk, pk.hex)}" if pk else "the organisation" for pk in vaults))
