"""Setting, reading and updating secrets. Every function demands a `Grant`.

Values are sealed and unsealed in the HSM worker only; this process sees them on their way from and to the caller.
"""

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from apps.audit_log.operation_names import Operation
from apps.core.errors import Conflict
from apps.core.ids import new_version
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import SealSecret, StoreSecret
from apps.domain.objects.changes import added_version, changed_version
from apps.domain.secrets import queries, rules
from apps.domain.secrets.kind import SECRETS
from apps.domain.secrets.models import Secret, SecretVersion
from apps.domain.secrets.rules import NewSecret
from apps.domain.secrets.storing import SecretNotStored
from apps.domain.secrets.value_reading import read_value
from apps.domain.vaults import quotas
from apps.domain.vaults.models import Vault
from apps.domain.vaults.quotas import Quota


class SecretChanged(Conflict):
    """The version that an edit started from is no longer the current one."""


_UPDATABLE = frozenset({"content_type", "enabled", "not_before", "expires", "tags"})


def set_value(
    *,
    grant: Grant,
    vault: Vault,
    name: str,
    value: str,
    spec: NewSecret | None,
    base_version: str | None = None,
    now: datetime,
) -> SecretVersion:
    """Store a new value, which becomes the current one. Raises `BadSecret`, `SecretTooLong`, `HsmUnavailable`.

    And `ObjectIsDeleted` or `ObjectManaged` when the name is taken, `TooManyRequests`. `base_version`: the version
    that the caller started from ("": there was none); `SecretChanged` when another is current by now.
    `spec` None: an edit, which keeps the content type and the tags of its base.
    """
    grant.require(Permission.SECRETS_SET, vault_id=vault.pk)
    data = rules.encode_value(value)
    if spec is not None:
        rules.check_dates(spec.not_before, spec.expires)
    quotas.consume_quota(vault=vault, principal=grant.principal, quota=Quota.SECRET_CREATE)
    if base_version is None and spec is not None:
        try:
            return _set_by_worker(grant, vault, name, data, spec)
        except SecretNotStored:
            pass  # the transaction stores it, or says why it cannot
    version = new_version()
    sealed = client.call_as(grant, vault, name, version, SealSecret, kind=SECRETS.name, value=data)
    with added_version(
        SECRETS,
        grant=grant,
        operation=Operation.SECRET_SET,
        vault=vault,
        name=name,
        version=version,
        recreates=not base_version,  # an edit is of a live secret
    ) as secret:
        if base_version is not None and not secret.recovered:
            _check_base(secret, base_version)
        if spec is None:
            spec = _spec_of_base(secret)
        row = _version(version, sealed, spec, now)
        row.secret = secret
        row.save(force_insert=True)
        Secret.objects.filter(pk=secret.pk).update(current=row)
    return row


def reveal(*, grant: Grant, vault: Vault, name: str, version: str, reason: str) -> tuple[queries.SecretFacts, str]:
    """Read the value, for a person who gives a reason, which is recorded. Raises as `read_value`, and `BadSecret`."""
    grant.require(Permission.SECRETS_GET, vault_id=vault.pk)
    checked = rules.check_reason(reason)
    return read_value(context=grant.request, vault=vault, name=name, version=version, reason=checked)


def update(
    *, grant: Grant, vault: Vault, name: str, version: str, changes: dict[str, Any], now: datetime
) -> queries.SecretFacts:
    """Change attributes of a version; what `changes` does not name stays. Raises `SecretNotFound`, `BadSecret`."""
    grant.require(Permission.SECRETS_UPDATE, vault_id=vault.pk)
    changes = {field: value for field, value in changes.items() if field in _UPDATABLE and value is not None}
    find = partial(queries.find_facts, vault_id=vault.pk, name=name, version=version)
    operation = Operation.SECRET_UPDATE
    with changed_version(SECRETS, find, grant=grant, operation=operation, changes=changes, now=now) as locked:
        rules.check_dates(changes.get("not_before", locked.not_before), changes.get("expires", locked.expires))
    return replace(locked, **changes, updated=now)


def _set_by_worker(grant: Grant, vault: Vault, name: str, data: bytes, spec: NewSecret) -> SecretVersion:
    """Let the HSM worker seal and store the value with its record in one commit. Raises `SecretNotStored`."""
    attributes = {"enabled": spec.enabled, "not_before": spec.not_before, "expires": spec.expires}
    given = {**attributes, "content_type": spec.content_type, "tags": spec.tags or {}}
    version, created = client.call_as(grant, vault, name, "", StoreSecret, value=data, **given)
    SECRETS.invalidate(vault.pk, name)
    secret = Secret(vault=vault, name=name, folded_name=name.lower())
    return SecretVersion(secret=secret, version=version, created=created, updated=created, **given)


def _version(version: str, sealed: bytes, spec: NewSecret, now: datetime) -> SecretVersion:
    return SecretVersion(
        version=version,
        sealed=sealed,
        content_type=spec.content_type,
        enabled=spec.enabled,
        not_before=spec.not_before,
        expires=spec.expires,
        tags=spec.tags or {},
        created=now,
        updated=now,
    )


def _check_base(secret: Secret, base_version: str) -> None:
    current = secret.current.version if secret.current is not None else ""
    if current != base_version:
        raise SecretChanged(
            f"Someone else has set {secret.name} in the meantime. Compare with the newest version, then save again."
        )


def _spec_of_base(secret: Secret) -> NewSecret:
    base = secret.current
    return NewSecret(content_type=base.content_type, tags=base.tags) if base is not None else NewSecret()
