"""Live handles: reused, bounded, destroyed, replaced when stale, and never believed blindly."""

import dataclasses

import pytest
from pkcs11 import Attribute, ObjectClass

from apps.hsm.errors import BadCiphertext, DeviceFault
from apps.hsm.types import Custody, KeyType
from tests.hsm.conftest import binding

DIGEST = bytes(32)


def cached(hsm, key, purpose):
    return hsm._key_store.handles.get((key, purpose), lambda: pytest.fail("it should be cached"))


@pytest.fixture
def key(make):
    return make(Custody.WRAPPED, KeyType.EC, "P-256")


def test_a_row_read_again_finds_its_handle(hsm, key):
    hsm.sign(key, algorithm="ES256", digest=DIGEST)
    handle = cached(hsm, key, Attribute.SIGN)
    again = dataclasses.replace(key, blob=bytes(bytearray(key.blob)), mac=bytes(bytearray(key.mac)))
    hsm.sign(again, algorithm="ES256", digest=DIGEST)
    assert cached(hsm, again, Attribute.SIGN) is handle


def test_the_least_recently_used_handles_are_destroyed_in_the_module(fresh_token):
    lines = fresh_token.run_alone(
        """
import dataclasses
from pkcs11 import Attribute, ObjectClass
hsm = Hsm.open(dataclasses.replace(config, handle_cache=3))
hsm.load_world(hsm.create_masters(world="w", generation=1))
def live():
    return len(list(hsm._session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})))
keys = [
    hsm.generate(Binding("w", 1, Custody.WRAPPED, "v", "n", str(n), KeyType.EC, "P-256", ("sign",))) for n in range(20)
]
print(live(), len(hsm._key_store.handles), len(hsm._key_store._verified))
for key in (keys[0], keys[1], keys[2], keys[0], keys[3]):
    hsm.sign(key, algorithm="ES256", digest=bytes(32))
print([(key, Attribute.SIGN) in hsm._key_store.handles._handles for key in keys[:4]], live())
hsm._key_store.handles.clear()
print(live())
"""
    )
    assert lines == ["3 3 15", "[True, False, True, True] 3", "0"]


def test_nothing_extractable_stays_behind(hsm, make):
    """Newborn keys are extractable until they are wrapped; then they must be gone."""
    for kind in ((KeyType.RSA, "2048"), (KeyType.EC, "P-256"), (KeyType.OCT, "256")):
        hsm.generate(binding(key_type=kind[0], parameter=kind[1]))
    for object_class in (ObjectClass.PRIVATE_KEY, ObjectClass.SECRET_KEY):
        search = {Attribute.CLASS: object_class, Attribute.EXTRACTABLE: True}
        assert list(hsm._session.get_objects(search)) == []
    assert list(hsm._session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY})) == []


def test_a_new_key_is_proven_through_its_wrapped_copy(hsm):
    for kind, uses in (
        ((KeyType.RSA, "2048"), (Attribute.SIGN,)),
        ((KeyType.EC, "P-521"), (Attribute.SIGN,)),
        ((KeyType.OCT, "256"), (Attribute.ENCRYPT, Attribute.DECRYPT)),
    ):
        key = hsm.generate(binding(key_type=kind[0], parameter=kind[1], operations=()))
        for use in uses:
            cached(hsm, key, use)


def test_a_handle_that_the_module_lost_is_unwrapped_again(hsm, key):
    hsm.sign(key, algorithm="ES256", digest=DIGEST)
    cached(hsm, key, Attribute.SIGN).destroy()
    assert hsm.sign(key, algorithm="ES256", digest=DIGEST)


def test_a_handle_that_became_another_keys_signs_nothing(hsm, key):
    """Handle numbers repeat after a module is initialised anew (docs/reference/pkcs11-facts.md section 6)."""
    other = hsm.generate(dataclasses.replace(key.binding, version="other"))
    hsm.sign(other, algorithm="ES256", digest=DIGEST)
    wrong = cached(hsm, other, Attribute.SIGN)
    handles = hsm._key_store.handles
    handles.drop((key, Attribute.SIGN))
    handles.get((key, Attribute.SIGN), lambda: wrong)
    with pytest.raises(DeviceFault, match="does not verify"):
        hsm.sign(key, algorithm="ES256", digest=DIGEST)
    handles.drop((key, Attribute.SIGN))
    assert hsm.sign(key, algorithm="ES256", digest=DIGEST)


def test_many_failures_do_no_harm(hsm, make, vault_key):
    rsa_key = make(Custody.WRAPPED, KeyType.RSA, "2048")
    for number in range(200):
        with pytest.raises(BadCiphertext):
            hsm.decrypt(rsa_key, algorithm="RSA-OAEP", ciphertext=number.to_bytes(256), vault_key=vault_key)
    assert hsm.sign(rsa_key, algorithm="RS256", digest=DIGEST)
