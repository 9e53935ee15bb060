"""Reading vaults."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Lower

from apps.core.change_feed import Topic
from apps.core.errors import Forbidden, NotFound, Unavailable
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


_READY_VAULT = "SELECT id FROM vaults_vault WHERE lower(name) = %s AND state = 'ready'"
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

    Raises `VaultNotFound`.
    """
    vault = _named(_visible_vaults(principal), name).first()
    if vault is None:
        raise VaultNotFound(not_found(name))
    return vault


def find_vaults(*, ids: Collection[UUID]) -> list[Vault]:
    """The vaults that exist, by name."""
    return list(Vault.objects.select_related("world").filter(pk__in=ids).order_by("name"))


def list_vaults(principal: Principal | None = None) -> list[Vault]:
    """List the vaults that the principal may know of by name; None is the service itself."""
    return list(_visible_vaults(principal).order_by("name"))


def _visible_vaults(principal: Principal | None) -> QuerySet[Vault]:
    vaults = Vault.objects.select_related("world")
    return vaults if principal is None else vaults.visible_to(principal)


def _named(vaults: QuerySet[Vault], name: str) -> QuerySet[Vault]:
    """In any spelling, as the index of names has it."""
    return vaults.alias(folded=Lower("name")).filter(folded=name.lower())


def invalidate(*, name: str) -> None:
    """Let this process see its own change at once."""
    _vaults.invalidate(name.lower())


def not_found(name: str) -> str:
    """The message for a vault that does not exist."""
    return f"There is no vault '{name[:80]}'."
