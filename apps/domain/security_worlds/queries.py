"""Reading security worlds."""

from django.db.models import Count, QuerySet

from apps.core.errors import NotFound
from apps.domain.security_worlds.models import ProtectedKey, SecurityWorld, StatementKey

_EVERY_HSM = frozenset({"RSA", "EC", "oct"})


class WorldNotFound(NotFound):
    """No security world of that name."""


def get_world(*, name: str) -> SecurityWorld:
    """The world of that name. Raises `WorldNotFound`, which names those that exist."""
    try:
        return _for_vaults().get(name=name)
    except SecurityWorld.DoesNotExist:
        known = ", ".join(_for_vaults().order_by("name").values_list("name", flat=True)) or "none yet"
        raise WorldNotFound(
            f"There is no security world '{name}'. Worlds: {known}. A world is made by `manage.py hsm_ceremony`."
        ) from None


def list_worlds() -> list[SecurityWorld]:
    """All worlds that vaults can be in, by name."""
    return list(_for_vaults().order_by("name"))


def count_keys() -> dict[tuple[str, str], int]:
    """The number of keys by (world, custody)."""
    names = dict(_for_vaults().values_list("pk", "name"))
    rows = ProtectedKey.objects.values_list("world_id", "custody").annotate(n=Count("*"))  # no join: many rows
    return {(names[world], custody): count for world, custody, count in rows if world in names}


def statement_authorities() -> dict[str, bytes]:
    """The certificates (DER) of the authorities of key statements, by the name of their world."""
    rows = StatementKey.objects.filter(role=StatementKey.Role.AUTHORITY).order_by("created")
    return {name: bytes(certificate) for name, certificate in rows.values_list("world__name", "certificate")}


def hsm_key_types(world: SecurityWorld) -> frozenset[str]:
    """The types of keys that the world's HSM can protect, as its ceremony found by trial (`apps/hsm/profile.py`)."""
    return _EVERY_HSM | ({"OKP"} if world.profile.get("ed25519_wrapped") else frozenset())


def _for_vaults() -> QuerySet[SecurityWorld]:
    return SecurityWorld.objects.filter(purpose=SecurityWorld.Purpose.VAULTS)
