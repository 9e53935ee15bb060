"""The whole surface of the boundary.

One `Hsm` in one thread of one process. It takes and gives `StoredKey`s and bytes; handles, sessions and the PIN stay
inside. What a caller must do about an error, `errors.py` says.
"""

import dataclasses
from typing import Any

import pkcs11
from pkcs11 import Attribute, Mechanism

from apps.hsm import (
    algorithms,
    binding,
    envelope,
    generation,
    masters,
    module,
    profile,
    public_keys,
    selftest,
    software,
)
from apps.hsm.custody import Custodian
from apps.hsm.decryption import Decryption
from apps.hsm.errors import (
    BadCiphertext,
    BadParameter,
    DeviceFault,
    MasterMissing,
    OperationFailed,
    SealBroken,
    UnsafeModule,
    judged,
)
from apps.hsm.types import Binding, Custody, Encrypted, KeyType, ModuleConfig, StoredKey, WorldMasters

# Which of a key's bound operations (JWK key_ops, RFC 7517 section 4.3) permits a use. With RSA, wrapping a key is the
# same act as encrypting it.
_SIGN, _VERIFY, _SEAL = ("sign",), ("verify",), ("seal",)
_ENCRYPT, _DECRYPT = ("encrypt", "wrapKey"), ("decrypt", "unwrapKey")

# Domains of WM's HMAC besides bindings, which begin with a length and so never with one of these.
_MAC, _REJECTION = b"vault-portal/mac/1", b"vault-portal/rejection/1"
_PROOF = b"vault-portal/proof/1"


