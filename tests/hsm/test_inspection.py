"""What the module reports of keys and master keys, for statements: read from real objects of SoftHSM."""

import dataclasses

import pytest

from apps.domain.keys import keyverify
from apps.hsm.errors import BadParameter, BindingMismatch
from apps.hsm.generation import TYPES
from apps.hsm.inspection import PURPOSES
from apps.hsm.types import Custody, KeyType, Origin
from tests.hsm.conftest import binding

PROTECTED = {"SENSITIVE": True, "EXTRACTABLE": False, "PRIVATE": True, "TOKEN": False, "MODIFIABLE": False}
UNWRAPPED = {"ALWAYS_SENSITIVE": False, "NEVER_EXTRACTABLE": False, "LOCAL": False}  # PKCS#11 3.0 section 5.14.5
MASTER = {"SENSITIVE": True, "EXTRACTABLE": False, "ALWAYS_SENSITIVE": True, "NEVER_EXTRACTABLE": True, "LOCAL": True}


@pytest.mark.parametrize(("key_type", "parameter"), [(KeyType.RSA, "2048"), (KeyType.EC, "P-384")])
def test_a_private_key_is_reported_with_the_key_that_wraps_it(hsm, make, key_type, parameter):
    report = hsm.inspect(make(Custody.WRAPPED, key_type, parameter))
    assert report.attributes == PROTECTED | UNWRAPPED
    [master] = report.wrapping_keys
    assert master.role == "WK-A"
    assert master.attributes.items() >= MASTER.items()
    pins = hsm._key_store.masters_of("tests", 1).pins
    assert master.check_value == pins.private_wrapping.check_value.hex()


def test_every_type_that_the_hsm_protects_can_be_inspected():
    assert set(PURPOSES) == set(TYPES)


def test_an_aes_key_that_may_make_hmacs_has_two(hsm, make):
    key = hsm.generate(binding(key_type=KeyType.OCT, parameter="256", operations=("encrypt", "sign")))
    report = hsm.inspect(key)
    assert report.attributes == PROTECTED | UNWRAPPED
    assert [master.role for master in report.wrapping_keys] == ["WK-S", "WK-H"]
    assert all(master.attributes.items() >= MASTER.items() for master in report.wrapping_keys)
    sealing = hsm.generate(binding(key_type=KeyType.OCT, parameter="256", operations=("seal",)))
    assert [master.role for master in hsm.inspect(sealing).wrapping_keys] == ["WK-S"]


def test_an_exportable_key_is_under_the_key_for_exports(hsm):
    key = hsm.generate(binding(key_type=KeyType.EC, parameter="P-256", operations=("sign",), exportable=True))
    assert [master.role for master in hsm.inspect(key).wrapping_keys] == ["WK-X"]


def test_the_report_has_what_a_statement_needs(hsm, make):
    report = hsm.inspect(make(Custody.WRAPPED, KeyType.EC, "P-384"))
    assert set(report.attributes) == set(keyverify.ATTRIBUTES)


def test_nothing_is_reported_of_a_software_key_or_an_altered_one(hsm, make):
    with pytest.raises(BadParameter):
        hsm.inspect(make(Custody.SOFTWARE, KeyType.EC, "P-256"))
    genuine = make(Custody.WRAPPED, KeyType.EC, "P-384")
    for changes in ({"origin": Origin.GENERATED}, {"restored": True}, {"operations": ("sign",)}, {"name": "other"}):
        altered = dataclasses.replace(genuine, binding=dataclasses.replace(genuine.binding, **changes))
        with pytest.raises(BindingMismatch):
            hsm.inspect(altered)
