"""The whole surface of the boundary.

One `Hsm` in one thread of one process. It takes and gives `StoredKey`s and bytes; handles, sessions and the PIN stay
inside. Opening is in `device.py`, using keys in `uses.py`; here keys are made, taken in, moved and released. What a
caller must do about an error, `errors.py` says.
"""

import dataclasses
from typing import Any

from pkcs11 import Attribute

from apps.hsm import binding, envelope, generation, importing, key_release, public_keys, software
from apps.hsm.device import required_masters
from apps.hsm.errors import (
    BadParameter,
    BindingMismatch,
    OperationFailed,
    UnsupportedAlgorithm,
    translate_pkcs11_errors,
)
from apps.hsm.types import Binding, Custody, KeyType, StoredKey
from apps.hsm.uses import Uses, signing_row

_IMPORT = ("import",)
_PROOF = b"vault-portal/proof/1"


class Hsm(Uses):
    """A logged-in token with the masters of its world's generations."""

    def generate(self, what: Binding, *, vault_key: StoredKey | None = None, public_exponent: int = 65537) -> StoredKey:
        """Make a key in the custody that the binding names. `vault_key` seals software keys.

        The key is proven, through the copy that was wrapped, before it is given away (FIPS 140-3, pairwise
        consistency). Never tried again by itself. Raises `BadParameter`.
        """
        world = self._custodian.masters_for(what)
        if what.custody is Custody.SOFTWARE:
            public, material = software.generate(what, public_exponent=public_exponent)
            return self._keep_software(what, public, material, vault_key)
        with translate_pkcs11_errors(self.canary):
            public, blob = generation.generate(self._session, world, what, public_exponent=public_exponent)
        return self._keep(what, public, blob, vault_key)

    def import_key(self, what: Binding, *, material: bytes, vault_key: StoredKey | None = None) -> StoredKey:
        """Take a key that the caller has in clear: PKCS#8 DER (RFC 5958), or the bytes of an AES key.

        Raises `BadParameter` unless it is a sound key of the kind that the binding says.
        """
        public = software.public_half(what, material)
        if what.custody is Custody.SOFTWARE:
            return self._keep_software(what, public, material, vault_key)
        with translate_pkcs11_errors(self.canary, refused=BadParameter):
            found, blob = importing.adopt_clear(self._session, self._custodian.masters_for(what), what, material)
        if found != public:
            raise BadParameter("the private key does not fit its public half")
        return self._keep(what, public, blob, vault_key)

    def import_wrapped(self, what: Binding, *, kek: StoredKey, ciphertext: bytes) -> StoredKey:
        """Take a key out of a BYOK file; it is never in clear outside the HSM.

        `ciphertext`: RSA-OAEP (SHA-1) of an AES-256 key under `kek`, then the wrapped target (RFC 5649): PKCS#8 or the
        bytes of an AES key. Source: Azure "BYOK specification". Raises `BadParameter`, `BindingMismatch`.
        """
        self._custodian.genuine(kek, _IMPORT)
        size = int(kek.binding.parameter) // 8
        if kek.binding.custody is not Custody.WRAPPED or what.custody is not Custody.WRAPPED:
            raise BadParameter("bringing a key needs a key exchange key in the HSM, and a target in the HSM")
        if len(ciphertext) < size + 3 * 8:
            raise BadParameter("the transfer is too short to hold a key")
        world = self._custodian.masters_for(what)

        def adopt(handle: Any) -> tuple[bytes, bytes]:
            carrier = importing.open_carrier(handle, ciphertext[:size])
            try:
                return importing.adopt(world, what, carrier, ciphertext[size:])
            finally:
                carrier.destroy()

        try:
            public, blob = self._custodian.with_handle(kek, Attribute.UNWRAP, adopt)
        except OperationFailed:
            raise BadParameter("the transfer does not open with this key exchange key") from None
        return self._keep(what, public, blob, None)

    def rebind(self, key: StoredKey, *, operations: tuple[str, ...]) -> StoredKey:
        """The same key bound to other operations. Raises `BindingMismatch` if the old binding is not genuine."""
        self._custodian.genuine(key)
        changed = dataclasses.replace(key.binding, operations=operations)
        return self._custodian.bind(dataclasses.replace(key, binding=changed))

    def move(
        self,
        key: StoredKey,
        what: Binding,
        *,
        vault_key: StoredKey | None = None,
        to_vault_key: StoredKey | None = None,
    ) -> StoredKey:
        """The same key under another vault, name or version of its world: for restoring and for reuse by certificates.

        `vault_key` opens a software-protected key, `to_vault_key` seals it anew. Raises `BindingMismatch`,
        `BadParameter` when anything else would change.
        """
        self._custodian.genuine(key)
        kept = dataclasses.replace(what, vault=key.binding.vault, name=key.binding.name, version=key.binding.version)
        if dataclasses.replace(kept, operations=key.binding.operations) != key.binding:
            raise BadParameter("a key moves within its world, unchanged")
        if key.binding.custody is Custody.SOFTWARE:
            material = self._open_software(key, vault_key)
            context = binding.software_context(what)
            blob = self.seal(required_masters(to_vault_key, what), context=context, plaintext=material)
        else:
            blob = key.blob
        return self._custodian.bind(dataclasses.replace(key, binding=what, blob=blob))

    def release(self, key: StoredKey, *, recipient: bytes, algorithm: str, vault_key: StoredKey | None = None) -> bytes:
        """An exportable key, encrypted to the recipient's RSA key (SPKI). Who may have it was decided before.

        Raises `BindingMismatch` when the key was not made exportable, `UnsupportedAlgorithm`, `BadParameter`.
        """
        self._custodian.genuine(key)
        if not key.binding.exportable:
            raise BindingMismatch("the stored key is not bound as exportable")
        public = key_release.recipient_key(recipient)
        if key.binding.custody is Custody.SOFTWARE:
            return key_release.software_release(self._open_software(key, vault_key), public, algorithm=algorithm)
        world = self._custodian.masters_for(key.binding)
        with translate_pkcs11_errors(self.canary, refused=UnsupportedAlgorithm):
            return key_release.release(self._session, world, key, public, algorithm=algorithm)

    def disclose(self, key: StoredKey, *, vault_key: StoredKey) -> bytes:
        """The material of an exportable software-protected key: for the secret of a certificate that asks for it."""
        self._custodian.genuine(key)
        if not key.binding.exportable or key.binding.custody is not Custody.SOFTWARE:
            raise BindingMismatch("the stored key is not bound as exportable and software-protected")
        return self._open_software(key, vault_key)

    def _keep(self, what: Binding, public: bytes, blob: bytes, vault_key: StoredKey | None) -> StoredKey:
        key = self._custodian.bind(StoredKey(binding=what, public_key=public, blob=blob, mac=b""))
        self._prove(key, vault_key)
        return key

    def _keep_software(self, what: Binding, public: bytes, material: bytes, vault_key: StoredKey | None) -> StoredKey:
        context = binding.software_context(what)
        blob = self.seal(required_masters(vault_key, what), context=context, plaintext=material)
        return self._keep(what, public, blob, vault_key)

    def _prove(self, key: StoredKey, vault_key: StoredKey | None) -> None:
        """Use a new key once, whatever operations it is bound to."""
        if key.binding.key_type is KeyType.OCT:
            if key.binding.custody is Custody.SOFTWARE:
                self._open_software(key, vault_key)
                return
            sealed = self._custodian.with_handle(
                key, Attribute.ENCRYPT, lambda handle: envelope.seal(handle, context=_PROOF, plaintext=_PROOF)
            )
            self._custodian.with_handle(
                key, Attribute.DECRYPT, lambda handle: envelope.unseal(handle, context=_PROOF, sealed=sealed)
            )
            return
        algorithm, digest = generation.pair_challenge(public_keys.load(key.public_key))
        self._sign(key, signing_row(key, algorithm, digest), digest, vault_key)
