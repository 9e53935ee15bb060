"""Acknowledgements: an application states that it now uses a version of an object.

Somebody who retires the earlier version can then wait for every application that used it.
"""

from datetime import datetime
from typing import Any

from apps.audit_log.operation_names import USES
from apps.core.errors import Forbidden
from apps.domain.access.changes import recorded_change
from apps.domain.access.grants import Grant
from apps.domain.events.models import Acknowledgement
from apps.domain.objects.kinds import ObjectKind
from apps.domain.vaults.models import Vault
from apps.usage.queries import has_used


class NeverUsed(Forbidden):
    """The caller acknowledges a version of an object that it has never used."""


def acknowledge(
    *, grant: Grant, kind: ObjectKind[Any, Any], vault: Vault, name: str, version: str, now: datetime
) -> Acknowledgement:
    """Store that the caller uses this version from now on. Raises the kind's not-found error, `NeverUsed`."""
    grant.require(kind.permission("get"), vault_id=vault.pk)
    row = kind.get_version(vault.pk, name, version)
    owner = getattr(row, kind.name)
    caller = grant.principal
    if not has_used(caller_id=caller.id, vault_id=vault.pk, object_id=kind.object_id(owner.name), operations=USES):
        raise NeverUsed(
            f"Your application has never used the {kind.name} {owner.name}, so it has nothing to acknowledge. "
            "Uses count after two seconds: acknowledge after the first use."
        )
    values = {"vault_id": vault.pk, "object_type": kind.name, "object_name": owner.name, "client_id": caller.client_id}
    with recorded_change(grant, kind.operation("acknowledge"), object_id=kind.object_id(owner.name, row.version)):
        stored, _ = Acknowledgement.objects.update_or_create(
            object_id=owner.pk, version=row.version, principal_id=caller.id, defaults={**values, "at": now}
        )
    return stored
