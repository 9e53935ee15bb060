"""Making vaults."""

from datetime import datetime

from django.db import transaction

from apps.access.grants import Grant
from apps.access.permissions import Permission
from apps.access.recording import append_attempt, append_change
from apps.core.errors import BadRequest, Conflict
from apps.jobs import dispatch
from apps.jobs.lane import HsmUnavailable
from apps.vaults import queries, rules
from apps.vaults.models import Vault
from apps.vaults.quotas import Quota
from apps.worlds.queries import get_world


class VaultExists(Conflict):
    """The name is taken."""


class BadLimit(BadRequest):
    """A limit that does not exist, or no number."""


def create(
    *,
    grant: Grant,
    name: str,
    world_name: str,
    recoverable_days: int = rules.LONGEST_RETENTION,
    purge_protection: bool = False,
    now: datetime,
) -> Vault:
    """Make a vault in a world, with its key in that world's HSM. Returns when it is ready.

    A vault whose key could not be made may be created again under its name. Raises `BadVaultName`, `BadRetention`,
    `WorldNotFound`, `VaultExists`, `HsmUnavailable`, `JobPending`.
    """
    grant.require(Permission.VAULTS_CREATE)
    rules.check_name(name)
    rules.check_retention_days(recoverable_days)
    world = get_world(name=world_name)
    with transaction.atomic():
        vault = Vault.objects.select_for_update().filter(name__iexact=name).first()
        if vault is None:
            vault, _ = Vault.objects.get_or_create(
                name=name, defaults={"world": world, "state": Vault.State.FAILED, "created": now}
            )
            vault = Vault.objects.select_for_update().get(pk=vault.pk)
        if vault.state != Vault.State.FAILED:
            raise VaultExists(f"There is a vault '{vault.name}' already. Choose another name.")
        Vault.objects.filter(pk=vault.pk).update(
            state=Vault.State.PENDING,
            world=world,
            recoverable_days=recoverable_days,
            purge_protection=purge_protection,
        )
        append_attempt(grant, operation="VaultPut", object_id=f"vaults/{name}", world=world.name)
        job = dispatch.submit(
            grant=grant,
            kind="hsm.create_vault_key",
            operation="VaultPut",
            world=world.name,
            subject=("vault", vault.pk),
            object_id=f"vaults/{name}",
            now=now,
        )
    try:
        dispatch.wait(job)
    except HsmUnavailable:
        Vault.objects.filter(pk=vault.pk, state=Vault.State.PENDING).update(state=Vault.State.FAILED)
        raise
    queries.forget(name=name)
    return queries.get_vault(name=name)


def update(
    *,
    grant: Grant,
    name: str,
    recoverable_days: int | None = None,
    purge_protection: bool | None = None,
    limits: dict[str, int] | None = None,
) -> Vault:
    """Change a vault's retention, protection or limits; what is None stays.

    What was deleted before keeps the date that it was told. Raises `VaultNotFound`, `BadRetention`,
    `RetentionProtected`, `BadLimit`.
    """
    grant.require(Permission.VAULTS_UPDATE)
    _check_limits(limits or {})
    with transaction.atomic():
        vault = Vault.objects.select_for_update(of=("self",)).get(pk=queries.get_vault(name=name).pk)
        days = vault.recoverable_days if recoverable_days is None else recoverable_days
        protection = vault.purge_protection if purge_protection is None else purge_protection
        rules.check_retention_change(vault, days=days, purge_protection=protection)
        vault.recoverable_days, vault.purge_protection = days, protection
        vault.limits = vault.limits if limits is None else limits
        vault.save(update_fields=["recoverable_days", "purge_protection", "limits"])
        append_change(
            grant,
            operation="VaultPatch",
            object_id=f"vaults/{vault.name}",
            recoverableDays=days,
            purgeProtection=protection,
            limits=vault.limits,
        )
    queries.forget(name=name)
    return queries.get_vault(name=name)


def _check_limits(limits: dict[str, int]) -> None:
    for name, limit in limits.items():
        if name not in set(Quota):
            raise BadLimit(f"There is no limit '{name[:40]}'. Limits: {', '.join(Quota)}.")
        if type(limit) is not int or not 0 <= limit <= 1_000_000:
            raise BadLimit("A limit is a number from 0 (none) to 1000000, for ten seconds.")
