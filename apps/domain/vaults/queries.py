"""Reading vaults."""

from collections.abc import Collection
from uuid import UUID

from apps.core.errors import Forbidden, NotFound, Unavailable
from apps.core.ttl_cache import ShortTtlCache
from apps.domain.vaults.models import Vault


class VaultFrozen(Forbidden):
    """Security operations have frozen the vault because of an incident."""


class VaultSuspended(Unavailable):
    """The vault's audit log cannot be delivered, and its policy is to serve nothing until it can."""

    code = "VaultHeld"

    retry_after = 60


class VaultNotFound(NotFound):
    """No usable vault of that name."""


_vaults: ShortTtlCache[Vault] = ShortTtlCache(maxsize=10_000)


def find_vault(*, name: str) -> Vault:
    """A vault that is ready, with its world. At most a second old; treat it as read-only. Raises `VaultNotFound`."""
    folded = name.lower()

    def load() -> Vault:
        vault = get_vault(name=folded)
        if vault.state != Vault.State.READY:
            raise VaultNotFound(not_found(name))
        return vault

    return _vaults.get(folded, load)


def check_serving(vault: Vault) -> None:
    """Raise `VaultFrozen`, `VaultHeld`."""
    check_suspended(vault)
    if vault.frozen:
        raise VaultFrozen(
            f"Vault {vault.name} is frozen by security operations: it serves nothing until they lift that. Ask them."
        )


def check_suspended(vault: Vault) -> None:
    """Raise `VaultHeld`."""
    if vault.held:
        raise VaultSuspended(suspended_sentence(vault.name))


def suspended_sentence(name: str = "") -> str:
    """The message of a `VaultSuspended`."""
    what = f"Vault {name}" if name else "The vault"
    return (
        f"{what} serves nothing now: its usage log could not be delivered for too long, and its owner wants no use "
        "without. It serves again when the log destination takes records. Ask security operations."
    )


def get_vault(*, name: str) -> Vault:
    """The vault in any state, with its world. Raises `VaultNotFound`."""
    vault = Vault.objects.select_related("world").filter(name__iexact=name).first()
    if vault is None:
        raise VaultNotFound(not_found(name))
    return vault


def find_vaults(*, ids: Collection[UUID]) -> list[Vault]:
    """The vaults that exist, by name."""
    return list(Vault.objects.select_related("world").filter(pk__in=ids).order_by("name"))


def list_vaults() -> list[Vault]:
    """All vaults by name."""
    return list(Vault.objects.select_related("world").order_by("name"))


def invalidate(*, name: str) -> None:
    """Let this process see its own change at once."""
    _vaults.forget(name.lower())


def not_found(name: str) -> str:
    """The message for a vault that does not exist."""
    return f"There is no vault '{name[:80]}'."
