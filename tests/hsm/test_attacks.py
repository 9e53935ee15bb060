"""The attacks of PKCS#11's literature, with the real PIN against the master keys: all refused (promise S5)."""

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass

from apps.hsm import session_objects
from apps.hsm.templates import generated_pair, generated_secret, unwrapped_key
from apps.hsm.types import Custody
from apps.hsm.types import KeyType as Kind
from tests.support.own_token import module_path
from tests.support.raw_pkcs11 import AES_CBC_PAD, AES_ECB, FUNCTION_NOT_PERMITTED, OK, RSA_X_509, SHA256_HMAC, RawCalls

NOTHING = MechanismFlag(0)
MASTERS = ("private_wrapping", "secret_wrapping", "binding_mac")

# What python-pkcs11 makes of an AES key when nobody says otherwise (docs/reference/pkcs11-facts.md section 7).
ALL_POWERFUL = dict.fromkeys((Attribute.ENCRYPT, Attribute.DECRYPT, Attribute.WRAP, Attribute.UNWRAP), True) | {
    Attribute.TOKEN: False,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: True,
}


@pytest.fixture
def world(hsm):
    return hsm._key_store.masters_of("tests", 1)


@pytest.fixture
def blob(make):
    return make(Custody.WRAPPED, Kind.RSA, "2048").blob


@pytest.fixture
def raw(hsm):
    calls = RawCalls(module_path(), hsm._token.slot.slot_id)
    yield calls
    calls.close()


@pytest.fixture
def own_key(hsm):
    """An attacker's key, which the module lets do everything."""
    key = hsm._session.generate_key(KeyType.AES, 256, template={**ALL_POWERFUL, Attribute.VALUE_LEN: 32})
    yield key
    key.destroy()


@pytest.fixture
def signing_key(world, blob):
    key = unwrap_private(world, blob, good())
    yield key
    key.destroy()


def good():
    return unwrapped_key(Attribute.SIGN, object_class=ObjectClass.PRIVATE_KEY, key_type=KeyType.RSA)


def good_secret():
    return unwrapped_key(Attribute.DECRYPT, object_class=ObjectClass.SECRET_KEY, key_type=KeyType.AES)


def unwrap(wrapper, blob, template, *, mechanism=Mechanism.AES_KEY_WRAP_PAD):
    return session_objects.unwrap(wrapper, blob, template, mechanism=mechanism)


def unwrap_private(world, blob, template):
    return unwrap(world.private_wrapping, blob, template)


def test_the_good_templates_unwrap(world, blob, vault_key):
    unwrap_private(world, blob, good()).destroy()
    unwrap(world.secret_wrapping, vault_key.blob, good_secret()).destroy()


LESS_PROTECTED = [
    {Attribute.EXTRACTABLE: True},
    {Attribute.SENSITIVE: False},
    {Attribute.TOKEN: True},
    {Attribute.PRIVATE: False},
]


@pytest.mark.parametrize("change", LESS_PROTECTED, ids=str)
def test_a_key_does_not_unwrap_less_protected(world, blob, vault_key, change):
    with pytest.raises(pkcs11.TemplateInconsistent):
        unwrap_private(world, blob, good() | change)
    with pytest.raises(pkcs11.TemplateInconsistent):
        unwrap(world.secret_wrapping, vault_key.blob, good_secret() | change)


@pytest.mark.parametrize("left_out", [Attribute.EXTRACTABLE, Attribute.SENSITIVE, Attribute.TOKEN, Attribute.PRIVATE])
def test_a_protection_left_out_is_refused_or_there_all_the_same(world, blob, left_out):
    template = {name: value for name, value in good().items() if name is not left_out}
    try:
        key = unwrap_private(world, blob, template)
    except pkcs11.TemplateInconsistent:
        return
    try:
        assert key[left_out] is good()[left_out]
    finally:
        key.destroy()


@pytest.mark.parametrize("key_type", [KeyType.GENERIC_SECRET, KeyType.AES])
@pytest.mark.parametrize("master", ["private_wrapping", "secret_wrapping"])
def test_a_private_key_does_not_unwrap_as_bytes(world, blob, master, key_type):
    """Delaune, Kremer, Steel 2008: the PKCS#8 in clear, had the master no UNWRAP_TEMPLATE."""
    template = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: key_type,
                Attribute.SENSITIVE: False, Attribute.EXTRACTABLE: True, Attribute.TOKEN: False}  # fmt: skip
    for change in ({}, {Attribute.SENSITIVE: True}, {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}):
        with pytest.raises(pkcs11.PKCS11Error):
            unwrap(getattr(world, master), blob, template | change).destroy()


def test_a_vault_key_does_not_unwrap_as_another_kind_of_secret(world, vault_key):
    template = good_secret() | {Attribute.KEY_TYPE: KeyType.GENERIC_SECRET}
    with pytest.raises(pkcs11.TemplateInconsistent):
        unwrap(world.secret_wrapping, vault_key.blob, template)


def test_keys_do_not_unwrap_under_the_other_master(world, blob, vault_key):
    with pytest.raises(pkcs11.PKCS11Error):
        unwrap(world.secret_wrapping, blob, good())
    with pytest.raises(pkcs11.PKCS11Error):
        unwrap(world.private_wrapping, vault_key.blob, good_secret())