class Hsm:
    """A logged-in token with the masters of its world's generations."""

    def __init__(self, token: pkcs11.Token, keeper: pkcs11.Session, session: pkcs11.Session, *, handles: int) -> None:
        self._token = token
        self._keeper = keeper
        self._session = session
        self._custodian = Custodian(canary=self.canary, handles=handles)
        self._decryption = Decryption()
        self._key_wrap: Mechanism | None = None
        self._profile: dict[str, Any] | None = None

    @classmethod
    def open(cls, config: ModuleConfig) -> "Hsm":
        """Load the module, log in, have it give known answers. Call it after forking, once per process.

        Raises `DeviceFault` (`SelfTestFailed` when an answer is wrong), `PinRefused`.
        """
        hsm = cls(*module.log_in(config), handles=config.handle_cache)
        hsm.canary()
        selftest.run(hsm._session)
        hsm._key_wrap = selftest.key_wrap_mechanism(hsm._session)
        return hsm

    @property
    def token_serial(self) -> str:
        """The token's serial number, as its maker gave it."""
        serial = self._token.serial
        return serial.decode("ascii", "replace") if isinstance(serial, bytes) else str(serial)

    @property
    def profile(self) -> dict[str, Any]:
        """What this module can do, probed at first asking."""
        if self._profile is None:
            with judged(self.canary):
                self._profile = profile.probe(self._session, self._token, key_wrap=self._key_wrap)
        return self._profile

    def create_masters(self, *, world: str, generation: int) -> WorldMasters:
        """Make the three master keys of a generation: for a ceremony, never for a lookup that found nothing.

        Raises `MastersExist` when the token has them already, `UnsafeModule` when the module ignores UNWRAP_TEMPLATE or
        wraps otherwise than RFC 5649.
        """
        key_wrap = self._needed_key_wrap()
        if not self.profile["unwrap_template_enforced"]:
            raise UnsafeModule("the module does not enforce CKA_UNWRAP_TEMPLATE: wrapped keys could be read in clear")
        with judged(self.canary):
            return masters.create(self._session, world=world, generation=generation, key_wrap=key_wrap)

    def load_world(self, pins: WorldMasters) -> None:
        """Find and believe the masters of a generation. Raises `MasterMissing`, `MasterMismatch`, `DeviceFault`.

        A search that finds nothing is believed only while the token itself answers (fact 4).
        """
        key_wrap = self._needed_key_wrap()
        try:
            with judged(self.canary):
                self._custodian.add(masters.load(self._session, pins, key_wrap=key_wrap))
        except MasterMissing:
            self.canary()
            raise

    def canary(self) -> None:
        """Raise `DeviceFault` unless the token is there, still has its masters and computes with them.

        Ask every half second: SoftHSM goes on serving session objects when its token directory has gone, so that
        cached keys sign and seal as before. What fails at once then, measured: C_GetTokenInfo (GENERAL_ERROR), the
        masters' handles (OBJECT_HANDLE_INVALID, so that nothing is unwrapped or made) and a search for them (nothing
        found, no error). None of it heals when the directory returns: the process has to go. Takes 0.1 ms.
        """
        try:
            self._token.slot.get_token()
            alive = all(masters.is_alive(self._session, loaded) for loaded in self._custodian.all_masters())
        except pkcs11.PKCS11Error:
            alive = False
        if not alive:
            raise DeviceFault("the token does not answer, or has lost its masters")

    def random(self, count: int) -> bytes:
        """`count` random bytes from the HSM's generator."""
        if count < 1:
            raise BadParameter("at least one random byte has to be asked for")
        with judged(self.canary):
            return bytes(self._session.generate_random(count * 8))

    def close(self) -> None:
        """Destroy the handles and log out; the process does not open again."""
        self._custodian.handles.clear()
        for session in (self._session, self._keeper):
            try:
                session.close()
            except pkcs11.PKCS11Error:
                continue

    def generate(self, what: Binding, *, vault_key: StoredKey | None = None) -> StoredKey:
        """Make a key in the custody that the binding names. `vault_key` seals software keys.

        The key is proven, through the copy that was wrapped, before it is given away (FIPS 140-3, pairwise
        consistency). Never tried again by itself. Raises `BadParameter`.
        """
        world = self._custodian.masters_for(what)
        if what.custody is Custody.SOFTWARE:
            public, pkcs8 = software.generate(what)
            context = binding.software_context(what)
            blob = self.seal(_needed(vault_key, what), context=context, plaintext=pkcs8)
        else:
            with judged(self.canary):
                public, blob = generation.generate(self._session, world, what)
        key = self._custodian.bind(StoredKey(binding=what, public_key=public, blob=blob, mac=b""))
        self._prove(key, vault_key)
        return key

    def rebind(self, key: StoredKey, *, operations: tuple[str, ...]) -> StoredKey:
        """The same key bound to other operations. Raises `BindingMismatch` if the old binding is not genuine."""
        self._custodian.genuine(key)
        changed = dataclasses.replace(key.binding, operations=operations)
        return self._custodian.bind(dataclasses.replace(key, binding=changed))

    def sign(self, key: StoredKey, *, algorithm: str, digest: bytes, vault_key: StoredKey | None = None) -> bytes:
        """The signature over a digest, verified with the stored public key before it is given away (fact 6).

        Raises `UnsupportedAlgorithm`, `BadParameter`, `BindingMismatch`, `DeviceFault`.
        """
        row = _signing(key, algorithm, digest)
        self._custodian.genuine(key, _SIGN)
        return self._sign(key, row, digest, vault_key)

    def verify(self, key: StoredKey, *, algorithm: str, digest: bytes, signature: bytes) -> bool:
        """Whether the signature is good. Needs no private key; the binding is checked all the same."""
        row = _signing(key, algorithm, digest)
        public = self._custodian.genuine(key, _VERIFY)
        return public is not None and public_keys.is_signature(public, row, digest, signature)

    def encrypt(self, key: StoredKey, *, algorithm: str, plaintext: bytes) -> Encrypted:
        """Encrypt, or wrap, one block with the public half. Raises `BadParameter` when it is too long."""
        row = algorithms.encrypting(algorithm, key_type=key.binding.key_type)
        public = self._custodian.genuine(key, _ENCRYPT)
        if public is None:
            raise BadParameter("the key has no public half")
        return Encrypted(public_keys.encrypt(public, row, plaintext))

    def decrypt(
        self, key: StoredKey, *, algorithm: str, ciphertext: bytes, vault_key: StoredKey | None = None
    ) -> bytes:
        """Decrypt, or unwrap, one block. Raises `BadCiphertext` for whatever is wrong with it, and as `sign` does.

        Bad RSA1_5 padding is no failure: it gives pseudo-random bytes (implicit rejection), the same as long as the
        key lives. Whether RSA1_5 is allowed at all is the caller's policy.
        """
        row = algorithms.encrypting(algorithm, key_type=key.binding.key_type)
        _check_length(ciphertext, int(key.binding.parameter) // 8)
        self._custodian.genuine(key, _DECRYPT)
        if key.binding.custody is Custody.SOFTWARE:
            return software.decrypt(self._open_software(key, vault_key), row, ciphertext)
        world, rejected = self._custodian.masters_for(key.binding), _REJECTION + key.public_key + ciphertext
        try:
            return self._custodian.with_handle(
                key,
                Attribute.DECRYPT,
                lambda handle: self._decryption.open(handle, row, ciphertext, rejection=lambda: world.mac(rejected)),
            )
        except OperationFailed:
            raise BadCiphertext from None

    def seal(self, vault_key: StoredKey, *, context: bytes, plaintext: bytes) -> bytes:
        """AES-256-GCM under a vault key, in the HSM. `context` must be given again to open."""
        self._custodian.genuine(vault_key, _SEAL)
        return self._custodian.with_handle(
            vault_key,
            Attribute.ENCRYPT,
            lambda handle: envelope.seal(handle, context=context, plaintext=plaintext),
        )

    def unseal(self, vault_key: StoredKey, *, context: bytes, sealed: bytes) -> bytes:
        """What `seal` sealed. Raises `SealBroken` for another key or context, or a changed value."""
        self._custodian.genuine(vault_key, _SEAL)
        try:
            return self._custodian.with_handle(
                vault_key, Attribute.DECRYPT, lambda handle: envelope.unseal(handle, context=context, sealed=sealed)
            )
        except OperationFailed:
            raise SealBroken("the sealed value does not open with this vault key and context") from None

    def mac(self, *, world: str, generation: int, data: bytes) -> bytes:
        """HMAC-SHA256 with the world's binding key, in a domain apart from bindings."""
        with judged(self.canary):
            return self._custodian.masters_of(world, generation).mac(_MAC + data)

    def _sign(self, key: StoredKey, row: algorithms.Signing, digest: bytes, vault_key: StoredKey | None) -> bytes:
        if key.binding.custody is Custody.SOFTWARE:
            signature = software.sign(self._open_software(key, vault_key), row, digest)
        else:
            signature = self._custodian.with_handle(
                key,
                Attribute.SIGN,
                lambda handle: bytes(
                    handle.sign(
                        row.prefix + digest, mechanism=row.mechanism, mechanism_param=row.parameter, buffer_size=512
                    )
                ),
            )
        public = self._custodian.genuine(key)
        if public is None or not public_keys.is_signature(public, row, digest, signature):
            raise DeviceFault("the module made a signature that does not verify with the key's public half")
        return signature

    def _prove(self, key: StoredKey, vault_key: StoredKey | None) -> None:
        """Use a new key once, whatever operations it is bound to."""
        if key.binding.key_type is KeyType.OCT:
            sealed = self._custodian.with_handle(
                key, Attribute.ENCRYPT, lambda handle: envelope.seal(handle, context=_PROOF, plaintext=_PROOF)
            )
            self._custodian.with_handle(
                key, Attribute.DECRYPT, lambda handle: envelope.unseal(handle, context=_PROOF, sealed=sealed)
            )
            return
        algorithm, digest = generation.pair_challenge(public_keys.load(key.public_key))
        self._sign(key, _signing(key, algorithm, digest), digest, vault_key)

    def _open_software(self, key: StoredKey, vault_key: StoredKey | None) -> bytes:
        context = binding.software_context(key.binding)
        return self.unseal(_needed(vault_key, key.binding), context=context, sealed=key.blob)

    def _needed_key_wrap(self) -> Mechanism:
        if self._key_wrap is None:
            raise UnsafeModule("the module does not wrap keys as RFC 5649 says, so none can be kept outside it")
        return self._key_wrap


def _signing(key: StoredKey, algorithm: str, digest: bytes) -> algorithms.Signing:
    row = algorithms.signing(algorithm, key_type=key.binding.key_type, parameter=key.binding.parameter)
    _check_length(digest, row.digest.digest_size)
    return row


def _check_length(value: bytes, expected: int) -> None:
    if len(value) != expected:
        raise BadParameter(f"{len(value)} bytes given, {expected} needed")


def _needed(vault_key: StoredKey | None, what: Binding) -> StoredKey:
    if vault_key is None or (vault_key.binding.world, vault_key.binding.vault) != (what.world, what.vault):
        raise BadParameter("a software-protected key needs the key of its own vault")
    return vault_key
