"""Creating and changing vaults."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.core import movable_clock
from apps.core.errors import BadRequest, Conflict
from apps.core.sql import execute
from apps.domain.access import operations as access
from apps.domain.access.changes import recorded_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals.models import GuardedOperation
from apps.domain.approvals.operations import approved_operation
from apps.domain.hsm_client import client
from apps.domain.hsm_client.lane_client import HsmUnavailable
from apps.domain.security_worlds.queries import get_world
from apps.domain.vaults import queries, rules
from apps.domain.vaults.models import Vault
from apps.domain.vaults.quotas import Quota


class VaultExists(Conflict):
    """The name is taken."""


class VaultIsDeleted(Conflict):
    """The name belongs to a deleted vault, which can be recovered or purged."""


class TooManyTestVaults(Conflict):
    """The person has as many test vaults as one person may have."""


class NotOnTestClock(Conflict):
    """A test installation, whose clock moves, has no production vault."""


class BadLimit(BadRequest):
    """A limit that does not exist, or is not a number."""


def create(
    *,
    grant: Grant,
    name: str,
    world_name: str,
    recoverable_days: int = rules.LONGEST_RETENTION,
    purge_protection: bool = False,
    production: bool = False,
    tags: dict[str, str] | None = None,
    tool_settings: dict[str, Any] | None = None,
    now: datetime,
) -> Vault:
    """Create a vault in a world, with its key in that world's HSM. Returns when it is ready.

    A vault whose key could not be created may be created again under its name, by its owner. Raises `BadVaultName`,
    `BadRetention`, `BadTags`, `WorldNotFound`, `VaultExists`, `VaultIsDeleted`, `NotOnTestClock`, `HsmUnavailable`,
    `JobPending`.
    """
    grant.require(Permission.VAULTS_CREATE)
    rules.check_retention_days(recoverable_days)
    rules.check_tags(tags or {})
    _check_clock(production=production)
    fields = {
        "recoverable_days": recoverable_days,
        "purge_protection": purge_protection,
        "production": production,
        "tags": tags or {},
        "tool_settings": tool_settings or {},
        "test": False,
        "owner_id": None,
    }
    return _create(grant, name=name, world_name=world_name, fields=fields, now=now)


def create_test_vault(*, grant: Grant, name: str, world_name: str, now: datetime) -> Vault:
    """Create a developer's own test vault: the same API, but keys are protected by software only.

    Raises as `create`, and `TooManyTestVaults`.
    """
    grant.require(Permission.TEST_VAULTS_CREATE)
    fields = {
        "recoverable_days": rules.RETENTION_DAYS.start,
        "purge_protection": False,
        "production": False,
        "test": True,
        "owner_id": grant.principal.id,
    }
    return _create(grant, name=name, world_name=world_name, fields=fields, now=now)


def _create(grant: Grant, *, name: str, world_name: str, fields: dict[str, Any], now: datetime) -> Vault:
    rules.check_name(name)
    world = get_world(name=world_name)
    with transaction.atomic():
        if fields["test"]:
            _check_test_vault_limit(grant, name)
        named = Vault.objects.filter(purged__isnull=True)
        vault, created = named.select_for_update().filter(name__iexact=name).first(), False
        if vault is None:
            vault, created = named.get_or_create(
                name=name, defaults={"world": world, "state": Vault.State.FAILED, "created": now}
            )
            vault = named.select_for_update().get(pk=vault.pk)
        if vault.deleted is not None:
            raise VaultIsDeleted(
                f"There is a deleted vault '{name}', which keeps its name. Recover it, purge it, or choose another "
                "name."
            )
        if not created and (vault.state != Vault.State.FAILED or vault.owner_id != fields["owner_id"]):
            raise VaultExists(f"There is a vault '{name}' already. Choose another name.")
        Vault.objects.filter(pk=vault.pk).update(state=Vault.State.PENDING, world=world, **fields)
        if fields["test"]:
            access.make_test_vault_owner(grant=grant, vault_id=vault.pk)
        job = client.submit(
            grant=grant,
            kind="hsm.create_vault_key",
            operation=Operation.VAULT_PUT,
            world=world.name,
            subject=("vault", vault.pk),
            object_id=f"vaults/{name}",
            now=now,
            detail={"world": world.name, "test": fields["test"]},
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
    rsa1_5: bool | None = None,
    on_conflict: str | None = None,
    near_expiry_days: int | None = None,
    tags: dict[str, str] | None = None,
    tool_settings: dict[str, Any] | None = None,
    now: datetime,
) -> Vault:
    """Change a vault's retention, protection, limits, RSA1_5, tags, names of deleted objects (`Vault.OnConflict`),
    notices of expiry or whether it is guarded; what is None stays.

    What was deleted before keeps its purge date. Raises `VaultNotFound`, `VaultChanged`, `NotOnTestClock` and errors of
    `rules` for settings that cannot be, and `ApprovalRequired` for what weakens a guarded vault.
    """
    grant.require(Permission.VAULTS_UPDATE)
    _check_settings(limits=limits, tags=tags, near_expiry_days=near_expiry_days, production=production)
    requested: dict[str, Any] = {
        "recoverable_days": recoverable_days,
        "purge_protection": purge_protection,
        "limits": limits,
        "production": production,
        "rsa1_5": rsa1_5,
        "on_conflict": on_conflict,
        "near_expiry_days": near_expiry_days,
        "tags": tags,
        "tool_settings": tool_settings,
    }
    changes = {field: value for field, value in requested.items() if value is not None}
    before = queries.get_vault(name=name)
    rules.check_production(before, production=bool(production))
    _check_retention(before, changes)
    act, change = _weakening(before, changes)
    with (
        approved_operation(
            grant=grant.at(before),
            act=act or GuardedOperation.GUARD_OFF,
            guarded=before.production and act is not None,
            subject="the vault",
            change=change,
            now=now,
        ),
        recorded_change(grant, Operation.VAULT_PATCH, invalidate=lambda: queries.invalidate(name=name)) as record,
    ):
        vault = Vault.objects.select_for_update(of=("self",)).get(pk=before.pk)
        _check_retention(vault, changes)
        weaker = _weakening(vault, changes)
        if vault.production and weaker[0] is not None and (not before.production or weaker != (act, change)):
            raise queries.VaultChanged("The vault's settings have just changed. Review them and try again.")
        for field, value in changes.items():
            setattr(vault, field, value)
        vault.save(update_fields=list(requested))
        record.object_id, record.detail = f"vaults/{vault.name}", _recorded_settings(vault)
    return queries.get_vault(name=name)


def set_frozen(*, grant: Grant, name: str, frozen: bool) -> Vault:
    """Let the data plane deny every request to a vault, or serve it again. Raises `VaultNotFound`.

    Effective everywhere within one second.
    """
    grant.require(Permission.VAULTS_UPDATE)
    vault = queries.get_vault(name=name)
    with recorded_change(
        grant,
        Operation.VAULT_FREEZE if frozen else Operation.VAULT_UNFREEZE,
        object_id=f"vaults/{vault.name}",
        invalidate=lambda: queries.invalidate(name=name),
    ):
        Vault.objects.filter(pk=vault.pk).update(frozen=frozen)
    return vault


def _recorded_settings(vault: Vault) -> dict[str, Any]:
    return {
        "recoverableDays": vault.recoverable_days,
        "purgeProtection": vault.purge_protection,
        "limits": vault.limits,
        "production": vault.production,
        "rsa1_5": vault.rsa1_5,
        "onConflict": vault.on_conflict,
        "nearExpiryDays": vault.near_expiry_days,
        "tags": vault.tags,
    }


def _check_test_vault_limit(grant: Grant, name: str) -> None:
    """Raise `TooManyTestVaults`. Two calls of one person at once are counted one after the other."""
    execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"test vaults {grant.principal.id}"])
    most = settings.TEST_VAULTS_PER_PERSON
    others = Vault.objects.filter(test=True, owner_id=grant.principal.id, purged__isnull=True).exclude(
        name__iexact=name
    )
    if others.exclude(state=Vault.State.FAILED).count() >= most:
        raise TooManyTestVaults(f"You have {most} test vaults, as many as one person may have. Use one of them.")


def _weakening(vault: Vault, changes: dict[str, Any]) -> tuple[GuardedOperation | None, dict[str, str]]:
    """The operation that a second person has to approve, and all that gets weaker by it; no operation for nothing."""
    act, change = None, {}
    days = changes.get("recoverable_days", vault.recoverable_days)
    if days < vault.recoverable_days:
        act = GuardedOperation.RETENTION_SHORTENED
        change["deleted objects stay recoverable"] = f"{vault.recoverable_days} → {days} days"
    if changes.get("rsa1_5") is True and not vault.rsa1_5:
        act = GuardedOperation.RSA1_5_ON
        change["decryption with RSA1_5"] = "off → on"
    if changes.get("production") is False and vault.production:
        act = GuardedOperation.GUARD_OFF
        change["guarded by a second person"] = "yes → no"
    return act, change


def _check_retention(vault: Vault, changes: dict[str, Any]) -> None:
    rules.check_retention_change(
        vault,
        days=changes.get("recoverable_days", vault.recoverable_days),
        purge_protection=changes.get("purge_protection", vault.purge_protection),
    )


def _check_clock(*, production: bool) -> None:
    """Raise `NotOnTestClock`. The database refuses it as well."""
    if production and movable_clock.is_movable():
        raise NotOnTestClock("This is a test installation, whose clock can be moved: it has no production vaults.")


def _check_settings(
    *,
    limits: dict[str, int] | None,
    tags: dict[str, str] | None,
    near_expiry_days: int | None,
    production: bool | None,
) -> None:
    _check_clock(production=bool(production))
    _check_limits(limits or {})
    rules.check_tags(tags or {})
    if near_expiry_days is not None:
        rules.check_near_expiry_days(near_expiry_days)


def _check_limits(limits: dict[str, int]) -> None:
    for name, limit in limits.items():
        if name not in set(Quota):
            raise BadLimit(f"There is no limit '{name[:40]}'. Limits: {', '.join(Quota)}.")
        if type(limit) is not int or not 0 <= limit <= 1_000_000:
            raise BadLimit("A limit is a number from 0 (none) to 1000000, for ten seconds.")
