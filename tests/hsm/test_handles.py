"""Live handles: reused, bounded, destroyed, replaced when stale, and never believed blindly."""

import dataclasses
from collections import OrderedDict
from random import Random

import pytest
from pkcs11 import Attribute, ObjectClass

from apps.hsm import handles
from apps.hsm.errors import BadCiphertext, DeviceFault
from apps.hsm.handles import MemoryCache
from apps.hsm.public_keys import CURVES
from apps.hsm.types import AES_BITS, ED25519, ML_DSA, ML_KEM, RSA_BITS, Custody, KeyType
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


def test_what_is_kept_never_exceeds_the_limit_and_the_least_recently_used_leaves():
    sizes, released, random = {name: 3 + name % 5 for name in range(50)}, [], Random(1)
    cache = MemoryCache(limit=40, size_of=sizes.__getitem__, release=released.append)
    expected = OrderedDict()

    def make(name):
        assert cache.used + sizes[name] <= 40, "room is made before"
        return name

    for _ in range(2000):
        name = random.randrange(50)
        if random.random() < 0.1:
            cache.drop(name)
            expected.pop(name, None)
            continue
        assert cache.get(name, lambda name=name: make(name)) == name
        expected[name] = None
        expected.move_to_end(name)
        gone = [expected.popitem(last=False)[0] for _ in range(len(expected) - len(cache))]
        assert [released.pop(0) for _ in gone] == gone
        assert released == []
        assert cache.used == sum(map(sizes.__getitem__, expected)) <= 40
    cache.clear()
    assert (released, cache.used, len(cache)) == (list(expected), 0, 0)


def test_a_value_that_cannot_be_made_takes_no_room():
    cache = MemoryCache(limit=10, size_of=lambda _name: 4)
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: 1 // 0)
    assert (cache.used, len(cache)) == (0, 0)


def test_each_kind_of_key_has_a_size():
    in_the_hsm = {*RSA_BITS, *AES_BITS, *CURVES, ED25519}
    assert set(handles._HANDLE_BYTES) == in_the_hsm
    assert set(handles._VERIFIED_BYTES) == in_the_hsm | {*ML_DSA, *ML_KEM}


# A process with the smallest cache, and many keys that take the time to generate one.
SMALL = """
import dataclasses
from pkcs11 import Attribute, ObjectClass
hsm = Hsm.open(dataclasses.replace(config, cache_mb=1))
hsm.load_world(hsm.create_masters(world="w", generation=1))
store = hsm._key_store
def keys_like(first, count):
    for number in range(count):
        binding = dataclasses.replace(first.binding, version=f"{number:032x}")
        yield store.bind(dataclasses.replace(first, binding=binding))
def generate(key_type, parameter, *operations):
    return hsm.generate(Binding("w", 1, Custody.WRAPPED, "v", "n", "first", key_type, parameter, operations))
"""


def test_the_least_recently_used_handles_are_destroyed_in_the_module_and_unwrapped_again(fresh_token):
    *counts, again, cleared = fresh_token.run_alone(
        SMALL
        + """
def live():
    return len(list(hsm._session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})))
keys = list(keys_like(generate(KeyType.EC, "P-256", "sign"), 200))
for key in keys:
    hsm.sign(key, algorithm="ES256", digest=bytes(32))
    if live() != len(store.handles) or store.cache_used > store.cache_limit:
        print("live", live(), "kept", len(store.handles), "bytes", store.cache_used)
oldest = hsm.sign(keys[0], algorithm="ES256", digest=bytes(32))
print(len(oldest), len(store.handles) < 200, live() == len(store.handles))
store.handles.clear()
print(live(), store.handles.used)
"""
    )
    assert counts == []
    assert again == "64 True True"
    assert cleared == "0 0"


@pytest.mark.slow
def test_the_memory_of_the_process_stays_bounded(fresh_token):
    """Many more keys than the cache holds: kept, they would take 14 MiB."""
    (grown,) = fresh_token.run_alone(
        SMALL
        + """
import os
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
first = generate(KeyType.RSA, "2048", "sign")
def use(count):
    for key in keys_like(first, count):
        store.verify_binding(key)
        store.with_handle(key, Attribute.SIGN, lambda handle: None)
use(200)
before = resident()
use(800)
print(resident() - before)
"""
    )
    assert int(grown) < 4 * 1024 * 1024


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
    cache = hsm._key_store.handles
    cache.drop((key, Attribute.SIGN))
    cache.get((key, Attribute.SIGN), lambda: wrong)
    with pytest.raises(DeviceFault, match="does not verify"):
        hsm.sign(key, algorithm="ES256", digest=DIGEST)
    cache.drop((key, Attribute.SIGN))
    assert hsm.sign(key, algorithm="ES256", digest=DIGEST)


def test_many_failures_do_no_harm(hsm, make, vault_key):
    rsa_key = make(Custody.WRAPPED, KeyType.RSA, "2048")
    for number in range(200):
        with pytest.raises(BadCiphertext):
            hsm.decrypt(rsa_key, algorithm="RSA-OAEP", ciphertext=number.to_bytes(256), vault_key=vault_key)
    assert hsm.sign(rsa_key, algorithm="RS256", digest=DIGEST)
