"""Uses of a stored key: sign, verify, encrypt, decrypt, by the module or, for software custody, by `cryptography`."""

import hmac

from pkcs11 import Attribute

from apps.hsm import algorithms, public_keys, software, symmetric
from apps.hsm.errors import BadCiphertext, BadParameter, DeviceFault, OperationFailed, UnsupportedAlgorithm
from apps.hsm.message_uses import MESSAGE_TYPES, MessageUses
from apps.hsm.types import Custody, Encrypted, KeyType, Message, StoredKey

# Which of a key's bound operations (JWK key_ops, RFC 7517 section 4.3) permits a use. Wrapping a key that the caller
# brings is the same operation as encrypting it.
_SIGN, _VERIFY = ("sign",), ("verify",)
_ENCRYPT, _DECRYPT = ("encrypt", "wrapKey"), ("decrypt", "unwrapKey")
_REJECTION = b"vault-portal/rejection/1"  # a domain of WM's HMAC


class Uses(MessageUses):
    """What a caller may have done with a key."""

    def sign(
        self,
        key: StoredKey,
        *,
        algorithm: str,
        digest: bytes,
        context: bytes = b"",
        external_mu: bool = False,
        vault_key: StoredKey | None = None,
    ) -> bytes:
        """The signature over a digest, verified with the stored public key (docs/reference/pkcs11-facts.md section 6).

        With an oct key, the HMAC of `digest`; with Ed25519 and ML-DSA keys, `digest` is the message, or for ML-DSA the
        `external_mu`, and ML-DSA takes a `context`. Raises `UnsupportedAlgorithm`, `BadParameter`, `BindingMismatch`,
        `DeviceFault`.
        """
        if key.binding.key_type is KeyType.OCT:
            self._key_store.verify_binding(key, _SIGN)
            return self._authenticate(key, algorithm, digest, vault_key)
        if key.binding.key_type in MESSAGE_TYPES:
            return self._sign_message(key, algorithm, Message(digest, context, external_mu), vault_key)
        row = signing_algorithm(key, algorithm, digest)
        self._key_store.verify_binding(key, _SIGN)
        return self._sign(key, row, digest, vault_key)

    def sign_own_certificate(
        self, key: StoredKey, *, algorithm: str, digest: bytes, vault_key: StoredKey | None = None
    ) -> bytes:
        """Sign a key's own certificate or request, whatever operations it is bound to (RFC 2986 section 3)."""
        row = signing_algorithm(key, algorithm, digest)
        self._key_store.verify_binding(key)
        return self._sign(key, row, digest, vault_key)

    def verify(
        self,
        key: StoredKey,
        *,
        algorithm: str,
        digest: bytes,
        signature: bytes,
        context: bytes = b"",
        external_mu: bool = False,
        vault_key: StoredKey | None = None,
    ) -> bool:
        """Tell whether the signature is valid. Needs no private key; the binding is still verified."""
        if key.binding.key_type is KeyType.OCT:
            self._key_store.verify_binding(key, _VERIFY)
            return hmac.compare_digest(self._authenticate(key, algorithm, digest, vault_key), signature)
        if key.binding.key_type in MESSAGE_TYPES:
            return self._verify_message(key, algorithm, Message(digest, context, external_mu), signature)
        row = signing_algorithm(key, algorithm, digest)
        public = self._key_store.verify_binding(key, _VERIFY)
        return public is not None and public_keys.is_signature(public, row, digest, signature)

    def encrypt(
        self,
        key: StoredKey,
        *,
        algorithm: str,
        plaintext: bytes,
        iv: bytes = b"",
        aad: bytes = b"",
        vault_key: StoredKey | None = None,
    ) -> Encrypted:
        """Encrypt, or wrap: one block with the public half of an RSA key, any data with AES.

        `iv` is for CBC; GCM makes its own. Raises `BadParameter` when the plaintext does not fit.
        """
        if key.binding.key_type is KeyType.OCT:
            return self._encrypt_symmetric(key, algorithm, plaintext, iv=iv, aad=aad, vault_key=vault_key)
        row = algorithms.encrypting(algorithm, key_type=key.binding.key_type)
        public = self._key_store.verify_binding(key, _ENCRYPT)
        if public is None:
            raise BadParameter("the key has no public half")
        return Encrypted(public_keys.encrypt(public, row, plaintext))

    def decrypt(
        self,
        key: StoredKey,
        *,
        algorithm: str,
        ciphertext: bytes,
        iv: bytes = b"",
        aad: bytes = b"",
        tag: bytes = b"",
        vault_key: StoredKey | None = None,
    ) -> bytes:
        """Decrypt, or unwrap. Raises `BadCiphertext` for whatever is wrong with it, and as `sign` does.

        Invalid RSA1_5 padding is not a failure: it returns pseudo-random bytes (implicit rejection), the same while
        the key lives. Whether RSA1_5 is allowed at all is the caller's policy.
        """
        if key.binding.key_type is KeyType.OCT:
            return self._decrypt_symmetric(key, algorithm, ciphertext, iv=iv, aad=aad, tag=tag, vault_key=vault_key)
        row = algorithms.encrypting(algorithm, key_type=key.binding.key_type)
        _check_length(ciphertext, int(key.binding.parameter) // 8)
        self._key_store.verify_binding(key, _DECRYPT)
        if key.binding.custody is Custody.SOFTWARE:
            return software.decrypt(self._open_software(key, vault_key), row, ciphertext)
        world, rejected = self._key_store.masters_for(key.binding), _REJECTION + key.public_key + ciphertext
        try:
            return self._key_store.with_handle(
                key,
                Attribute.DECRYPT,
                lambda handle: self._decryption.open(handle, row, ciphertext, rejection=lambda: world.mac(rejected)),
            )
        except OperationFailed:
            raise BadCiphertext from None

    def _sign(self, key: StoredKey, row: algorithms.Signing, digest: bytes, vault_key: StoredKey | None) -> bytes:
        if key.binding.custody is Custody.SOFTWARE:
            signature = software.sign(self._open_software(key, vault_key), row, digest)
        else:
            signature = self._key_store.with_handle(
                key,
                Attribute.SIGN,
                lambda handle: bytes(
                    handle.sign(
                        row.prefix + digest, mechanism=row.mechanism, mechanism_param=row.parameter, buffer_size=512
                    )
                ),
            )
        public = self._key_store.verify_binding(key)
        if public is None or not public_keys.is_signature(public, row, digest, signature):
            raise DeviceFault("the module made a signature that does not verify with the key's public half")
        return signature

    def _authenticate(self, key: StoredKey, algorithm: str, data: bytes, vault_key: StoredKey | None) -> bytes:
        row = algorithms.authenticating(algorithm)
        if key.binding.custody is Custody.SOFTWARE:
            return symmetric.software_authenticate(self._open_software(key, vault_key), row, data)
        try:
            return self._key_store.with_handle(
                key, Attribute.SIGN, lambda handle: symmetric.authenticate(handle, row, data)
            )
        except OperationFailed:  # SoftHSM wants a key as long as the hash (docs/reference/pkcs11-facts.md section 15)
            raise UnsupportedAlgorithm(
                f"the HSM does not make {algorithm} with a key of {key.binding.parameter} bits"
            ) from None

    def _encrypt_symmetric(
        self, key: StoredKey, algorithm: str, plaintext: bytes, *, iv: bytes, aad: bytes, vault_key: StoredKey | None
    ) -> Encrypted:
        row = algorithms.symmetric(algorithm, parameter=key.binding.parameter)
        plaintext, iv = symmetric.prepare_plaintext(row, plaintext, iv)
        self._key_store.verify_binding(key, _ENCRYPT)
        if key.binding.custody is Custody.SOFTWARE:
            return symmetric.software_encrypt(self._open_software(key, vault_key), row, plaintext, iv=iv, aad=aad)
        return self._key_store.with_handle(
            key,
            symmetric.ENCRYPT_PURPOSE[row.mode],
            lambda handle: symmetric.encrypt(self._session, handle, row, plaintext, iv=iv, aad=aad),
        )

    def _decrypt_symmetric(
        self,
        key: StoredKey,
        algorithm: str,
        ciphertext: bytes,
        *,
        iv: bytes,
        aad: bytes,
        tag: bytes,
        vault_key: StoredKey | None,
    ) -> bytes:
        row = algorithms.symmetric(algorithm, parameter=key.binding.parameter)
        symmetric.check_decrypt_input(row, ciphertext, iv, tag)
        self._key_store.verify_binding(key, _DECRYPT)
        if key.binding.custody is Custody.SOFTWARE:
            material = self._open_software(key, vault_key)
            return symmetric.software_decrypt(material, row, ciphertext, iv=iv, aad=aad, tag=tag)
        try:
            return self._key_store.with_handle(
                key,
                symmetric.DECRYPT_PURPOSE[row.mode],
                lambda handle: symmetric.decrypt(handle, row, ciphertext, iv=iv, aad=aad, tag=tag),
            )
        except OperationFailed:
            raise BadCiphertext from None


def signing_algorithm(key: StoredKey, algorithm: str, digest: bytes) -> algorithms.Signing:
    """Find the algorithm's row that fits the key and the digest. Raises `UnsupportedAlgorithm`, `BadParameter`."""
    row = algorithms.signing(algorithm, key_type=key.binding.key_type, parameter=key.binding.parameter)
    _check_length(digest, row.digest.digest_size)
    return row


def _check_length(value: bytes, expected: int) -> None:
    if len(value) != expected:
        raise BadParameter(f"{len(value)} bytes given, {expected} needed")
