"""The whole surface of the boundary.

One `Hsm` in one thread of one process. It takes and gives `StoredKey`s and bytes; handles, sessions and the PIN stay
inside. What a caller must do about an error, `errors.py` says.
"""

import dataclasses
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import pkcs11
from pkcs11 import Attribute

from apps.hsm import algorithms, binding, envelope, generation, masters, module, profile, public_keys, software
from apps.hsm.decryption import Decryption
from apps.hsm.errors import (
    BadCiphertext,
    BadParameter,
    BindingMismatch,
    DeviceFault,
    MasterMissing,
    Meaning,
    OperationFailed,
    SealBroken,
    UnsafeModule,
    judged,
    meaning_of,
)
from apps.hsm.handles import HandleCache
from apps.hsm.types import Binding, Custody, Encrypted, KeyType, ModuleConfig, StoredKey, WorldMasters

Result = TypeVar("Result")


class Hsm:
    """A logged-in token with the masters of its world's generations."""

    def __init__(self, token: pkcs11.Token, keeper: pkcs11.Session, session: pkcs11.Session, *, handles: int) -> None:
        self._token = token
        self._keeper = keeper
        self._session = session
        self._masters: dict[tuple[str, int], masters.Masters] = {}
        self._handles = HandleCache(size=handles)
        self._verified: OrderedDict[StoredKey, public_keys.PublicKey | None] = OrderedDict()
        self._verified_size = 5 * handles
        self._decryption = Decryption()
        self._profile: dict[str, Any] | None = None

    @classmethod
    def open(cls, config: ModuleConfig) -> "Hsm":
        """Load the module, log in, prove that the token answers. Call it after forking, once per process.

        Raises `DeviceFault`, `PinRefused`.
        """
        hsm = cls(*module.log_in(config), handles=config.handle_cache)
        hsm.canary()
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
                self._profile = profile.probe(self._session, self._token)
        return self._profile

    def create_masters(self, *, world: str, generation: int) -> WorldMasters:
        """Make the three master keys of a generation: for a ceremony, never for a lookup that found nothing.

        Raises `MastersExist` when the token has them already, `UnsafeModule` when the module ignores UNWRAP_TEMPLATE or
        wraps otherwise than RFC 5649.
        """
        missing = [name for name in ("key_wrap_is_rfc5649", "unwrap_template_enforced") if not self.profile[name]]
        if missing:
            raise UnsafeModule(f"the module cannot protect wrapped keys: {', '.join(missing)}")
        with judged(self.canary):
            return masters.create(self._session, world=world, generation=generation)

    def load_world(self, pins: WorldMasters) -> None:
        """Find and believe the masters of a generation. Raises `MasterMissing`, `MasterMismatch`, `DeviceFault`."""
        with judged(self.canary):
            self._masters[pins.world, pins.generation] = masters.load(self._session, pins)

    def canary(self) -> None:
        """Raise `DeviceFault` unless the token still has its masters and computes with them.

        About 0.2 ms per generation on SoftHSM. Without masters (in a ceremony) the token's generator is asked.
        """
        try:
            alive = len(self._session.generate_random(64)) == 8
            alive = alive and all(masters.is_alive(self._session, loaded) for loaded in self._masters.values())
        except pkcs11.PKCS11Error:
            alive = False
        if not alive:
            raise DeviceFault("the token does not answer, or has lost its masters")

    def random(self, count: int) -> bytes:
        """`count` random bytes from the HSM."""
        with judged(self.canary):
            return bytes(self._session.generate_random(count * 8))

    def close(self) -> None:
        """Destroy the handles and log out; the process does not open again."""
        self._handles.clear()
        for session in (self._session, self._keeper):
            try:
                session.close()
            except pkcs11.PKCS11Error:
                continue

    def generate(self, what: Binding, *, vault_key: StoredKey | None = None) -> StoredKey:
        """Make a key in the custody that the binding names. `vault_key` seals software keys.

        The pair is proven by a signature before it is given away (FIPS 140-3, pairwise consistency). Raises
        `BadParameter`.
        """
        world = self._world(what)
        if what.custody is Custody.SOFTWARE:
            public, pkcs8 = software.generate(what)
            blob = self.seal(_needed(vault_key), context=binding.software_context(what), plaintext=pkcs8)
        else:
            with judged(self.canary):
                public, blob = generation.generate(self._session, world, what)
        key = self._bind(StoredKey(binding=what, public_key=public, blob=blob, mac=b""))
        if what.key_type is not KeyType.OCT:
            algorithm, digest = generation.pair_challenge(public_keys.load(public))
            self.sign(key, algorithm=algorithm, digest=digest, vault_key=vault_key)
        return key

    def rebind(self, key: StoredKey, *, operations: tuple[str, ...]) -> StoredKey:
        """The same key bound to other operations. Raises `BindingMismatch` if the old binding is not genuine."""
        self._public(key)
        changed = dataclasses.replace(key.binding, operations=operations)
        return self._bind(dataclasses.replace(key, binding=changed))

    def sign(self, key: StoredKey, *, algorithm: str, digest: bytes, vault_key: StoredKey | None = None) -> bytes:
        """The signature over a digest, verified with the stored public key before it is given away (security.md 0.6).

        Raises `UnsupportedAlgorithm`, `BadParameter`, `BindingMismatch`, `DeviceFault`.
        """
        row = algorithms.signing(algorithm, key_type=key.binding.key_type, parameter=key.binding.parameter)
        _check_length(digest, row.digest.digest_size)
        public = self._public(key)
        if key.binding.custody is Custody.SOFTWARE:
            signature = software.sign(self._open_software(key, vault_key), row, digest)
        else:
            signature = self._with_handle(
                key,
                Attribute.SIGN,
                lambda handle: bytes(
                    handle.sign(
                        row.prefix + digest, mechanism=row.mechanism, mechanism_param=row.parameter, buffer_size=512
                    )
                ),
            )
        if public is None or not public_keys.is_signature(public, row, digest, signature):
            raise DeviceFault("the module made a signature that does not verify with the key's public half")
        return signature

    def verify(self, key: StoredKey, *, algorithm: str, digest: bytes, signature: bytes) -> bool:
        """Whether the signature is good. Needs no private key; the binding is checked all the same."""
        row = algorithms.signing(algorithm, key_type=key.binding.key_type, parameter=key.binding.parameter)
        _check_length(digest, row.digest.digest_size)
        public = self._public(key)
        return public is not None and public_keys.is_signature(public, row, digest, signature)

    def encrypt(self, key: StoredKey, *, algorithm: str, plaintext: bytes) -> Encrypted:
        """Encrypt one block with the public half. Raises `BadParameter` when it is too long."""
        row = algorithms.encrypting(algorithm, key_type=key.binding.key_type)
        public = self._public(key)
        if public is None:
            raise BadParameter("the key has no public half")
        return Encrypted(public_keys.encrypt(public, row, plaintext))

    def decrypt(
        self, key: StoredKey, *, algorithm: str, ciphertext: bytes, vault_key: StoredKey | None = None
    ) -> bytes:
        """Decrypt one block. Raises `BadCiphertext` for whatever is wrong with it, and as `sign` does.

        RSA1_5 never fails: bad padding gives pseudo-random bytes (implicit rejection). Whether it is allowed at all
        is the caller's policy.
        """
        row = algorithms.encrypting(algorithm, key_type=key.binding.key_type)
        _check_length(ciphertext, int(key.binding.parameter) // 8)
        self._public(key)
        if key.binding.custody is Custody.SOFTWARE:
            return software.decrypt(self._open_software(key, vault_key), row, ciphertext)
        world = self._world(key.binding)
        try:
            return self._with_handle(
                key,
                Attribute.DECRYPT,
                lambda handle: self._decryption.open(
                    handle, row, ciphertext, prf=lambda data: world.mac(b"rejection" + key.mac + data)
                ),
            )
        except OperationFailed:
            raise BadCiphertext from None

    def seal(self, vault_key: StoredKey, *, context: bytes, plaintext: bytes) -> bytes:
        """AES-256-GCM under a vault key, in the HSM. `context` must be given again to open."""
        self._public(vault_key)
        return self._with_handle(
            vault_key,
            Attribute.ENCRYPT,
            lambda handle: envelope.seal(handle, context=context, plaintext=plaintext),
        )

    def unseal(self, vault_key: StoredKey, *, context: bytes, sealed: bytes) -> bytes:
        """What `seal` sealed. Raises `SealBroken` for another key or context, or a changed value."""
        self._public(vault_key)
        try:
            return self._with_handle(
                vault_key, Attribute.DECRYPT, lambda handle: envelope.unseal(handle, context=context, sealed=sealed)
            )
        except OperationFailed:
            raise SealBroken("the sealed value does not open with this vault key and context") from None

    def mac(self, *, world: str, generation: int, data: bytes) -> bytes:
        """HMAC-SHA256 with the world's binding key, in a domain apart from bindings."""
        with judged(self.canary):
            return self._world_of(world, generation).mac(b"vault-portal/mac/1" + data)

    def _bind(self, key: StoredKey) -> StoredKey:
        with judged(self.canary):
            return dataclasses.replace(key, mac=self._world(key.binding).mac(binding.bound_bytes(key)))

    def _public(self, key: StoredKey) -> public_keys.PublicKey | None:
        """The parsed public half of a key whose binding is genuine; None for oct. Raises `BindingMismatch`."""
        if key in self._verified:
            self._verified.move_to_end(key)
            return self._verified[key]
        with judged(self.canary):
            expected = self._world(key.binding).mac(binding.bound_bytes(key))
        if not masters.same(expected, key.mac):
            raise BindingMismatch("the stored key is not what the HSM bound")
        public = public_keys.load(key.public_key) if key.public_key else None
        self._verified[key] = public
        if len(self._verified) > self._verified_size:
            self._verified.popitem(last=False)
        return public

    def _with_handle(self, key: StoredKey, purpose: Attribute, use: Callable[[Any], Result]) -> Result:
        """Use a live handle; one that the module no longer knows is unwrapped again, once."""
        slot = (key, purpose)
        with judged(self.canary):
            try:
                return use(self._handles.get(slot, lambda: self._unwrap(key, purpose)))
            except pkcs11.PKCS11Error as error:
                if meaning_of(error) is not Meaning.REOPEN:
                    raise
            self._handles.drop(slot)
            return use(self._handles.get(slot, lambda: self._unwrap(key, purpose)))

    def _unwrap(self, key: StoredKey, purpose: Attribute) -> Any:
        return generation.unwrap(self._world(key.binding), key.binding, key.blob, purpose=purpose)

    def _open_software(self, key: StoredKey, vault_key: StoredKey | None) -> bytes:
        return self.unseal(_needed(vault_key), context=binding.software_context(key.binding), sealed=key.blob)

    def _world(self, what: Binding) -> masters.Masters:
        return self._world_of(what.world, what.generation)

    def _world_of(self, world: str, generation_number: int) -> masters.Masters:
        try:
            return self._masters[world, generation_number]
        except KeyError:
            raise MasterMissing(
                f"this process has no masters of world {world}, generation {generation_number}"
            ) from None


def _check_length(value: bytes, expected: int) -> None:
    if len(value) != expected:
        raise BadParameter(f"{len(value)} bytes given, {expected} needed")


def _needed(vault_key: StoredKey | None) -> StoredKey:
    if vault_key is None:
        raise BadParameter("a software-protected key needs its vault's key")
    return vault_key
