"""Setting, reading and describing secrets. Every function demands a `Grant`.

The value is sealed and opened in the HSM worker only; this process sees it on its way from and to the caller.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.core.errors import Conflict
from apps.core.ids import new_version
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import Facts, SealSecret, UnsealSecret
from apps.domain.objects import soft_delete
from apps.domain.secrets import queries, rules
from apps.domain.secrets.models import Secret, SecretVersion
from apps.domain.secrets.rules import NewSecret
from apps.domain.vaults import quotas
from apps.domain.vaults.models import Vault
from apps.domain.vaults.quotas import Quota


class SecretChanged(Conflict):
    """Another version is current than the one that an edit started from."""


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

    And `ObjectIsDeleted` or `ObjectManaged` when the name is not to be had, `TooManyRequests`. `base_version`: the
    version that the caller started from ("": none was there); `SecretChanged` when another is current by now.
    `spec` None: an edit, which keeps the content type and the tags of its base.
    """
    grant.require(Permission.SECRETS_SET, vault_id=vault.pk)
    data = rules.encode_value(value)
    if spec is not None:
        rules.check_dates(spec.not_before, spec.expires)
    quotas.consume_quota(vault=vault, principal=grant.principal, quota=Quota.SECRET_CREATE)
    version = new_version()
    sealed = client.call(
        world=vault.world.name,
        request=SealSecret(
            expires_at=grant.request.expires_at,
            vault_id=vault.pk.hex,
            context=rules.seal_context(world=vault.world.name, vault_id=vault.pk.hex, name=name, version=version),
            value=data,
        ),
    )
    with transaction.atomic():
        secret = soft_delete.get_or_create_locked(Secret, kind="secret", vault=vault, name=name)
        if base_version is not None:
            _check_base(secret, base_version)
        if spec is None:
            base = secret.current
            spec = NewSecret(content_type=base.content_type, tags=base.tags) if base is not None else NewSecret()
        row = SecretVersion.objects.create(
            secret=secret,
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
        Secret.objects.filter(pk=secret.pk).update(current=row)
        append_change(grant, operation=Operation.SECRET_SET, object_id=_object_id(row))
    queries.invalidate(vault_id=vault.pk, name=name)
    return row


def get_value(*, grant: Grant, vault: Vault, name: str, version: str, now: datetime) -> tuple[queries.SecretFacts, str]:
    """The value and its facts. Raises `SecretNotFound`, `SecretDisabled`, `HsmUnavailable`."""
    grant.require(Permission.SECRETS_GET, vault_id=vault.pk)
    return _open(grant, vault, name, version, operation=Operation.SECRET_GET, now=now)


def _open(
    grant: Grant, vault: Vault, name: str, version: str, *, operation: Operation, now: datetime, **detail: str
) -> tuple[queries.SecretFacts, str]:
    """`now` is unused by design: `nbf` and `exp` do not block reading."""
    del now
    facts = queries.find_facts(vault_id=vault.pk, name=name, version=version)
    rules.check_read(enabled=facts.enabled)
    data: bytes = client.call(
        world=vault.world.name,
        request=UnsealSecret(
            expires_at=grant.request.expires_at,
            facts=Facts.of(grant, operation=operation, object_id=f"secrets/{facts.name}/{facts.version}", **detail),
            permission=Permission.SECRETS_GET,
            vault_id=vault.pk.hex,
            secret_version_id=facts.id.hex,
        ),
    )
    return facts, data.decode("utf-8")


def reveal(
    *, grant: Grant, vault: Vault, name: str, version: str, reason: str, now: datetime
) -> tuple[queries.SecretFacts, str]:
    """The value, for a person who says why; the record says it too. Raises as `get_value`, and `BadSecret`."""
    grant.require(Permission.SECRETS_GET, vault_id=vault.pk)
    return _open(
        grant, vault, name, version, operation=Operation.SECRET_REVEAL, reason=rules.check_reason(reason), now=now
    )


def update(
    *, grant: Grant, vault: Vault, name: str, version: str, changes: dict[str, Any], now: datetime
) -> SecretVersion:
    """Change what is said about a value; what `changes` does not name stays. Raises `SecretNotFound`, `BadSecret`."""
    grant.require(Permission.SECRETS_UPDATE, vault_id=vault.pk)
    changes = {field: value for field, value in changes.items() if field in _UPDATABLE and value is not None}
    row = queries.get_version(vault_id=vault.pk, name=name, version=version)
    soft_delete.check_unmanaged(row.secret, kind="secret")
    with transaction.atomic():
        row = (
            SecretVersion.objects.select_for_update(of=("self",))
            .select_related("secret")
            .defer("sealed")
            .get(pk=row.pk)
        )
        rules.check_dates(changes.get("not_before", row.not_before), changes.get("expires", row.expires))
        for field, value in changes.items():
            setattr(row, field, value)
        row.updated = now
        row.save(update_fields=[*changes, "updated"])
        append_change(grant, operation=Operation.SECRET_UPDATE, object_id=_object_id(row), changed=sorted(changes))
    return row


def _check_base(secret: Secret, base_version: str) -> None:
    current = secret.current.version if secret.current is not None else ""
    if current != base_version:
        raise SecretChanged(
            f"Someone else has set {secret.name} in the meantime. Compare with the newest version, then save again."
        )


def _object_id(row: SecretVersion) -> str:
    return f"secrets/{row.secret.name}/{row.version}"
