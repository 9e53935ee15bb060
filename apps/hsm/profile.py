"""What a module can do, found by trying: never assumed from its name."""

from functools import partial
from typing import Any

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass

from apps.hsm import generation, public_keys, selftest, session_objects, templates
from apps.hsm.algorithms import ENCRYPTING
from apps.hsm.session_objects import destroyed_after
from apps.hsm.types import ED25519, Message

_MESSAGE = b"vault-portal/probe/1"


def probe(session: pkcs11.Session, token: pkcs11.Token, *, key_wrap: Mechanism | None) -> dict[str, Any]:
    """Probe the module and return JSON-able facts. Makes session objects only; an RSA pair takes about a second.

    `key_wrap` is what the self-test found: the mechanism that wraps as RFC 5649 says, if there is one.
    """
    return {
        "manufacturer": token.slot.manufacturer_id,
        "model": token.model,
        "mechanisms": sorted(
            str(getattr(mechanism, "name", hex(mechanism))) for mechanism in token.slot.get_mechanisms()
        ),
        "key_wrap": key_wrap.name if key_wrap is not None else "",
        "key_wrap_is_rfc5649": key_wrap is not None,
        "key_wrap_carries_length": key_wrap is not None and selftest.wraps_every_length(session, key_wrap),
        "unwrap_template_enforced": key_wrap is not None and _unwrap_template_enforced(session, key_wrap),
        "oaep_sha256_native": _oaep_sha256_native(session),
        "ed25519_wrapped": key_wrap is not None and _ed25519_wrapped(session, key_wrap),
    }


def _unwrap_template_enforced(session: pkcs11.Session, key_wrap: Mechanism) -> bool:
    """Tell whether the module unwraps with our template and rejects each template that protects less.

    The good template is tried too: a module that refuses everything enforces nothing.
    """
    make = partial(session.generate_key, KeyType.AES, 256, capabilities=templates.NO_CAPABILITIES)
    good = templates.unwrapped_key(Attribute.ENCRYPT, object_class=ObjectClass.SECRET_KEY, key_type=KeyType.AES)
    leaky = ({**good, Attribute.EXTRACTABLE: True}, {**good, Attribute.SENSITIVE: False})
    with (
        destroyed_after(make(template=_session_master(key_wrap))) as wrapper,
        destroyed_after(make(template=templates.generated_secret(bits=256))) as generated,
    ):
        try:
            blob = wrapper.wrap_key(generated, mechanism=key_wrap)
        except pkcs11.PKCS11Error:
            return False
        return _unwraps(wrapper, blob, good, key_wrap) and not any(
            _unwraps(wrapper, blob, template, key_wrap) for template in leaky
        )


def _ed25519_wrapped(session: pkcs11.Session, key_wrap: Mechanism) -> bool:
    """Tell whether an Ed25519 key can be generated, wrapped, unwrapped and used, and its signature verified."""
    make = partial(session.generate_key, KeyType.AES, 256, capabilities=templates.NO_CAPABILITIES)
    template = templates.unwrapped_key(
        Attribute.SIGN, object_class=ObjectClass.PRIVATE_KEY, key_type=KeyType.EC_EDWARDS
    )
    try:
        public, private = generation.generate_ed25519(session, ED25519)
        with destroyed_after(public), destroyed_after(private):
            point = public[Attribute.EC_POINT]
            with destroyed_after(make(template=_session_master(key_wrap, ObjectClass.PRIVATE_KEY))) as wrapper:
                blob = wrapper.wrap_key(private, mechanism=key_wrap)
                with destroyed_after(session_objects.unwrap(wrapper, blob, template, mechanism=key_wrap)) as key:
                    signature = bytes(key.sign(_MESSAGE, mechanism=Mechanism.EDDSA, buffer_size=64))
    except pkcs11.PKCS11Error:
        return False
    key = public_keys.load(public_keys.from_ed25519_point(point))
    return public_keys.is_message_signature(key, Message(_MESSAGE), signature)


def _session_master(key_wrap: Mechanism, wraps: ObjectClass = ObjectClass.SECRET_KEY) -> templates.Template:
    """The template of WK-S or WK-A for a session object, which must be destroyable (pkcs11-facts.md section 14)."""
    template = templates.wrapping_master(object_id=b"probe", label="probe", wraps=wraps, mechanism=key_wrap)
    del template[Attribute.DESTROYABLE]
    return template | {Attribute.TOKEN: False, Attribute.MODIFIABLE: True}


def _unwraps(wrapper: Any, blob: bytes, template: templates.Template, key_wrap: Mechanism) -> bool:
    try:
        key = session_objects.unwrap(wrapper, blob, template, mechanism=key_wrap)
    except pkcs11.PKCS11Error:
        return False
    key.destroy()
    return True


def _oaep_sha256_native(session: pkcs11.Session) -> bool:
    numbers = {Attribute.PUBLIC_EXPONENT: b"\x01\x00\x01", Attribute.MODULUS_BITS: 2048}
    public_template, private_template = templates.generated_pair(key_type=KeyType.RSA, public=numbers)
    pair: tuple[Any, Any] = session.generate_keypair(
        KeyType.RSA,
        2048,
        capabilities=templates.NO_CAPABILITIES,
        public_template=public_template,
        private_template={**private_template, Attribute.DECRYPT: True},
    )
    row = ENCRYPTING["RSA-OAEP-256"]
    with destroyed_after(pair[0]), destroyed_after(pair[1]) as private:
        try:
            private.decrypt(bytes(256), mechanism=row.mechanism, mechanism_param=row.parameter)
        except (pkcs11.ArgumentsBad, pkcs11.MechanismInvalid, pkcs11.MechanismParamInvalid):
            return False
        except pkcs11.PKCS11Error:
            return True  # the mechanism was accepted; the zeros were not
    return True
