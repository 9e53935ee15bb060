"""Making vaults."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from apps.audit_log.operation_names import Operation
from apps.core.errors import BadRequest, Conflict
from apps.domain.access import operations as access
from apps.domain.access.audit_records import append_attempt, append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import requires_approval
from apps.domain.hsm_client import client
from apps.domain.hsm_client.lane_client import HsmUnavailable
from apps.domain.security_worlds.queries import get_world
from apps.domain.vaults import queries, rules
from apps.domain.vaults.models import Vault
from apps.domain.vaults.quotas import Quota


class VaultExists(Conflict):
    """The name is taken."""


class TooManyTestVaults(Conflict):
    """One person has as many as one person may have."""


class BadLimit(BadRequest):
    """A limit that does not exist, or no number."""


def create(
    *,
    grant: Grant,
    name: str,
    world_name: str,
    recoverable_days: int = rules.LONGEST_RETENTION,
    purge_protection: bool = False,
    production: bool = False,
    now: datetime,
) -> Vault:
    """Make a vault in a world, with its key in that world's HSM. Returns when it is ready.

    A vault whose key could not be made may be created again under its name, by whose it is. Raises `BadVaultName`,
    `BadRetention`, `WorldNotFound`, `VaultExists`, `HsmUnavailable`, `JobPending`.
    """
    grant.require(Permission.VAULTS_CREATE)
    rules.check_retention_days(recoverable_days)
    settled = {
        "recoverable_days": recoverable_days,
        "purge_protection": purge_protection,
        "production": production,
        "test": False,
        "owner_id": None,
    }
    return _make(grant, name=name, world_name=world_name, settled=settled, now=now)


def create_test_vault(*, grant: Grant, name: str, world_name: str, now: datetime) -> Vault:
    """A developer's own test vault: the same API, keys protected by software only, and its maker owns it.

    Raises as `create`, and `TooManyTestVaults`.
    """
    grant.require(Permission.TEST_VAULTS_CREATE)
    settled = {
        "recoverable_days": rules.RETENTION_DAYS.start,
        "purge_protection": False,
        "production": False,
        "test": True,
        "owner_id": grant.principal.id,
    }
    return _make(grant, name=name, world_name=world_name, settled=settled, now=now)


def _make(grant: Grant, *, name: str, world_name: str, settled: dict[str, Any], now: datetime) -> Vault:
    rules.check_name(name)
    world = get_world(name=world_name)
    with transaction.atomic():
        if settled["test"]:
            _check_share(grant, name)
        vault, made = Vault.objects.select_for_update().filter(name__iexact=name).first(), False
        if vault is None:
            vault, made = Vault.objects.get_or_create(
                name=name, defaults={"world": world, "state": Vault.State.FAILED, "created": now}
            )
            vault = Vault.objects.select_for_update().get(pk=vault.pk)
        if not made and (vault.state != Vault.State.FAILED or vault.owner_id != settled["owner_id"]):
            raise VaultExists(f"There is a vault '{name}' already. Choose another name.")
        Vault.objects.filter(pk=vault.pk).update(state=Vault.State.PENDING, world=world, **settled)
        if settled["test"]:
            access.make_test_vault_owner(grant=grant, vault_id=vault.pk)
        append_attempt(
            grant, operation=Operation.VAULT_PUT, object_id=f"vaults/{name}", world=world.name, test=settled["test"]
        )
        job = client.submit(
            grant=grant,
            kind="hsm.create_vault_key",
            operation=Operation.VAULT_PUT,
            world=world.name,
            subject=("vault", vault.pk),
            object_id=f"vaults/{name}",
            now=now,
        )
    try:
        client.wait(job)
    except HsmUnavailable:
        Vault.objects.filter(pk=vault.pk, state=Vault.State.PENDING).update(state=Vault.State.FAILED)
        raise
    queries.invalidate(name=name)
    return queries.get_vault(name=name)


def update(
    *,
    grant: Grant,
    name: str,
    recoverable_days: int | None = None,
    purge_protection: bool | None = None,
    limits: dict[str, int] | None = None,
    production: bool | None = None,
    now: datetime,
) -> Vault:
    """Change a vault's retention, protection, limits or whether it is guarded; what is None stays.

    What was deleted before keeps the date that it was told. Raises `VaultNotFound`, `BadRetention`,
    `RetentionProtected`, `BadLimit`, and `SecondPersonNeeded` for what weakens a guarded vault.
    """
    grant.require(Permission.VAULTS_UPDATE)
    _check_limits(limits or {})
    before = queries.get_vault(name=name)
    rules.check_production(before, production=bool(production))
    rules.check_retention_change(
        before,
        days=before.recoverable_days if recoverable_days is None else recoverable_days,
        purge_protection=before.purge_protection if purge_protection is None else purge_protection,
    )
    weakening = _weakening(before, recoverable_days=recoverable_days, production=production)
    with requires_approval(
        grant=grant.at(before),
        act=weakening[0] if weakening else GuardedOperation.GUARD_OFF,
        guarded=before.production and weakening is not None,
        subject="the vault",
        change=weakening[1] if weakening else {},
        now=now,
    ):
        vault = Vault.objects.select_for_update(of=("self",)).get(pk=before.pk)
        days = vault.recoverable_days if recoverable_days is None else recoverable_days
        protection = vault.purge_protection if purge_protection is None else purge_protection
        rules.check_retention_change(vault, days=days, purge_protection=protection)
        vault.recoverable_days, vault.purge_protection = days, protection
        vault.limits = vault.limits if limits is None else limits
        vault.production = vault.production if production is None else production
        vault.save(update_fields=["recoverable_days", "purge_protection", "limits", "production"])
        append_change(
            grant,
            operation=Operation.VAULT_PATCH,
            object_id=f"vaults/{vault.name}",
            recoverableDays=days,
            purgeProtection=protection,
            limits=vault.limits,
            production=vault.production,
        )
    queries.invalidate(name=name)
    return queries.get_vault(name=name)


@transaction.atomic
def set_frozen(*, grant: Grant, name: str, frozen: bool) -> Vault:
    """Let the data plane refuse everything in a vault, or serve again. Raises `VaultNotFound`.

    Effective everywhere within one second.
    """
    grant.require(Permission.VAULTS_UPDATE)
    vault = queries.get_vault(name=name)
    Vault.objects.filter(pk=vault.pk).update(frozen=frozen)
    append_change(
        grant,
        operation=Operation.VAULT_FREEZE if frozen else Operation.VAULT_UNFREEZE,
        object_id=f"vaults/{vault.name}",
    )
    transaction.on_commit(lambda: queries.invalidate(name=name))
    return vault


def _check_share(grant: Grant, name: str) -> None:
    """Raise `TooManyTestVaults`. Two calls of one person at once are counted one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"test vaults {grant.principal.id}"])
    most = settings.TEST_VAULTS_PER_PERSON
    others = Vault.objects.filter(test=True, owner_id=grant.principal.id).exclude(name__iexact=name)
    if others.exclude(state=Vault.State.FAILED).count() >= most:
        raise TooManyTestVaults(f"You have {most} test vaults, as many as one person may have. Use one of them.")


def _weakening(
    vault: Vault, *, recoverable_days: int | None, production: bool | None
) -> tuple[GuardedOperation, dict[str, str]] | None:
    """The act that a second person has to agree to, and its change; None when nothing gets weaker."""
    if production is False and vault.production:
        return GuardedOperation.GUARD_OFF, {"guarded by a second person": "yes → no"}
    if recoverable_days is not None and recoverable_days < vault.recoverable_days:
        days = f"{vault.recoverable_days} → {recoverable_days} days"
        return GuardedOperation.RETENTION_SHORTENED, {"deleted objects stay recoverable": days}
    return None


def _check_limits(limits: dict[str, int]) -> None:
    for name, limit in limits.items():
        if name not in set(Quota):
            raise BadLimit(f"There is no limit '{name[:40]}'. Limits: {', '.join(Quota)}.")
        if type(limit) is not int or not 0 <= limit <= 1_000_000:
            raise BadLimit("A limit is a number from 0 (none) to 1000000, for ten seconds.")