@pytest.mark.parametrize("mechanism", [Mechanism.AES_KEY_WRAP, Mechanism.AES_CBC_PAD])
def test_a_master_wraps_with_its_one_mechanism(world, blob, own_key, mechanism):
    with pytest.raises(pkcs11.MechanismInvalid):
        unwrap(world.private_wrapping, blob, good(), mechanism=mechanism)
    with pytest.raises(pkcs11.MechanismInvalid):
        world.secret_wrapping.wrap_key(own_key, mechanism=mechanism)


def test_an_ordinary_key_falls_to_wrapping_and_decrypting(own_key, raw):
    """Clulow 2003. That the module would allow it is why the next tests mean something."""
    assert raw.begin("Decrypt", own_key, AES_ECB) == OK
    assert own_key.wrap_key(own_key, mechanism=Mechanism.AES_KEY_WRAP_PAD)


@pytest.mark.parametrize("verb", ["Decrypt", "Encrypt"])
@pytest.mark.parametrize("mechanism", [AES_ECB, AES_CBC_PAD])
@pytest.mark.parametrize("master", MASTERS[:2])
def test_a_wrapping_master_neither_encrypts_nor_decrypts(world, raw, master, verb, mechanism):
    assert raw.begin(verb, getattr(world, master), mechanism) == FUNCTION_NOT_PERMITTED


def test_a_wrapping_master_makes_no_hmac(world, raw):
    for master in MASTERS[:2]:
        assert raw.begin("Sign", getattr(world, master), SHA256_HMAC) != OK
    assert raw.begin("Sign", world.binding_mac, SHA256_HMAC) == OK


@pytest.mark.parametrize("master", MASTERS)
@pytest.mark.parametrize("attribute", [Attribute.DECRYPT, Attribute.ENCRYPT, Attribute.EXTRACTABLE, Attribute.DERIVE])
def test_a_master_gains_no_power(world, master, attribute):
    key = getattr(world, master)
    assert key[attribute] is False
    with pytest.raises(pkcs11.PKCS11Error):
        key[attribute] = True
    assert key[attribute] is False


@pytest.mark.parametrize("master", MASTERS)
def test_a_master_cannot_be_read_copied_or_wrapped(world, own_key, master):
    key = getattr(world, master)
    with pytest.raises(pkcs11.AttributeSensitive):
        key[Attribute.VALUE]
    for change in ({Attribute.EXTRACTABLE: True}, {Attribute.DECRYPT: True}, {Attribute.TOKEN: False}, {}):
        with pytest.raises(pkcs11.PKCS11Error):
            key.copy(change)
    for wrapper in (world.private_wrapping, world.secret_wrapping, own_key):
        with pytest.raises((pkcs11.KeyUnextractable, pkcs11.KeyNotWrappable)):
            wrapper.wrap_key(key, mechanism=Mechanism.AES_KEY_WRAP_PAD)


def test_an_unwrapped_key_cannot_be_read(signing_key):
    for secret in (Attribute.PRIVATE_EXPONENT, Attribute.PRIME_1, Attribute.EXPONENT_2, Attribute.COEFFICIENT):
        with pytest.raises(pkcs11.AttributeSensitive):
            signing_key[secret]


def test_an_unwrapped_key_cannot_be_changed_or_copied_freer(signing_key):
    for attribute, value in (
        (Attribute.DECRYPT, True),
        (Attribute.UNWRAP, True),
        (Attribute.EXTRACTABLE, True),
        (Attribute.SENSITIVE, False),
    ):
        with pytest.raises(pkcs11.PKCS11Error):
            signing_key[attribute] = value
        assert signing_key[attribute] is not value
        with pytest.raises(pkcs11.PKCS11Error):
            signing_key.copy({attribute: value}).destroy()


def test_an_unwrapped_key_has_one_use(signing_key, raw):
    uses = (Attribute.SIGN_RECOVER, Attribute.DECRYPT, Attribute.UNWRAP, Attribute.DERIVE)
    assert [use for use in uses if signing_key[use]] == []
    assert raw.begin("Decrypt", signing_key, RSA_X_509) == FUNCTION_NOT_PERMITTED
    assert raw.begin("Sign", signing_key, RSA_X_509) == OK


def test_an_unwrapped_key_is_never_wrapped_again(world, signing_key, own_key):
    for wrapper in (world.private_wrapping, own_key):
        with pytest.raises(pkcs11.KeyUnextractable):
            wrapper.wrap_key(signing_key, mechanism=Mechanism.AES_KEY_WRAP_PAD)


def test_a_newborn_key_can_do_nothing_before_it_is_wrapped(hsm, raw):
    public_template, private_template = generated_pair(
        key_type=KeyType.RSA, public={Attribute.PUBLIC_EXPONENT: b"\1\0\1", Attribute.MODULUS_BITS: 2048}
    )
    public, private = hsm._session.generate_keypair(
        KeyType.RSA, 2048, capabilities=NOTHING, public_template=public_template, private_template=private_template
    )
    secret = hsm._session.generate_key(KeyType.AES, 256, capabilities=NOTHING, template=generated_secret(bits=256))
    assert raw.begin("Sign", private, RSA_X_509) == FUNCTION_NOT_PERMITTED
    assert raw.begin("Decrypt", private, RSA_X_509) == FUNCTION_NOT_PERMITTED
    assert raw.begin("Decrypt", secret, AES_ECB) == FUNCTION_NOT_PERMITTED
    for newborn in (public, private, secret):
        newborn.destroy()
