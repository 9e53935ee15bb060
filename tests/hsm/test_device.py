"""The device itself: ceremony, PIN, a token that goes away, handles that come and go."""

import dataclasses
import pickle

import pytest

from apps.hsm.errors import BadCiphertext, MasterMismatch, MasterMissing, MastersExist
from apps.hsm.handles import HandleCache
from apps.hsm.types import Custody, KeyType, MasterPin, WorldMasters
from tests.hsm.conftest import binding


def test_the_profile_says_what_was_found(hsm):
    assert hsm.profile["key_wrap_is_rfc5649"] is True
    assert hsm.profile["unwrap_template_enforced"] is True
    assert hsm.profile["oaep_sha256_native"] in (True, False)
    assert "AES_GCM" in hsm.profile["mechanisms"]
    assert hsm.token_serial


def test_masters_are_made_once(hsm):
    with pytest.raises(MastersExist):
        hsm.create_masters(world="tests", generation=1)


def test_a_master_that_is_not_there_is_never_made(hsm):
    pins = hsm._custodian.masters_of("tests", 1).pins
    for name in ("private_wrapping", "secret_wrapping", "binding_mac"):
        absent = dataclasses.replace(pins, world="absent", **{name: MasterPin(bytes(16), bytes(8))})
        with pytest.raises(MasterMissing):
            hsm.load_world(absent)
        wrong = dataclasses.replace(getattr(pins, name), check_value=bytes(8))
        with pytest.raises(MasterMismatch):
            hsm.load_world(dataclasses.replace(pins, world="wrong", **{name: wrong}))


def test_masters_found_again_in_another_process_have_the_same_check_values(token, hsm, make):
    pins, key = hsm._custodian.masters_of("tests", 1).pins, make(Custody.WRAPPED, KeyType.EC, "P-256")
    result = token.run_alone(
        """
hsm = Hsm.open(config)
pins, key = pickle.loads(bytes.fromhex(sys.argv[3]))
hsm.load_world(pins)
print(hsm.sign(key, algorithm="ES256", digest=bytes(32)).hex())
""",
        pickle.dumps((pins, key)).hex(),
    )
    assert result.returncode == 0, result.stderr
    assert hsm.verify(key, algorithm="ES256", digest=bytes(32), signature=bytes.fromhex(result.stdout.strip()))


def test_a_wrong_pin_stops_for_good(fresh_token):
    (fresh_token.directory / "pin").write_text("wrong")
    result = fresh_token.run_alone(
        """
try:
    Hsm.open(config)
except errors.PinRefused as error:
    print("refused", "wrong" in str(error))
"""
    )
    assert result.stdout.strip() == "refused False", result.stderr


def test_a_missing_token_is_a_device_fault(fresh_token):
    (fresh_token.directory / "tokens").rename(fresh_token.directory / "away")
    (fresh_token.directory / "tokens").mkdir()
    result = fresh_token.run_alone(
        """
try:
    Hsm.open(config)
except errors.DeviceFault as error:
    print("fault")
"""
    )
    assert result.stdout.strip() == "fault", result.stderr


def test_a_token_that_goes_away_is_noticed_by_the_canary_and_makes_nothing(fresh_token):
    result = fresh_token.run_alone(
        """
hsm = Hsm.open(config)
hsm.load_world(hsm.create_masters(world="w", generation=1))
what = Binding("w", 1, Custody.WRAPPED, "v", "n", "1", KeyType.EC, "P-256", ("sign",))
key = hsm.generate(what)
hsm.sign(key, algorithm="ES256", digest=bytes(32))
hsm.canary()
(directory / "tokens").rename(directory / "away")
try:
    hsm.canary()
except errors.DeviceFault:
    print("noticed")
(directory / "tokens").mkdir()
try:
    hsm.create_masters(world="w", generation=1)
except errors.HsmError as error:
    print("made nothing")
print(len(list((directory / "tokens").rglob("*.object"))))
"""
    )
    assert result.stdout.split("\n")[:2] == ["noticed", "made nothing"], result.stderr
    assert result.stdout.split()[-1] == "0"


def test_many_failures_do_no_harm(hsm, make, vault_key):
    key = make(Custody.WRAPPED, KeyType.RSA, "2048")
    for number in range(200):
        with pytest.raises(BadCiphertext):
            hsm.decrypt(key, algorithm="RSA-OAEP", ciphertext=number.to_bytes(256), vault_key=vault_key)
    assert hsm.sign(key, algorithm="RS256", digest=bytes(32))


def test_the_cache_destroys_what_it_drops():
    destroyed = []

    class Handle:
        def __init__(self, name):
            self.name = name

        def destroy(self):
            destroyed.append(self.name)

    cache = HandleCache(size=2)
    for name in "abc":
        cache.get((name, 1), lambda name=name: Handle(name))
    assert (destroyed, len(cache)) == (["a"], 2)
    cache.get(("b", 1), lambda: pytest.fail("b is still there"))
    cache.get(("d", 1), lambda: Handle("d"))
    assert destroyed == ["a", "c"]
    cache.clear()
    assert sorted(destroyed) == ["a", "b", "c", "d"]


def test_a_handle_that_the_module_lost_is_unwrapped_again(hsm, make):
    from pkcs11 import Attribute

    key = make(Custody.WRAPPED, KeyType.EC, "P-256")
    hsm.sign(key, algorithm="ES256", digest=bytes(32))
    hsm._custodian.handles.get((key, Attribute.SIGN), lambda: pytest.fail("it should be cached")).destroy()
    assert hsm.sign(key, algorithm="ES256", digest=bytes(32))


def test_an_unknown_generation_is_refused(hsm):
    with pytest.raises(MasterMissing):
        hsm.generate(binding(key_type=KeyType.EC, parameter="P-256", generation=9))
    assert WorldMasters  # the type that a ceremony hands on
