"""What the world's HMAC is made over: unambiguous bytes for everything that must not change unnoticed."""

from apps.hsm.types import Binding, StoredKey

_BINDING = b"vault-portal/binding/1"
_SOFTWARE = b"vault-portal/software-key/1"


def bound_bytes(key: StoredKey) -> bytes:
    """Binding, public key and blob; every part length-prefixed, so no two keys share these bytes."""
    binding = key.binding
    return _join(
        _BINDING, *identity_parts(binding), ",".join(binding.operations).encode("ascii"), key.public_key, key.blob
    )


def software_context(binding: Binding) -> bytes:
    """Associated data of a sealed software key: what it is and whose, without the operations, which may change."""
    return _join(_SOFTWARE, *identity_parts(binding))


def identity_parts(binding: Binding) -> list[bytes]:
    """The facts that never change. Text may hold anything a database can: it only ever enters a hash."""
    texts = (
        binding.world,
        str(binding.generation),
        binding.custody.value,
        binding.vault,
        binding.name,
        binding.version,
        binding.key_type.value,
        binding.parameter,
    )
    return [text.encode("utf-8", "surrogatepass") for text in texts]


def _join(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4) + part for part in parts)
