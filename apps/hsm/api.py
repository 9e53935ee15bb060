"""The complete interface of the boundary.

One `Hsm` in one thread of one process. It takes and returns `StoredKey`s and bytes; handles, sessions and the PIN stay
inside. Opening is in `device.py`, use of keys in `uses.py`; this module generates, imports, moves and releases keys.
`errors.py` says what a caller must do about each error.
"""

import dataclasses
from typing import Any

from pkcs11 import Attribute

from apps.hsm import (
    binding,
    envelope,
    generation,
    hybrid,
    importing,
    inspection,
    key_release,
    public_keys,
    software,
)
from apps.hsm.device import require_vault_key
from apps.hsm.errors import (
    BadCiphertext,
    BadParameter,
    BindingMismatch,
    DeviceFault,
    OperationFailed,
    UnsupportedAlgorithm,
    translate_pkcs11_errors,
)
from apps.hsm.message_uses import MESSAGE_TYPES
from apps.hsm.session_objects import destroyed_after
from apps.hsm.types import ML_KEM, Binding, Custody, KeyType, Message, Origin, StoredKey
from apps.hsm.uses import Uses, signing_algorithm

_IMPORT = ("import",)
_PROOF = b"vault-portal/proof/1"


class Hsm(Uses):
    """A logged-in token with the masters of its world's generations."""

    def generate(
        self, target: Binding, *, vault_key: StoredKey | None = None, public_exponent: int = 65537
    ) -> StoredKey:
        """Generate a key in the custody that the binding names. `vault_key` seals software keys.

        The key is tested, through its wrapped copy, before it is returned (FIPS 140-3, pairwise consistency). Never
        retried automatically. Raises `BadParameter`.
        """
        _check_origin(target, Origin.GENERATED)
        world = self._key_store.masters_for(target)
        if target.custody is Custody.SOFTWARE:
            public, material = software.generate(target, public_exponent=public_exponent)
            return self._finish_software_key(target, public, material, vault_key)
        with translate_pkcs11_errors(self.canary):
            public, blob = generation.generate(self._session, world, target, public_exponent=public_exponent)
        return self._finish_key(target, public, blob, vault_key)

    def import_key(self, target: Binding, *, material: bytes, vault_key: StoredKey | None = None) -> StoredKey:
        """Import a key that the caller has in clear: PKCS#8 DER (RFC 5958), or the bytes of an AES key.

        Raises `BadParameter` unless it is a valid key of the type in the binding.
        """
        _check_origin(target, Origin.IMPORTED)
        public = software.public_half(target, material)
        if target.custody is Custody.SOFTWARE:
            return self._finish_software_key(target, public, material, vault_key)
        generation.check_importable(target)
        with translate_pkcs11_errors(self.canary, refused=BadParameter):
            imported, blob = importing.import_clear(
                self._session, self._key_store.masters_for(target), target, material
            )
        if imported != public:
            raise BadParameter("the private key does not fit its public half")
        return self._finish_key(target, public, blob, vault_key)

    def import_wrapped(self, target: Binding, *, kek: StoredKey, ciphertext: bytes) -> StoredKey:
        """Import a key from a BYOK file; it is never in clear outside the HSM.

        `ciphertext`: RSA-OAEP (SHA-1) of an AES-256 key under `kek`, then the wrapped target (RFC 5649): PKCS#8 or the
        bytes of an AES key. Source: Azure "BYOK specification". Raises `BadParameter`, `BindingMismatch`.
        """
        _check_origin(target, Origin.TRANSFERRED)
        self._key_store.verify_binding(kek, _IMPORT)
        generation.check_importable(target)
        size = int(kek.binding.parameter) // 8
        if kek.binding.custody is not Custody.WRAPPED or target.custody is not Custody.WRAPPED:
            raise BadParameter("bringing a key needs a key exchange key in the HSM, and a target in the HSM")
        if len(ciphertext) < size + 3 * 8:
            raise BadParameter("the transfer is too short to hold a key")
        world = self._key_store.masters_for(target)

        def import_with(handle: Any) -> tuple[bytes, bytes]:
            with destroyed_after(importing.unwrap_transport_key(handle, ciphertext[:size])) as carrier:
                return importing.import_wrapped(world, target, carrier, ciphertext[size:])

        try:
            public, blob = self._key_store.with_handle(kek, Attribute.UNWRAP, import_with)
        except OperationFailed:
            raise BadParameter("the transfer does not open with this key exchange key") from None
        return self._finish_key(target, public, blob, None)

    def open_transfer(
        self, key: StoredKey, *, sealed: bytes, kek: StoredKey, vault_key: StoredKey | None = None
    ) -> bytes:
        """Open the outer layer of a hybrid BYOK file, with the ML-KEM key exchange key `key`.

        The result is the `ciphertext` of `import_wrapped`, still encrypted for `kek`. Raises `BadParameter`,
        `BindingMismatch`.
        """
        self._key_store.verify_binding(key, _IMPORT)
        if key.binding.parameter != hybrid.ALGORITHM:
            raise BadParameter(f"the second key exchange key of a hybrid transfer is {hybrid.ALGORITHM}")
        try:
            secret = software.decapsulate(self._open_software(key, vault_key), sealed[: hybrid.CIPHERTEXT_BYTES])
            return hybrid.open_transfer(sealed, secret=secret, recipient=kek.public_key)
        except BadCiphertext:
            raise BadParameter("the transfer does not open with this ML-KEM key exchange key") from None

    def verify_binding(self, key: StoredKey) -> None:
        """Verify that the key's world made it, for its place. Raises `BindingMismatch`."""
        self._key_store.verify_binding(key)

    def inspect(self, key: StoredKey) -> inspection.KeyReport:
        """Read from the module what it reports of a key that is wrapped by it, and of the keys that wrap it.

        Raises `BindingMismatch`, `BadParameter` for a software-protected key.
        """
        self._key_store.verify_binding(key)
        if key.binding.custody is not Custody.WRAPPED:
            raise BadParameter("the HSM knows nothing of a software-protected key")
        purpose = inspection.PURPOSES[key.binding.key_type]
        attributes = self._key_store.with_handle(key, purpose, inspection.read_attributes)
        with translate_pkcs11_errors(self.canary):
            masters = self._key_store.masters_for(key.binding)
            return inspection.KeyReport(attributes, inspection.wrapping_keys(masters, key.binding, key.blob))

    def rebind(self, key: StoredKey, *, operations: tuple[str, ...]) -> StoredKey:
        """Bind the same key to other operations. Raises `BindingMismatch` if the old binding is not genuine."""
        self._key_store.verify_binding(key)
        changed = dataclasses.replace(key.binding, operations=operations)
        return self._key_store.bind(dataclasses.replace(key, binding=changed))

    def move(
        self,
        key: StoredKey,
        target: Binding,
        *,
        vault_key: StoredKey | None = None,
        to_vault_key: StoredKey | None = None,
    ) -> StoredKey:
        """Bind the same key to another vault, name or version of its world, for restores and reuse by certificates.

        A restored key may become one that is marked as restored; the mark, and the origin, stay with it.
        `vault_key` opens a software-protected key, `to_vault_key` seals it again. Raises `BindingMismatch`,
        `BadParameter` when anything else would change.
        """
        self._key_store.verify_binding(key)
        unmoved = dataclasses.replace(
            target, vault=key.binding.vault, name=key.binding.name, version=key.binding.version
        )
        if target.restored and not key.binding.restored:
            unmoved = dataclasses.replace(unmoved, restored=False)
        if dataclasses.replace(unmoved, operations=key.binding.operations) != key.binding:
            raise BadParameter("a key moves within its world, unchanged")
        if key.binding.custody is Custody.SOFTWARE:
            material = self._open_software(key, vault_key)
            context = binding.software_context(target)
            blob = self.seal(require_vault_key(to_vault_key, target), context=context, plaintext=material)
        else:
            blob = key.blob
        return self._key_store.bind(dataclasses.replace(key, binding=target, blob=blob))

    def release(self, key: StoredKey, *, recipient: bytes, algorithm: str, vault_key: StoredKey | None = None) -> bytes:
        """Encrypt an exportable key to the recipient's RSA key (SPKI). Authorization happened before.

        Raises `BindingMismatch` when the key was not made exportable, `UnsupportedAlgorithm`, `BadParameter`.
        """
        self._key_store.verify_binding(key)
        if not key.binding.exportable:
            raise BindingMismatch("the stored key is not bound as exportable")
        public = key_release.load_recipient_key(recipient)
        if key.binding.custody is Custody.SOFTWARE:
            return key_release.release_software(self._open_software(key, vault_key), public, algorithm=algorithm)
        world = self._key_store.masters_for(key.binding)
        with translate_pkcs11_errors(self.canary, refused=UnsupportedAlgorithm):
            return key_release.release(self._session, world, key, public, algorithm=algorithm)

    def disclose(self, key: StoredKey, *, vault_key: StoredKey) -> bytes:
        """Return the material of an exportable software-protected key, for the secret of a certificate."""
        self._key_store.verify_binding(key)
        if not key.binding.exportable or key.binding.custody is not Custody.SOFTWARE:
            raise BindingMismatch("the stored key is not bound as exportable and software-protected")
        return self._open_software(key, vault_key)

    def _finish_key(self, target: Binding, public: bytes, blob: bytes, vault_key: StoredKey | None) -> StoredKey:
        key = self._key_store.bind(StoredKey(binding=target, public_key=public, blob=blob, mac=b""))
        self._check_consistency(key, vault_key)
        return key

    def _finish_software_key(
        self, target: Binding, public: bytes, material: bytes, vault_key: StoredKey | None
    ) -> StoredKey:
        context = binding.software_context(target)
        blob = self.seal(require_vault_key(vault_key, target), context=context, plaintext=material)
        return self._finish_key(target, public, blob, vault_key)

    def _check_consistency(self, key: StoredKey, vault_key: StoredKey | None) -> None:
        """Use a new key once, whatever operations it is bound to."""
        if key.binding.key_type is KeyType.OCT:
            if key.binding.custody is Custody.SOFTWARE:
                self._open_software(key, vault_key)
                return
            sealed = self._key_store.with_handle(
                key, Attribute.ENCRYPT, lambda handle: envelope.seal(handle, context=_PROOF, plaintext=_PROOF)
            )
            self._key_store.with_handle(
                key, Attribute.DECRYPT, lambda handle: envelope.unseal(handle, context=_PROOF, sealed=sealed)
            )
            return
        if key.binding.key_type in MESSAGE_TYPES:
            self._check_message_key(key, vault_key)
            return
        algorithm, digest = generation.pair_challenge(public_keys.load(key.public_key))
        self._sign(key, signing_algorithm(key, algorithm, digest), digest, vault_key)

    def _check_message_key(self, key: StoredKey, vault_key: StoredKey | None) -> None:
        if key.binding.parameter not in ML_KEM:  # the parameter of the others is the name of their algorithm
            self._sign_message(key, key.binding.parameter, Message(_PROOF), vault_key, bound=False)
            return
        ciphertext, secret = public_keys.encapsulate(public_keys.load(key.public_key))
        if software.decapsulate(self._open_software(key, vault_key), ciphertext) != secret:
            raise DeviceFault("the key that was made does not fit its public half")


def _check_origin(target: Binding, origin: Origin) -> None:
    """Raise `BadParameter` unless a new key is bound as what it is; a key of the service has no recorded origin."""
    if target.origin not in {origin, Origin.UNRECORDED} or target.restored:
        raise BadParameter(f"the origin of this key is not {target.origin}")
