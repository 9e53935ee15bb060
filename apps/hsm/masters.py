"""The master keys of a security world: created by a ceremony only, found by id, verified by check value."""

import dataclasses
import hashlib
import hmac
import os
from dataclasses import dataclass
from functools import partial
from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass

from apps.hsm import templates
from apps.hsm.errors import MasterMismatch, MasterMissing, MastersExist
from apps.hsm.session_objects import destroyed_after
from apps.hsm.types import MasterPin, WorldMasters

_KNOWN_KEY = bytes(range(32))
_KNOWN_DATA = b"vault-portal/check-value/1"


@dataclass(frozen=True, slots=True)
class Masters:
    """Handles of one generation."""

    pins: WorldMasters
    private_wrapping: Any
    secret_wrapping: Any
    binding_mac: Any
    key_wrap: Mechanism  # RFC 5649 on this module
    canary: bytes  # HMAC of a constant under WM, as it was when loaded
    hmac_wrapping: Any = None  # None: the generation is older than keys that make HMACs
    export_wrapping: Any = None  # None: older than keys that can be released

    def mac(self, data: bytes) -> bytes:
        """HMAC-SHA256 (RFC 2104) under WM, in the HSM."""
        return bytes(self.binding_mac.sign(data, mechanism=Mechanism.SHA256_HMAC))


def create(session: pkcs11.Session, *, world: str, generation: int, key_wrap: Mechanism) -> WorldMasters:
    """Create the masters as token objects and return how to find and verify them. For a ceremony only.

    Raises `MastersExist` when the token has one of this generation.
    """
    labels = _labels(session, world, generation, ("WK-A", "WK-S", "WM", "WK-H", "WK-X"))
    object_id = os.urandom(16)
    private = _make_wrapping_key(session, key_wrap, labels["WK-A"], ObjectClass.PRIVATE_KEY)
    secret = _make_wrapping_key(session, key_wrap, labels["WK-S"], ObjectClass.SECRET_KEY)
    key = session.generate_key(
        KeyType.GENERIC_SECRET,
        256,
        store=True,
        capabilities=templates.NO_CAPABILITIES,
        mechanism=Mechanism.GENERIC_SECRET_KEY_GEN,
        template=templates.mac_master(object_id=object_id, label=labels["WM"]),
    )
    pins = WorldMasters(world, generation, private, secret, binding_mac=MasterPin(object_id, _mac_check(key)))
    return complete(session, pins, key_wrap=key_wrap)


def complete(session: pkcs11.Session, pins: WorldMasters, *, key_wrap: Mechanism) -> WorldMasters:
    """Create WK-H and WK-X for a generation that predates them. For a ceremony only.

    Raises `MastersExist`.
    """
    labels = _labels(session, pins.world, pins.generation, ("WK-H", "WK-X"))
    make = partial(_make_wrapping_key, session, key_wrap)
    return dataclasses.replace(
        pins,
        hmac_wrapping=make(labels["WK-H"], ObjectClass.SECRET_KEY, secret_type=KeyType.GENERIC_SECRET),
        export_wrapping=make(labels["WK-X"], ObjectClass.PRIVATE_KEY, exportable=True),
    )


def _labels(session: pkcs11.Session, world: str, generation: int, parts: tuple[str, ...]) -> dict[str, str]:
    """Return labels by part, none of which the token has. Raises `MastersExist`."""
    labels = {part: f"vault-portal/{world}/{generation}/{part}" for part in parts}
    for label in labels.values():
        if list(session.get_objects(templates.check_template({Attribute.LABEL: label}))):
            raise MastersExist(f"the token has a master {label} already")
    return labels


def _make_wrapping_key(
    session: pkcs11.Session, key_wrap: Mechanism, label: str, wraps: ObjectClass, **options: Any
) -> MasterPin:
    """Make a wrapping master as a token object; `options` of `templates.wrapping_master`."""
    object_id = os.urandom(16)
    template = templates.wrapping_master(object_id=object_id, label=label, wraps=wraps, mechanism=key_wrap, **options)
    key = session.generate_key(KeyType.AES, 256, store=True, capabilities=templates.NO_CAPABILITIES, template=template)
    return MasterPin(object_id, _wrapping_check(session, key, key_wrap))


def load(session: pkcs11.Session, pins: WorldMasters, *, key_wrap: Mechanism) -> Masters:
    """Find the masters. Raises `MasterMissing` or `MasterMismatch`; never makes one (pkcs11-facts.md section 4)."""
    binding_mac = find_one(session, pins.binding_mac.object_id)
    _check_pin(pins, "binding key", pins.binding_mac, _mac_check(binding_mac))

    def wrapping(name: str, pin: MasterPin | None) -> Any:
        if pin is None:
            return None
        key = find_one(session, pin.object_id)
        _check_pin(pins, name, pin, _wrapping_check(session, key, key_wrap))
        return key

    return Masters(
        pins,
        private_wrapping=wrapping("private wrapping key", pins.private_wrapping),
        secret_wrapping=wrapping("secret wrapping key", pins.secret_wrapping),
        binding_mac=binding_mac,
        key_wrap=key_wrap,
        canary=bytes(binding_mac.sign(_KNOWN_DATA, mechanism=Mechanism.SHA256_HMAC)),
        hmac_wrapping=wrapping("HMAC wrapping key", pins.hmac_wrapping),
        export_wrapping=wrapping("export wrapping key", pins.export_wrapping),
    )


def _check_pin(pins: WorldMasters, name: str, pin: MasterPin, value: bytes) -> None:
    if not hmac.compare_digest(value, pin.check_value):
        raise MasterMismatch(f"the {name} of world {pins.world} has another check value than at its ceremony")


def find_one(session: pkcs11.Session, object_id: bytes) -> Any:
    """Find exactly one object with this CKA_ID. Raises `MasterMissing`, `MasterMismatch`."""
    objects = list(session.get_objects({Attribute.ID: object_id}))
    if not objects:
        raise MasterMissing(f"no object with id {object_id.hex()} is in the token")
    if len(objects) > 1:
        raise MasterMismatch(f"{len(objects)} objects have the id {object_id.hex()}")
    return objects[0]


def is_alive(session: pkcs11.Session, masters: Masters) -> bool:
    """Tell whether the token still has the masters and still computes correctly."""
    try:
        find_one(session, masters.pins.private_wrapping.object_id)
        answer = masters.mac(_KNOWN_DATA)
    except (MasterMissing, MasterMismatch, pkcs11.PKCS11Error):
        return False
    return hmac.compare_digest(answer, masters.canary)


def _wrapping_check(session: pkcs11.Session, key: Any, key_wrap: Mechanism) -> bytes:
    """First 8 bytes of SHA-256 over the known key wrapped by this one (KWP is deterministic, RFC 5649)."""
    with destroyed_after(session.create_object(templates.known_secret(_KNOWN_KEY))) as known:
        return hashlib.sha256(key.wrap_key(known, mechanism=key_wrap)).digest()[:8]


def _mac_check(key: Any) -> bytes:
    return hashlib.sha256(key.sign(_KNOWN_DATA, mechanism=Mechanism.SHA256_HMAC)).digest()[:8]
