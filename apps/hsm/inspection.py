"""What the module reports of a stored key, and of the master keys under which it is wrapped, for a key statement.

An unwrapped key has CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE and CKA_LOCAL false, wherever it was generated (PKCS#11
3.0 section 5.14.5): that its material cannot leave rests on the master key, of which the module reports all three.
"""

from dataclasses import dataclass
from typing import Any

import pkcs11
from pkcs11 import Attribute

from apps.hsm.masters import Masters
from apps.hsm.types import Binding, KeyType, MasterPin

Report = dict[str, bool | None]  # attribute without CKA_ -> its value; None where the module does not have it

_ATTRIBUTES = (
    Attribute.SENSITIVE,
    Attribute.EXTRACTABLE,
    Attribute.ALWAYS_SENSITIVE,
    Attribute.NEVER_EXTRACTABLE,
    Attribute.LOCAL,
    Attribute.PRIVATE,
    Attribute.TOKEN,
    Attribute.MODIFIABLE,
)
# What each type of key is unwrapped for anyway, when it is used.
PURPOSES = {
    KeyType.RSA: Attribute.SIGN,
    KeyType.EC: Attribute.SIGN,
    KeyType.OCT: Attribute.ENCRYPT,
    KeyType.OKP: Attribute.SIGN,
}


@dataclass(frozen=True, slots=True)
class WrappingKey:
    """A master key, as its ceremony named it and as the module reports it."""

    role: str  # "WK-A", "WK-S", "WK-H", "WK-X"
    check_value: str  # in hexadecimal, as in the transcript
    attributes: Report


@dataclass(frozen=True, slots=True)
class KeyReport:
    """What the module reports at this moment."""

    attributes: Report  # of the key, unwrapped for one use
    wrapping_keys: tuple[WrappingKey, ...]


def read_attributes(handle: Any) -> Report:
    """Read the protective attributes of an object from the module."""
    return {attribute.name: _read(handle, attribute) for attribute in _ATTRIBUTES}


def wrapping_keys(masters: Masters, binding: Binding, blob: bytes) -> tuple[WrappingKey, ...]:
    """Report the master keys under which the stored forms of a key are."""
    pins = masters.pins
    if binding.key_type is not KeyType.OCT:
        if binding.exportable:
            return (_report("WK-X", pins.export_wrapping, masters.export_wrapping),)
        return (_report("WK-A", pins.private_wrapping, masters.private_wrapping),)
    found = [_report("WK-S", pins.secret_wrapping, masters.secret_wrapping)]
    if len(blob) > int(binding.parameter) // 8 + 8:  # also wrapped for HMACs (generation.py)
        found.append(_report("WK-H", pins.hmac_wrapping, masters.hmac_wrapping))
    return tuple(found)


def _report(role: str, pin: MasterPin | None, handle: Any) -> WrappingKey:
    return WrappingKey(role, pin.check_value.hex() if pin else "", read_attributes(handle))


def _read(handle: Any, attribute: Attribute) -> bool | None:
    try:
        return bool(handle[attribute])
    except (pkcs11.AttributeTypeInvalid, pkcs11.AttributeSensitive):
        return None
