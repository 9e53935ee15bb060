"""All PKCS#11 templates are built here, from values of this program: no text of a user enters a template.

A template with a wrong value aborts the process (docs/reference/pkcs11-facts.md section 2), so types are checked first,
and so are the protective attributes of a key (docs/reference/pkcs11-facts.md section 8).
"""

from collections.abc import Mapping
from typing import Any

from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass

Template = dict[Attribute, Any]

NO_CAPABILITIES = MechanismFlag(0)  # python-pkcs11 adds no capabilities; the templates set each

# The uses of each class. A template allows one and sets the others to False, so a module's defaults have no effect.
# A private key has no ENCRYPT, VERIFY or WRAP: setting one fails with AttributeTypeInvalid.
_USES: dict[ObjectClass, tuple[Attribute, ...]] = {
    ObjectClass.PRIVATE_KEY: (
        Attribute.SIGN,
        Attribute.SIGN_RECOVER,
        Attribute.DECRYPT,
        Attribute.UNWRAP,
        Attribute.DERIVE,
    ),
    ObjectClass.SECRET_KEY: (
        Attribute.SIGN,
        Attribute.VERIFY,
        Attribute.ENCRYPT,
        Attribute.DECRYPT,
        Attribute.WRAP,
        Attribute.UNWRAP,
        Attribute.DERIVE,
    ),
}
_PROTECTIVE = {
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.PRIVATE: True,
    Attribute.TOKEN: False,
    Attribute.MODIFIABLE: False,
}
_TYPES: dict[Attribute, type] = {
    Attribute.CLASS: ObjectClass,
    Attribute.KEY_TYPE: KeyType,
    Attribute.UNWRAP_TEMPLATE: dict,
    Attribute.ID: bytes,
    Attribute.EC_PARAMS: bytes,
    Attribute.MODULUS: bytes,
    Attribute.PUBLIC_EXPONENT: bytes,
    Attribute.VALUE: bytes,
}
_NUMBERS = {Attribute.MODULUS_BITS, Attribute.VALUE_LEN}


class UnsafeTemplate(TypeError):
    """A programming error: a template that must not reach the module."""


def unwrapped_key(purpose: Attribute, *, object_class: ObjectClass, key_type: KeyType) -> Template:
    """Template of an unwrapped stored key: a session object for one purpose that can never leave.

    DERIVE serves only to learn the public half of an imported EC key (`importing.py`).

    SENSITIVE and EXTRACTABLE=False are given here and demanded again by the wrapping key's UNWRAP_TEMPLATE.
    """
    uses = _USES[object_class]
    if purpose not in uses:
        raise UnsafeTemplate(f"{purpose!r} is not a purpose of a {object_class!r}")
    template: Template = {Attribute.CLASS: object_class, Attribute.KEY_TYPE: key_type, **_PROTECTIVE}
    template |= {use: use is purpose for use in uses}
    template[Attribute.MODIFIABLE] = template.pop(Attribute.MODIFIABLE)  # last: SoftHSM refuses what follows it
    return check_template(template, protective=_PROTECTIVE)


def released_key(*, object_class: ObjectClass, key_type: KeyType) -> Template:
    """Template of a key that may only be wrapped: to a master, or as an exportable key to its recipient."""
    template: Template = {
        Attribute.CLASS: object_class,
        Attribute.KEY_TYPE: key_type,
        **_PROTECTIVE,
        Attribute.EXTRACTABLE: True,
        **dict.fromkeys(_USES[object_class], False),
    }
    template[Attribute.MODIFIABLE] = template.pop(Attribute.MODIFIABLE)
    return check_template(template, protective=_PROTECTIVE | {Attribute.EXTRACTABLE: True})


def recipient(*, modulus: bytes, exponent: bytes) -> Template:
    """Template of a public RSA key that wraps a carrier. The caller has verified its owner."""
    return check_template(
        {
            Attribute.CLASS: ObjectClass.PUBLIC_KEY,
            Attribute.KEY_TYPE: KeyType.RSA,
            Attribute.TOKEN: False,
            Attribute.PRIVATE: False,
            Attribute.MODULUS: modulus,
            Attribute.PUBLIC_EXPONENT: exponent,
            Attribute.ENCRYPT: False,
            Attribute.VERIFY: False,
            Attribute.WRAP: True,
        }
    )


def readable_secret() -> Template:
    """Bytes that a caller wrapped with A*KW, on their way back to that caller (RFC 3394): no key of ours."""
    return check_template(
        {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.GENERIC_SECRET,
            Attribute.TOKEN: False,
            Attribute.PRIVATE: True,
            Attribute.SENSITIVE: False,
            Attribute.EXTRACTABLE: True,
            **dict.fromkeys(_USES[ObjectClass.SECRET_KEY], False),
        }
    )


