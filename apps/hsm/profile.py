"""What a module can do, found by trying: never assumed from its name (security.md 2 and 3.3)."""

from typing import Any

import pkcs11
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass

from apps.hsm import templates
from apps.hsm.algorithms import ENCRYPTING
from apps.hsm.masters import KEY_WRAP

_KNOWN_WRAPPER, _KNOWN_KEY = bytes(range(16)), bytes(range(32))


def probe(session: pkcs11.Session, token: pkcs11.Token) -> dict[str, Any]:
    """The profile, as JSON-able facts. Makes session objects only; takes about a second for an RSA pair."""
    return {
        "manufacturer": token.slot.manufacturer_id,
        "model": token.model,
        "mechanisms": sorted(
            str(getattr(mechanism, "name", hex(mechanism))) for mechanism in token.slot.get_mechanisms()
        ),
        "key_wrap_is_rfc5649": _key_wrap_is_rfc5649(session),
        "unwrap_template_enforced": _unwrap_template_enforced(session),
        "oaep_sha256_native": _oaep_sha256_native(session),
    }


def _key_wrap_is_rfc5649(session: pkcs11.Session) -> bool:
    """The mechanism number 0x210A means different things to different vendors: compare with RFC 5649."""
    base = templates.known_secret(_KNOWN_WRAPPER)
    wrapper: Any = session.create_object({**base, Attribute.WRAP: True})
    known = session.create_object(templates.known_secret(_KNOWN_KEY))
    try:
        return bytes(wrapper.wrap_key(known, mechanism=KEY_WRAP)) == aes_key_wrap_with_padding(
            _KNOWN_WRAPPER, _KNOWN_KEY
        )
    except pkcs11.PKCS11Error:
        return False
    finally:
        wrapper.destroy()
        known.destroy()


def _unwrap_template_enforced(session: pkcs11.Session) -> bool:
    """Whether the module refuses to unwrap against a wrapping key's UNWRAP_TEMPLATE."""
    master = templates.wrapping_master(
        object_id=b"probe", label="probe", wraps=ObjectClass.SECRET_KEY, mechanism=KEY_WRAP
    )
    session_master = master | {Attribute.TOKEN: False, Attribute.MODIFIABLE: True}
    del session_master[Attribute.DESTROYABLE]  # refused on session objects (security.md 3.3)
    wrapper: Any = session.generate_key(
        KeyType.AES, 256, capabilities=templates.NO_CAPABILITIES, template=session_master
    )
    newborn = session.generate_key(
        KeyType.AES, 256, capabilities=templates.NO_CAPABILITIES, template=templates.newborn_secret(bits=256)
    )
    try:
        blob = wrapper.wrap_key(newborn, mechanism=KEY_WRAP)
        good = templates.usable(Attribute.ENCRYPT, object_class=ObjectClass.SECRET_KEY, key_type=KeyType.AES)
        leaky = {**good, Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: False}
        stolen = wrapper.unwrap_key(
            ObjectClass.SECRET_KEY,
            KeyType.AES,
            blob,
            mechanism=KEY_WRAP,
            capabilities=templates.NO_CAPABILITIES,
            template=leaky,
        )
    except pkcs11.PKCS11Error:
        return True
    else:
        stolen.destroy()
        return False
    finally:
        newborn.destroy()
        wrapper.destroy()


def _oaep_sha256_native(session: pkcs11.Session) -> bool:
    numbers = {Attribute.PUBLIC_EXPONENT: b"\x01\x00\x01", Attribute.MODULUS_BITS: 2048}
    public_template, private_template = templates.newborn_pair(key_type=KeyType.RSA, public=numbers)
    pair: tuple[Any, Any] = session.generate_keypair(
        KeyType.RSA,
        2048,
        capabilities=templates.NO_CAPABILITIES,
        public_template=public_template,
        private_template={**private_template, Attribute.DECRYPT: True},
    )
    public, private = pair
    try:
        private.decrypt(
            bytes(256), mechanism=Mechanism.RSA_PKCS_OAEP, mechanism_param=ENCRYPTING["RSA-OAEP-256"].parameter
        )
    except (pkcs11.ArgumentsBad, pkcs11.MechanismInvalid, pkcs11.MechanismParamInvalid):
        return False
    except pkcs11.PKCS11Error:
        return True  # the mechanism was accepted; the zeros were not
    finally:
        public.destroy()
        private.destroy()
    return True
