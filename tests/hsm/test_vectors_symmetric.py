"""Known answers of NIST (CAVP) for what the boundary does with secret keys, computed by the module."""

import pytest
from pkcs11 import Attribute, KeyType

from apps.hsm import selftest
from apps.hsm.errors import SelfTestFailed
from apps.hsm.templates import known_secret
from tests.support.known_answers import records


@pytest.mark.slow
def test_keys_are_wrapped_as_nist_wraps_them(hsm):
    """KWP of SP 800-38F, which is RFC 5649. A module that does not carry the length differs where it pads."""
    agreed = {True: [0, 0], False: [0, 0]}
    for record in records("keywrap/kwtestvectors/KWP_AE_256.txt", last="C"):
        wrapper = hsm._session.create_object(known_secret(bytes.fromhex(record["K"]), purpose=Attribute.WRAP))
        plaintext = bytes.fromhex(record["P"])
        known = hsm._session.create_object(known_secret(plaintext, key_type=KeyType.GENERIC_SECRET))
        wrapped = bytes(wrapper.wrap_key(known, mechanism=hsm._key_wrap))
        agreed[len(plaintext) % 8 == 0][wrapped.hex() == record["C"]] += 1
        known.destroy()
        wrapper.destroy()
    assert agreed[True] == [0, 200], "whole blocks"
    assert agreed[False] == ([0, 300] if hsm.profile["key_wrap_carries_length"] else [300, 0]), "padded"


@pytest.mark.parametrize(
    ("constant", "algorithm"), [("_MAC", "HMAC-SHA256"), ("_GCM_SEALED", "AES-256-GCM"), ("_GCM_DATA", "AES-256-GCM")]
)
def test_a_wrong_answer_stops_the_start_and_is_named(hsm, monkeypatch, constant, algorithm):
    selftest.run(hsm._session)
    answer = getattr(selftest, constant)
    monkeypatch.setattr(selftest, constant, answer[:-20] + bytes([answer[-20] ^ 1]) + answer[-19:])
    with pytest.raises(SelfTestFailed, match=algorithm):
        selftest.run(hsm._session)


def test_a_module_that_wraps_otherwise_has_no_key_wrap(hsm, monkeypatch):
    assert selftest.key_wrap_mechanism(hsm._session) is hsm._key_wrap
    monkeypatch.setattr(selftest, "_KEY_WRAPS", selftest._KEY_WRAPS[1:])
    assert selftest.key_wrap_mechanism(hsm._session) is None, "this module has 0x210A only"
