"""Stored keys as the boundary expects them, each with the binding that its place of use demands.

The binding is built from the row that uses the key (a key version, a vault, the token authority, an issuer), never
from the row of the stored key. A stored key that was moved to another place, or whose place was changed, then fails
the world's HMAC (docs/reference/security-guarantees.md section 2). The generation selects the HMAC key; it, the
origin, and the random version of an internal key, are the only facts that come with the stored key.
"""

from typing import Any

from apps.core.errors import Unavailable
from apps.core.ids import new_version
from apps.domain.certificates.models import IssuingAuthority
from apps.domain.identity.models import SigningKey
from apps.domain.keys.kind import KeyNotFound
from apps.domain.keys.models import KeyVersion
from apps.domain.keys.rules import SIGN
from apps.domain.security_worlds.models import ProtectedKey, SecurityWorld
from apps.domain.security_worlds.queries import get_world
from apps.domain.vaults.models import Vault
from apps.hsm.types import Binding, Custody, KeyType, Origin, StoredKey
from apps.workers.hsm_runtime.translation import make_binding, stored_key

_TOKEN_AUTHORITY, _VAULT_KEY = "token-authority", "vault-key"


def version_binding(row: KeyVersion, key: ProtectedKey | None = None) -> Binding:
    """The binding of a key version's key, in its vault, under its name: the stored one, or (without `key`) a new one.

    A new key is generated in the newest generation of its world.
    """
    vault = row.key.vault
    place: dict[str, Any] = {"world": vault.world.name, "vault": vault.pk.hex, "name": row.key.folded_name}
    if key is None:
        return make_binding(row, generation=vault.world.generation, origin=Origin.GENERATED, **place)
    return make_binding(row, generation=key.generation, origin=key.origin, restored=key.restored, **place)


def vault_key_binding(vault: Vault, key: ProtectedKey | None = None) -> Binding:
    """The binding of a vault's AES-256 key: the stored one, or (without `key`) a new one."""
    return _internal(vault.world, key, vault=vault.pk.hex, name=_VAULT_KEY, seals=True)


def signing_key_binding(world: SecurityWorld, key: ProtectedKey | None = None) -> Binding:
    """The binding of a token authority's key, stored or new."""
    return _internal(world, key, vault="", name=_TOKEN_AUTHORITY)


def authority_binding(row: IssuingAuthority, key: ProtectedKey | None = None) -> Binding:
    """The binding of a built-in certificate issuer's key, stored or new."""
    issuer = row.issuer
    return _internal(issuer.vault.world, key, vault=issuer.vault_id.hex, name=f"issuer/{issuer.pk.hex}")


def key_of_version(row: KeyVersion) -> StoredKey:
    """The stored key of a ready version. Raises `KeyNotFound` while there is none."""
    key = _require(row.protected)
    return stored_key(key, version_binding(row, key))


def key_of_vault(vault: Vault) -> StoredKey:
    """The stored key of a vault. Raises `Unavailable` while it is being created."""
    if vault.key is None:
        raise Unavailable("The vault's key is still being made.")
    return stored_key(vault.key, vault_key_binding(vault, vault.key))


def key_of_signing_key(row: SigningKey) -> StoredKey:
    """The stored key of the token authority. Raises `KeyNotFound` while there is none."""
    key = _require(row.protected)
    return stored_key(key, signing_key_binding(get_world(name=row.world_name), key))


def key_of_authority(row: IssuingAuthority) -> StoredKey:
    """The stored key of a built-in issuer. Raises `KeyNotFound` while there is none."""
    key = _require(row.protected)
    return stored_key(key, authority_binding(row, key))


def _require(key: ProtectedKey | None) -> ProtectedKey:
    if key is None:
        raise KeyNotFound("The key has not been made yet.")
    return key


def _internal(world: SecurityWorld, key: ProtectedKey | None, *, vault: str, name: str, seals: bool = False) -> Binding:
    """The binding of a key that no customer sees: an AES-256 key seals, a P-256 key signs."""
    identity: dict[str, Any] = (
        {"generation": world.generation, "version": new_version()}
        if key is None
        else {"generation": key.generation, "version": key.version}
    )
    return Binding(
        world=world.name,
        custody=Custody.WRAPPED,
        vault=vault,
        name=name,
        key_type=KeyType.OCT if seals else KeyType.EC,
        parameter="256" if seals else "P-256",
        operations=("seal",) if seals else (SIGN,),
        **identity,
    )
