"""The opened token: login, masters, canary, and sealing with a vault key."""

from typing import Any, Self

import pkcs11
from pkcs11 import Attribute, Mechanism

from apps.hsm import binding, envelope, masters, module, profile, selftest
from apps.hsm.decryption import Decryption
from apps.hsm.errors import (
    BadParameter,
    DeviceFault,
    MasterMissing,
    OperationFailed,
    SealBroken,
    UnsafeModule,
    translate_pkcs11_errors,
)
from apps.hsm.key_store import KeyStore
from apps.hsm.types import Binding, ModuleConfig, StoredKey, WorldMasters

_MB = 1024 * 1024
_SEAL = ("seal",)
_MAC = b"vault-portal/mac/1"  # a domain of WM's HMAC; bindings begin with a length and so never with one


class Device:
    """A logged-in token with the masters of its world's generations."""

    def __init__(
        self, token: pkcs11.Token, keeper: pkcs11.Session, session: pkcs11.Session, *, cache_limit: int
    ) -> None:
        self._token = token
        self._keeper = keeper
        self._session = session
        self._key_store = KeyStore(canary=self.canary, cache_limit=cache_limit)
        self._decryption = Decryption()
        self._key_wrap: Mechanism | None = None
        self._profile: dict[str, Any] | None = None

    @classmethod
    def open(cls, config: ModuleConfig) -> Self:
        """Load the module, log in, run known-answer tests. Call it after forking, once per process.

        Raises `DeviceFault` (`SelfTestFailed` when an answer is wrong), `PinRefused`.
        """
        hsm = cls(*module.log_in(config), cache_limit=config.cache_mb * _MB)
        hsm.canary()
        selftest.run(hsm._session)
        hsm._key_wrap = selftest.key_wrap_mechanism(hsm._session)
        return hsm

    @property
    def token_serial(self) -> str:
        """Serial number of the token."""
        serial = self._token.serial
        return serial.decode("ascii", "replace") if isinstance(serial, bytes) else str(serial)

    @property
    def facts(self) -> dict[str, Any]:
        """Describe the slot, its token, the live unwrapped keys and the memory of the caches. For display only.

        Read from the data of the opening: the module is not called again.
        """
        slot, keys = self._token.slot, self._key_store
        return {
            "slot": slot.slot_id,
            "slot_description": slot.slot_description.strip(),
            "token": self._token.label.strip(),
            "serial": self.token_serial,
            "manufacturer": self._token.manufacturer_id.strip(),
            "model": self._token.model.strip(),
            "firmware": ".".join(map(str, self._token.firmware_version)),
            "generations": sorted({loaded.pins.generation for loaded in keys.all_masters()}),
            "handles": len(keys.handles),
            "cache_mb": -(-keys.cache_used // _MB),
            "cache_limit_mb": keys.cache_limit // _MB,
        }

    @property
    def profile(self) -> dict[str, Any]:
        """Capabilities of this module, probed on first use."""
        if self._profile is None:
            with translate_pkcs11_errors(self.canary):
                self._profile = profile.probe(self._session, self._token, key_wrap=self._key_wrap)
        return self._profile

    def create_masters(self, *, world: str, generation: int) -> WorldMasters:
        """Make the master keys of a generation: for a ceremony, never for a lookup that found nothing.

        Raises `MastersExist` when the token has them already, `UnsafeModule` when the module ignores UNWRAP_TEMPLATE or
        wraps otherwise than RFC 5649.
        """
        key_wrap = self._require_key_wrap()
        if not self.profile["unwrap_template_enforced"]:
            raise UnsafeModule("the module does not enforce CKA_UNWRAP_TEMPLATE: wrapped keys could be read in clear")
        with translate_pkcs11_errors(self.canary):
            return masters.create(self._session, world=world, generation=generation, key_wrap=key_wrap)

    def complete_masters(self, pins: WorldMasters) -> WorldMasters:
        """Create the masters that an older generation lacks (WK-H, WK-X). Raises `MastersExist`, `MasterMismatch`."""
        key_wrap = self._require_key_wrap()
        with translate_pkcs11_errors(self.canary):
            masters.load(self._session, pins, key_wrap=key_wrap)  # checks the token before anything is created
            return masters.complete(self._session, pins, key_wrap=key_wrap)

    def load_world(self, pins: WorldMasters) -> None:
        """Find and believe the masters of a generation. Raises `MasterMissing`, `MasterMismatch`, `DeviceFault`.

        A search that finds nothing is believed only while the token itself answers (pkcs11-facts.md section 4).
        """
        key_wrap = self._require_key_wrap()
        try:
            with translate_pkcs11_errors(self.canary):
                self._key_store.add(masters.load(self._session, pins, key_wrap=key_wrap))
        except MasterMissing:
            self.canary()
            raise

    def canary(self) -> None:
        """Raise `DeviceFault` unless the token is there, still has its masters and computes with them.

        Ask every second at least: SoftHSM still serves session objects after its token directory was removed, so that
        cached keys sign and seal as before. What fails at once then, measured: C_GetTokenInfo (GENERAL_ERROR), the
        masters' handles (OBJECT_HANDLE_INVALID, so that nothing is unwrapped or made) and a search for them (nothing
        found, no error). None of it heals when the directory returns: the process has to go. Takes 0.1 ms.
        """
        try:
            self._token.slot.get_token()
            alive = all(masters.is_alive(self._session, loaded) for loaded in self._key_store.all_masters())
        except pkcs11.PKCS11Error:
            alive = False
        if not alive:
            raise DeviceFault("the token does not answer, or has lost its masters")

    def random(self, count: int) -> bytes:
        """Return `count` random bytes from the HSM's generator."""
        if count < 1:
            raise BadParameter("at least one random byte has to be asked for")
        with translate_pkcs11_errors(self.canary):
            return bytes(self._session.generate_random(count * 8))

    def close(self) -> None:
        """Destroy the handles and log out; the process does not open again."""
        self._key_store.handles.clear()
        for session in (self._session, self._keeper):
            try:
                session.close()
            except pkcs11.PKCS11Error:
                continue

    def seal(self, vault_key: StoredKey, *, context: bytes, plaintext: bytes) -> bytes:
        """AES-256-GCM under a vault key, in the HSM. `context` must be given again to open."""
        self._key_store.verify_binding(vault_key, _SEAL)
        return self._key_store.with_handle(
            vault_key,
            Attribute.ENCRYPT,
            lambda handle: envelope.seal(handle, context=context, plaintext=plaintext),
        )

    def unseal(self, vault_key: StoredKey, *, context: bytes, sealed: bytes) -> bytes:
        """Decrypt what `seal` encrypted. Raises `SealBroken` for another key or context, or a changed value."""
        self._key_store.verify_binding(vault_key, _SEAL)
        try:
            return self._key_store.with_handle(
                vault_key, Attribute.DECRYPT, lambda handle: envelope.unseal(handle, context=context, sealed=sealed)
            )
        except OperationFailed:
            raise SealBroken("the sealed value does not open with this vault key and context") from None

    def first_generation(self, world: str) -> int:
        """Return the lowest loaded generation. Raises `MasterMissing`."""
        numbers = [loaded.pins.generation for loaded in self._key_store.all_masters() if loaded.pins.world == world]
        if not numbers:
            raise MasterMissing(f"this process has no masters of world {world[:40]!a}")
        return min(numbers)

    def mac(self, *, world: str, generation: int, data: bytes) -> bytes:
        """Return the HMAC-SHA256 with the world's binding key, in a domain apart from bindings."""
        with translate_pkcs11_errors(self.canary):
            return self._key_store.masters_of(world, generation).mac(_MAC + data)

    def _open_software(self, key: StoredKey, vault_key: StoredKey | None) -> bytes:
        context = binding.software_context(key.binding)
        return self.unseal(require_vault_key(vault_key, key.binding), context=context, sealed=key.blob)

    def _require_key_wrap(self) -> Mechanism:
        if self._key_wrap is None:
            raise UnsafeModule("the module does not wrap keys as RFC 5649 says, so none can be stored outside it")
        return self._key_wrap


def require_vault_key(vault_key: StoredKey | None, target: Binding) -> StoredKey:
    """Return the vault key, which must be that of the key's own vault. Raises `BadParameter`."""
    if vault_key is None or (vault_key.binding.world, vault_key.binding.vault) != (target.world, target.vault):
        raise BadParameter("a software-protected key needs the key of its own vault")
    return vault_key
