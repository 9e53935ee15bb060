"""Uses of keys with one algorithm each: Ed25519 and ML-DSA sign messages, ML-KEM makes and opens shared secrets.

All are software-protected (`cryptography`), except Ed25519 on a module that wraps such keys (`profile.py`).
"""

from pkcs11 import Attribute, Mechanism

from apps.hsm import algorithms, public_keys, software
from apps.hsm.device import Device
from apps.hsm.errors import BadParameter, DeviceFault, UnsupportedAlgorithm
from apps.hsm.types import ML_KEM, Custody, KeyType, Message, StoredKey

MESSAGE_TYPES = (KeyType.OKP, KeyType.AKP)
_SIGN, _VERIFY, _WRAP, _UNWRAP = ("sign",), ("verify",), ("wrapKey",), ("unwrapKey",)


class MessageUses(Device):
    """What a caller may have done with an Ed25519, ML-DSA or ML-KEM key."""

    def encapsulate(self, key: StoredKey, *, algorithm: str) -> tuple[bytes, bytes]:
        """Make a fresh key: (ciphertext for `decapsulate`, shared secret of 32 bytes). Needs no private key.

        Raises `UnsupportedAlgorithm`, `BindingMismatch`.
        """
        _check_kem(key, algorithm)
        public = self._key_store.verify_binding(key, _WRAP)
        if public is None:
            raise BadParameter("the key has no public half")
        return public_keys.encapsulate(public)

    def decapsulate(
        self, key: StoredKey, *, algorithm: str, ciphertext: bytes, vault_key: StoredKey | None = None
    ) -> bytes:
        """Return the shared secret that `encapsulate` made. Raises as it does, and `BadCiphertext` for a wrong length.

        Another ciphertext of the right length gives another secret, not an error (FIPS 203, implicit rejection).
        """
        _check_kem(key, algorithm)
        self._key_store.verify_binding(key, _UNWRAP)
        return software.decapsulate(self._open_software(key, vault_key), ciphertext)

    def _sign_message(
        self, key: StoredKey, algorithm: str, message: Message, vault_key: StoredKey | None, *, bound: bool = True
    ) -> bytes:
        """Sign, and verify with the stored public key. `bound`: the key must be bound to signing."""
        _check_message(key, algorithm, message)
        public = self._key_store.verify_binding(key, _SIGN if bound else ())
        if key.binding.custody is Custody.SOFTWARE:
            signature = software.sign_message(self._open_software(key, vault_key), message)
        else:
            signature = self._key_store.with_handle(
                key,
                Attribute.SIGN,
                lambda handle: bytes(handle.sign(message.value, mechanism=Mechanism.EDDSA, buffer_size=64)),
            )
        if public is None or not public_keys.is_message_signature(public, message, signature):
            raise DeviceFault("the signature that was made does not verify with the key's public half")
        return signature

    def _verify_message(self, key: StoredKey, algorithm: str, message: Message, signature: bytes) -> bool:
        _check_message(key, algorithm, message)
        public = self._key_store.verify_binding(key, _VERIFY)
        return public is not None and public_keys.is_message_signature(public, message, signature)


def _check_message(key: StoredKey, algorithm: str, message: Message) -> None:
    """Raise `UnsupportedAlgorithm` or `BadParameter` unless the key signs such a message with this algorithm."""
    row = algorithms.message_signing(algorithm, key_type=key.binding.key_type, parameter=key.binding.parameter)
    if row.key_type is not KeyType.AKP and (message.context or message.is_mu):
        raise BadParameter("a context and an external mu are for ML-DSA keys")
    if len(message.context) > 255 or (message.is_mu and (message.context or len(message.value) != 64)):
        raise BadParameter("a context has up to 255 bytes, an external mu has 64 and no context")


def _check_kem(key: StoredKey, algorithm: str) -> None:
    if algorithm not in ML_KEM or key.binding.key_type is not KeyType.AKP or algorithm != key.binding.parameter:
        kind = f"{key.binding.key_type} {key.binding.parameter}"
        raise UnsupportedAlgorithm(f"{algorithm[:40]} does not encapsulate with a key of type {kind}")
