"""What the world's HMAC is made over: unambiguous bytes for everything that must not change unnoticed."""

from apps.hsm.types import Binding, StoredKey

_BINDING, _EXPORTABLE = b"vault-portal/binding/1", b"vault-portal/binding/1/exportable"
_WITH_ORIGIN = b"vault-portal/binding/2"  # and then exportable, origin and restored
_SOFTWARE = b"vault-portal/software-key/1"


def binding_bytes(key: StoredKey) -> bytes:
    """Binding, public key and blob; every part length-prefixed, so no two keys share these bytes.

    A key without a recorded origin has the bytes of before there were origins.
    """
    binding = key.binding
    operations = [_encoded(operation) for operation in binding.operations]
    return _join(*_domain(binding), *identity_parts(binding), *operations, key.public_key, key.blob)


def _domain(binding: Binding) -> list[bytes]:
    if not binding.origin and not binding.restored:
        return [_EXPORTABLE if binding.exportable else _BINDING]
    flags = [bytes([binding.exportable]), bytes([binding.restored])]
    return [_WITH_ORIGIN, *flags, _encoded(binding.origin)]


def software_context(binding: Binding) -> bytes:
    """Associated data of a sealed software key: what it is and whose, without the operations, which may change."""
    return _join(_SOFTWARE, *identity_parts(binding))


def identity_parts(binding: Binding) -> list[bytes]:
    """Encode the facts that never change."""
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
    return [_encoded(text) for text in texts]


def _encoded(text: str) -> bytes:
    """Text may hold anything that a row can, lone surrogates too: it only ever enters an HMAC."""
    return text.encode("utf-8", "surrogatepass")


def _join(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4) + part for part in parts)
