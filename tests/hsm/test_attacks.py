"""The attacks of PKCS#11's literature, with the real PIN against the master keys: all refused (promise S5)."""

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass

from apps.hsm import templates
from apps.hsm.masters import KEY_WRAP
from apps.hsm.types import Custody
from apps.hsm.types import KeyType as Kind

NOTHING = MechanismFlag(0)


@pytest.fixture
def world(hsm):
    return hsm._masters["tests", 1]


@pytest.fixture
def blob(make):
    return make(Custody.WRAPPED, Kind.RSA, "2048").blob


def good():
    return templates.usable(Attribute.SIGN, object_class=ObjectClass.PRIVATE_KEY, key_type=KeyType.RSA)


def unwrap(world, blob, template, *, object_class=ObjectClass.PRIVATE_KEY, key_type=KeyType.RSA, mechanism=KEY_WRAP):
    return world.private_wrapping.unwrap_key(
        object_class, key_type, blob, mechanism=mechanism, capabilities=NOTHING, template=template
    )


def test_the_good_template_unwraps(world, blob):
    unwrap(world, blob, good()).destroy()


@pytest.mark.parametrize(
    "change",
    [
        {Attribute.EXTRACTABLE: True},
        {Attribute.SENSITIVE: False},
        {Attribute.TOKEN: True},
        {Attribute.PRIVATE: False},
    ],
    ids=str,
)
def test_a_key_does_not_unwrap_less_protected(world, blob, change):
    with pytest.raises(pkcs11.PKCS11Error):
        unwrap(world, blob, good() | change)


def test_a_private_key_does_not_unwrap_as_bytes(world, blob):
    template = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.GENERIC_SECRET,
                Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True, Attribute.TOKEN: False}  # fmt: skip
    with pytest.raises(pkcs11.PKCS11Error):
        unwrap(world, blob, template, object_class=ObjectClass.SECRET_KEY, key_type=KeyType.GENERIC_SECRET)
    with pytest.raises(pkcs11.PKCS11Error):
        world.secret_wrapping.unwrap_key(
            ObjectClass.SECRET_KEY,
            KeyType.GENERIC_SECRET,
            blob,
            mechanism=KEY_WRAP,
            capabilities=NOTHING,
            template=template,
        )


@pytest.mark.parametrize("mechanism", [Mechanism.AES_KEY_WRAP, Mechanism.AES_CBC_PAD])
def test_a_master_wraps_with_its_one_mechanism(world, blob, mechanism):
    with pytest.raises(pkcs11.PKCS11Error):
        unwrap(world, blob, good(), mechanism=mechanism)


@pytest.mark.parametrize("master", ["private_wrapping", "secret_wrapping", "binding_mac"])
def test_a_master_cannot_decrypt_what_it_wrapped(world, blob, master):
    """Clulow 2003: wrap under a key, then decrypt with it."""
    key = getattr(world, master)
    for attribute in (Attribute.DECRYPT, Attribute.ENCRYPT, Attribute.EXTRACTABLE):
        assert key[attribute] is False
        with pytest.raises(pkcs11.PKCS11Error):
            key[attribute] = True
    assert not hasattr(key, "decrypt")


@pytest.mark.parametrize("master", ["private_wrapping", "secret_wrapping", "binding_mac"])
def test_a_master_cannot_be_read_copied_or_wrapped(hsm, world, master):
    key = getattr(world, master)
    with pytest.raises(pkcs11.PKCS11Error):
        key[Attribute.VALUE]
    with pytest.raises(pkcs11.PKCS11Error):
        key.copy({Attribute.EXTRACTABLE: True})
    for wrapper in (world.private_wrapping, world.secret_wrapping):
        with pytest.raises(pkcs11.PKCS11Error):
            wrapper.wrap_key(key, mechanism=KEY_WRAP)


def test_an_unwrapped_key_cannot_be_read_wrapped_changed_or_used_otherwise(hsm, world, blob):
    key = unwrap(world, blob, good())
    try:
        assert key[Attribute.EXTRACTABLE] is False
        assert key[Attribute.SENSITIVE] is True
        assert key[Attribute.DECRYPT] is False
        for secret in (Attribute.PRIVATE_EXPONENT, Attribute.PRIME_1):
            with pytest.raises(pkcs11.PKCS11Error):
                key[secret]
        with pytest.raises(pkcs11.PKCS11Error):
            key[Attribute.DECRYPT] = True
        with pytest.raises(pkcs11.PKCS11Error):
            key[Attribute.EXTRACTABLE] = True
        with pytest.raises(pkcs11.PKCS11Error):
            world.private_wrapping.wrap_key(key, mechanism=KEY_WRAP)
        assert not hasattr(key, "decrypt")
    finally:
        key.destroy()


def test_a_wrapping_key_of_the_attackers_own_takes_nothing_out(hsm, world, blob):
    template = {Attribute.WRAP: True, Attribute.DECRYPT: True, Attribute.VALUE_LEN: 32, Attribute.TOKEN: False}
    own = hsm._session.generate_key(KeyType.AES, 256, capabilities=NOTHING, template=template)
    key = unwrap(world, blob, good())
    try:
        with pytest.raises(pkcs11.PKCS11Error):
            own.wrap_key(key, mechanism=KEY_WRAP)
        with pytest.raises(pkcs11.PKCS11Error):
            own.wrap_key(world.binding_mac, mechanism=KEY_WRAP)
    finally:
        key.destroy()
        own.destroy()


@pytest.mark.parametrize(
    "template",
    [
        {Attribute.LABEL: "\ud800"},
        {Attribute.LABEL: "é"},
        {Attribute.ID: "text"},
        {Attribute.SENSITIVE: 1},
        {Attribute.CLASS: 3},
        {Attribute.VALUE_LEN: "32"},
        {Attribute.VALUE_LEN: True},
    ],
    ids=str,
)
def test_the_builder_refuses_what_would_abort_the_process(template):
    with pytest.raises(templates.UnsafeTemplate):
        templates.checked(template)


def test_the_builder_refuses_an_incomplete_protection():
    for missing in templates._PROTECTIVE:
        template = {name: value for name, value in good().items() if name is not missing}
        with pytest.raises(templates.UnsafeTemplate):
            templates.checked(template, protective=templates._PROTECTIVE)
