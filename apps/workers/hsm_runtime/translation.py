"""Translation between rows and the HSM boundary's values, and from the boundary's errors to ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from apps.domain.hsm_client.lane_client import HsmUnavailable, ProtectedKeyAltered
from apps.domain.keys.rules import BadKeyParameter
from apps.domain.security_worlds.models import ProtectedKey, SecurityWorld, WorldGeneration
from apps.hsm import errors as hsm_errors
from apps.hsm.types import Binding, Custody, KeyType, MasterPin, Origin, StoredKey, WorldMasters


def make_binding(
    key: Any, *, world: str, generation: int, vault: str, name: str, origin: str = "", restored: bool = False
) -> Binding:
    """The binding of a row or specification of a key, in a place of a world. Raises `ValueError` for unknown facts."""
    return Binding(
        world=world,
        generation=generation,
        custody=Custody(key.custody),
        vault=vault,
        name=name,
        version=key.version,
        key_type=KeyType(key.key_type),
        parameter=key.parameter,
        operations=tuple(sorted(key.operations)),
        exportable=key.exportable,
        origin=Origin(origin),
        restored=restored,
    )


def stored_key(row: ProtectedKey, binding: Binding) -> StoredKey:
    """The row as the boundary expects it; `binding` is what the world's HMAC must cover for this place of use."""
    return StoredKey(binding, public_key=bytes(row.public_key), blob=bytes(row.blob), mac=bytes(row.mac))


def save_protected_key(key: StoredKey, *, world: SecurityWorld, vault_id: UUID | None) -> ProtectedKey:
    """Insert the row of a key that the boundary created."""
    binding = key.binding
    return ProtectedKey.objects.create(
        world=world,
        generation=binding.generation,
        custody=binding.custody.value,
        vault_id=vault_id,
        name=binding.name,
        version=binding.version,
        key_type=binding.key_type.value,
        parameter=binding.parameter,
        operations=list(binding.operations),
        exportable=binding.exportable,
        origin=binding.origin.value,
        restored=binding.restored,
        public_key=key.public_key,
        blob=key.blob,
        mac=key.mac,
    )


def masters_of(generation: WorldGeneration, *, world_name: str) -> WorldMasters:
    """The master keys' pins that a ceremony stored in the database."""
    row = generation

    def optional_pin(object_id: Any, check: Any) -> MasterPin | None:
        return None if object_id is None or check is None else MasterPin(bytes(object_id), bytes(check))

    return WorldMasters(
        world=world_name,
        generation=row.number,
        private_wrapping=MasterPin(bytes(row.private_wrapping_id), bytes(row.private_wrapping_check)),
        secret_wrapping=MasterPin(bytes(row.secret_wrapping_id), bytes(row.secret_wrapping_check)),
        binding_mac=MasterPin(bytes(row.binding_mac_id), bytes(row.binding_mac_check)),
        hmac_wrapping=optional_pin(row.hmac_wrapping_id, row.hmac_wrapping_check),
        export_wrapping=optional_pin(row.export_wrapping_id, row.export_wrapping_check),
    )


@contextmanager
def boundary_errors() -> Iterator[None]:
    """Translate the boundary's errors to ours. A device fault passes unchanged: it ends the process."""
    try:
        yield
    except (hsm_errors.DeviceFault, hsm_errors.PinRefused):
        raise
    except hsm_errors.BadCiphertext as error:
        # One message for every way in which a ciphertext can be wrong (security-guarantees.md section 7).
        raise BadKeyParameter("The parameter is incorrect.\r\n") from error
    except (hsm_errors.BadParameter, hsm_errors.UnsupportedAlgorithm) as error:
        raise BadKeyParameter(str(error)) from error
    except (hsm_errors.BindingMismatch, hsm_errors.SealBroken, hsm_errors.UnwrapRefused) as error:
        raise ProtectedKeyAltered("The stored object is damaged and was not used.") from error
    except hsm_errors.HsmError as error:
        raise HsmUnavailable("The HSM could not do this now. Try again shortly.") from error