def generated_pair(*, key_type: KeyType, public: Mapping[Attribute, Any]) -> tuple[Template, Template]:
    """Templates (public, private) of a pair about to be wrapped: extractable for milliseconds, without any use.

    The private half may do nothing; the pair is proven through the unwrapped copy.
    """
    public_template: Template = {Attribute.TOKEN: False, Attribute.PRIVATE: False, Attribute.VERIFY: True, **public}
    if key_type is KeyType.RSA:
        public_template[Attribute.ENCRYPT] = True
    private_template: Template = {
        **_PROTECTIVE,
        Attribute.EXTRACTABLE: True,
        **dict.fromkeys(_USES[ObjectClass.PRIVATE_KEY], False),
    }
    return check_template(public_template), check_template(private_template)


def generated_secret(*, bits: int, purpose: Attribute | None = None) -> Template:
    """Template of an AES key about to be wrapped, without any use.

    With WRAP, the key of one transport, which wraps a released key (PKCS#11 3.0 section 2.1.22).
    """
    return check_template(
        {
            **_PROTECTIVE,
            Attribute.EXTRACTABLE: True,
            Attribute.VALUE_LEN: bits // 8,
            **{use: use is purpose for use in _USES[ObjectClass.SECRET_KEY]},
        }
    )


def wrapping_master(
    *,
    object_id: bytes,
    label: str,
    wraps: ObjectClass,
    mechanism: Mechanism,
    secret_type: KeyType = KeyType.AES,
    exportable: bool = False,
) -> Template:
    """WK-A, WK-S, WK-H or WK-X: an AES-256 token object that wraps and unwraps one kind of object, nothing else.

    What it unwraps is sensitive always, and extractable never but for WK-X (`exportable`), which leaves that to the
    unwrapping template: its keys are there to be released.
    """
    inner: Template = {
        Attribute.CLASS: wraps,
        Attribute.SENSITIVE: True,
        Attribute.PRIVATE: True,
        Attribute.TOKEN: False,
    }
    if not exportable:
        inner[Attribute.EXTRACTABLE] = False
    if wraps is ObjectClass.SECRET_KEY:
        inner[Attribute.KEY_TYPE] = secret_type
    return check_template(
        {
            **_master(object_id, label),
            Attribute.VALUE_LEN: 32,
            Attribute.WRAP: True,
            Attribute.UNWRAP: True,
            Attribute.SIGN: False,
            Attribute.VERIFY: False,
            Attribute.ALLOWED_MECHANISMS: [mechanism],
            Attribute.UNWRAP_TEMPLATE: check_template(inner),
        }
    )


def mac_master(*, object_id: bytes, label: str) -> Template:
    """WM: a generic secret that makes HMAC-SHA256 and does nothing else."""
    return check_template(
        {
            **_master(object_id, label),
            Attribute.VALUE_LEN: 32,
            Attribute.WRAP: False,
            Attribute.UNWRAP: False,
            Attribute.SIGN: True,
            Attribute.VERIFY: True,
            Attribute.ALLOWED_MECHANISMS: [Mechanism.SHA256_HMAC],
        }
    )


def known_secret(value: bytes, *, key_type: KeyType = KeyType.AES, purpose: Attribute | None = None) -> Template:
    """Template of a session object with a published value, for check values and known answers."""
    return check_template(
        {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: key_type,
            **{use: use is purpose for use in _USES[ObjectClass.SECRET_KEY]},
            Attribute.TOKEN: False,
            Attribute.PRIVATE: True,
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: True,
            Attribute.VALUE: value,
        }
    )


def check_template(template: Template, *, protective: Mapping[Attribute, Any] | None = None) -> Template:
    """Return the template if every value has the type of its attribute. Raises `UnsafeTemplate`."""
    for attribute, value in template.items():
        if not _fits(attribute, value):
            raise UnsafeTemplate(f"{attribute!r} cannot take a {type(value).__name__}")
    for attribute, value in (protective or {}).items():
        if template.get(attribute) is not value:
            raise UnsafeTemplate(f"{attribute!r} must be {value}")
    return template


def _fits(attribute: Attribute, value: Any) -> bool:
    if attribute is Attribute.ALLOWED_MECHANISMS:
        return isinstance(value, list) and all(isinstance(mechanism, Mechanism) for mechanism in value)
    if attribute is Attribute.LABEL:  # a lone surrogate here would abort the process
        return isinstance(value, str) and value.isascii() and value.isprintable()
    if attribute in _NUMBERS:
        return type(value) is int and value > 0
    return isinstance(value, _TYPES.get(attribute, bool))


def _master(object_id: bytes, label: str) -> Template:
    return {
        Attribute.ID: object_id,
        Attribute.LABEL: label,
        Attribute.TOKEN: True,
        Attribute.PRIVATE: True,
        Attribute.SENSITIVE: True,
        Attribute.EXTRACTABLE: False,
        Attribute.MODIFIABLE: False,
        Attribute.COPYABLE: False,
        Attribute.DESTROYABLE: False,
        Attribute.ENCRYPT: False,
        Attribute.DECRYPT: False,
        Attribute.DERIVE: False,
    }
