"""The master keys of a security world: made by a ceremony only, found by id, believed by check value."""

import hashlib
import hmac
import os
from dataclasses import dataclass
from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass

from apps.hsm import templates
from apps.hsm.errors import MasterMismatch, MasterMissing, MastersExist
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

    def mac(self, data: bytes) -> bytes:
        """HMAC-SHA256 (RFC 2104) under WM, in the HSM."""
        return bytes(self.binding_mac.sign(data, mechanism=Mechanism.SHA256_HMAC))


def create(session: pkcs11.Session, *, world: str, generation: int, key_wrap: Mechanism) -> WorldMasters:
    """Make the three masters as token objects and say how to find and believe them. For a ceremony only.

    Raises `MastersExist` when the token has masters of this generation.
    """
    labels = [f"vault-portal/{world}/{generation}/{part}" for part in ("WK-A", "WK-S", "WM")]
    for label in labels:
        if list(session.get_objects(templates.checked({Attribute.LABEL: label}))):
            raise MastersExist(f"the token has a master {label} already")
    made: list[MasterPin] = []
    for label, kind in zip(labels, (ObjectClass.PRIVATE_KEY, ObjectClass.SECRET_KEY), strict=False):
        object_id = os.urandom(16)
        key = session.generate_key(
            KeyType.AES,
            256,
            store=True,
            capabilities=templates.NO_CAPABILITIES,
            template=templates.wrapping_master(object_id=object_id, label=label, wraps=kind, mechanism=key_wrap),
        )
        made.append(MasterPin(object_id, _wrapping_check(session, key, key_wrap)))
    object_id = os.urandom(16)
    key = session.generate_key(
        KeyType.GENERIC_SECRET,
        256,
        store=True,
        capabilities=templates.NO_CAPABILITIES,
        mechanism=Mechanism.GENERIC_SECRET_KEY_GEN,
        template=templates.mac_master(object_id=object_id, label=labels[-1]),
    )
    made.append(MasterPin(object_id, _mac_check(key)))
    return WorldMasters(world, generation, *made)


def load(session: pkcs11.Session, pins: WorldMasters, *, key_wrap: Mechanism) -> Masters:
    """Find the masters. Raises `MasterMissing` or `MasterMismatch`; never makes one (fact 4)."""
    private_wrapping = find_one(session, pins.private_wrapping.object_id)
    secret_wrapping = find_one(session, pins.secret_wrapping.object_id)
    binding_mac = find_one(session, pins.binding_mac.object_id)
    for name, pin, value in (
        ("private wrapping key", pins.private_wrapping, _wrapping_check(session, private_wrapping, key_wrap)),
        ("secret wrapping key", pins.secret_wrapping, _wrapping_check(session, secret_wrapping, key_wrap)),
        ("binding key", pins.binding_mac, _mac_check(binding_mac)),
    ):
        if not hmac.compare_digest(value, pin.check_value):
            raise MasterMismatch(f"the {name} of world {pins.world} has another check value than at its ceremony")
    canary = bytes(binding_mac.sign(_KNOWN_DATA, mechanism=Mechanism.SHA256_HMAC))
    return Masters(pins, private_wrapping, secret_wrapping, binding_mac, key_wrap, canary)


def find_one(session: pkcs11.Session, object_id: bytes) -> Any:
    """Exactly one object with this CKA_ID. Raises `MasterMissing`, `MasterMismatch`."""
    found = list(session.get_objects({Attribute.ID: object_id}))
    if not found:
        raise MasterMissing(f"no object with id {object_id.hex()} is in the token")
    if len(found) > 1:
        raise MasterMismatch(f"{len(found)} objects have the id {object_id.hex()}")
    return found[0]


def is_alive(session: pkcs11.Session, masters: Masters) -> bool:
    """Whether the token still has the masters and still answers right."""
    try:
        find_one(session, masters.pins.private_wrapping.object_id)
        answer = masters.mac(_KNOWN_DATA)
    except (MasterMissing, MasterMismatch, pkcs11.PKCS11Error):
        return False
    return hmac.compare_digest(answer, masters.canary)


def same(left: bytes, right: bytes) -> bool:
    """Equality in constant time."""
    return hmac.compare_digest(left, right)


def _wrapping_check(session: pkcs11.Session, key: Any, key_wrap: Mechanism) -> bytes:
    """First 8 bytes of SHA-256 over the known key wrapped by this one (KWP is deterministic, RFC 5649)."""
    known = session.create_object(templates.known_secret(_KNOWN_KEY))
    try:
        return hashlib.sha256(key.wrap_key(known, mechanism=key_wrap)).digest()[:8]
    finally:
        known.destroy()


def _mac_check(key: Any) -> bytes:
    return hashlib.sha256(key.sign(_KNOWN_DATA, mechanism=Mechanism.SHA256_HMAC)).digest()[:8]
