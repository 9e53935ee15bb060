"""Reading vaults."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import F, QuerySet
from django.db.models.functions import Lower

from apps.core.change_feed import Topic
from apps.core.errors import Conflict, Forbidden, NotFound, Unavailable
from apps.core.leased_cache import LeasedCache
from apps.core.principals import Principal
from apps.core.sql import select_prepared
from apps.domain.vaults.models import Vault


class VaultFrozen(Forbidden):
    """Security operations have frozen the vault because of an incident."""


class VaultSuspended(Unavailable):
    """The vault's audit log cannot be delivered, and its policy is to serve nothing until it can."""

    code = "VaultHeld"

    retry_after = 60


class VaultNotFound(NotFound):
    """No usable vault of that name."""


class VaultChanged(Conflict):
    """The vault was changed at the same time."""


_READY_VAULT = (
    "SELECT id FROM vaults_vault WHERE lower(name) = %s AND purged IS NULL AND deleted IS NULL AND state = 'ready'"
)
_vaults: LeasedCache[Vault] = LeasedCache(Topic.VAULTS, maxsize=10_000)


def find_vault(*, name: str) -> Vault:
    """A vault that is ready, with its world. Treat it as read-only. Raises `VaultNotFound`.

    A change counts within a second.
    """
    folded = name.lower()

    def load() -> Vault:
        vault = get_vault(name=folded)
        if vault.state != Vault.State.READY:
            raise VaultNotFound(not_found(name))
        return vault

    return _vaults.get(folded, load)


def peek_world(*, name: str) -> str:
    """The name of the world of a vault that this process has used, without a query; else "". To share out load only."""
    vault = _vaults.peek(name.lower())
    return "" if vault is None else vault.world.name


def peek_id(*, name: str) -> UUID | None:
    """The id of a vault that this process has used, without a query; perhaps outdated. To read ahead only."""
    vault = _vaults.peek(name.lower())
    return None if vault is None else vault.pk


def find_vault_id(*, name: str) -> UUID | None:
    """The id of the vault that `find_vault` finds; None without one. Cheap also for names that callers invent."""
    known = _vaults.peek(name.lower())
    if known is not None:
        return known.pk
    rows = select_prepared(_READY_VAULT, (name.lower(),))
    return rows[0][0] if rows else None


def check_serving(vault: Vault) -> None:
    """Raise `VaultFrozen`, `VaultSuspended`."""
    check_suspended(vault)
    if vault.frozen:
        raise VaultFrozen(
            f"Vault {vault.name} is frozen by security operations: it serves nothing until they lift that. Ask them."
        )


def check_suspended(vault: Vault) -> None:
    """Raise `VaultSuspended`."""
    if vault.held:
        raise VaultSuspended(suspended_sentence(vault.name))


def suspended_sentence(name: str = "") -> str:
    """The message of a `VaultSuspended`."""
    what = f"Vault {name}" if name else "The vault"
    return (
        f"{what} is blocked: its audit log could not be delivered for too long, and its owner requires delivery. "
        "It is available again when delivery to the log destination works. Ask security operations."
    )


def get_vault(*, name: str, principal: Principal | None = None) -> Vault:
    """Return the vault in any state, with its world, if the principal may know of it; None is the service itself.

    Raises `VaultNotFound`, also for a deleted one.
    """
    vault = _named(_visible_vaults(principal), name).first()
    if vault is None or vault.deleted is not None:
        raise VaultNotFound(not_found(name))
    return vault


def get_deleted_vault(*, name: str, principal: Principal | None = None) -> Vault:
    """Return the deleted vault, which can be recovered. `principal` as in `get_vault`. Raises `VaultNotFound`."""
    vault = _named(_visible_vaults(principal), name).first()
    if vault is None or vault.deleted is None:
        raise VaultNotFound(deleted_not_found(name))
    return vault


def get_logged_vault(*, name: str) -> Vault:
    """Return the vault whose audit log a name means: also a deleted one, or the last one that was purged.

    Raises `VaultNotFound`.
    """
    rows = Vault.objects.select_related("world").filter(name__iexact=name)
    vault = rows.order_by(F("purged").desc(nulls_first=True)).first()
    if vault is None:
        raise VaultNotFound(not_found(name))
    return vault


def find_vaults(*, ids: Collection[UUID]) -> list[Vault]:
    """The vaults that exist, by name."""
    return list(Vault.objects.select_related("world").filter(pk__in=ids).order_by("name"))


def list_vaults(principal: Principal | None = None) -> list[Vault]:
    """List the vaults that the principal may know of by name; None is the service itself. Deleted ones are left out."""
    return list(_visible_vaults(principal).filter(deleted__isnull=True).order_by("name"))


def list_deleted_vaults(principal: Principal | None = None) -> list[Vault]:
    """List the deleted vaults that can be recovered, the next to be purged first; `principal` as in `list_vaults`."""
    rows = _visible_vaults(principal).filter(deleted__isnull=False, purged__isnull=True)
    return list(rows.order_by("purge_after", "name"))


def list_logged_vaults() -> list[Vault]:
    """List every vault that there is or was, by name: each has an audit log."""
    return list(Vault.objects.select_related("world").order_by("name", "created"))


def is_name_free(*, name: str) -> bool:
    """Tell whether no vault has the name; a deleted one has it until it is purged."""
    return not _named(Vault.objects.all(), name).exists()


def _visible_vaults(principal: Principal | None) -> QuerySet[Vault]:
    vaults = Vault.objects.select_related("world")
    return vaults if principal is None else vaults.visible_to(principal)


def _named(vaults: QuerySet[Vault], name: str) -> QuerySet[Vault]:
    """In any spelling, as the index of names has it: without purged ones."""
    return vaults.alias(folded=Lower("name")).filter(folded=name.lower(), purged__isnull=True)


def invalidate(*, name: str) -> None:
    """Let this process see its own change at once."""
    _vaults.invalidate(name.lower())


def not_found(name: str) -> str:
    """The message for a vault that does not exist."""
    return f"There is no vault '{name[:80]}'."


def deleted_not_found(name: str) -> str:
    """The message for a name that no deleted vault has."""
    return f"There is no deleted vault '{name[:80]}'."
