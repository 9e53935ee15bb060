"""Where a key comes from is bound with it, as what the boundary did, and stays with it."""

import dataclasses

import pytest

from apps.hsm.errors import BadParameter
from apps.hsm.types import KeyType, Origin
from tests.hsm.conftest import binding


def test_a_new_key_is_bound_as_what_it_is(hsm, vault_key):
    """A process under control cannot have the HSM bind an imported key as one that was generated."""
    ec = {"key_type": KeyType.EC, "parameter": "P-256"}
    for origin in (Origin.IMPORTED, Origin.TRANSFERRED):
        with pytest.raises(BadParameter):
            hsm.generate(binding(**ec, origin=origin))
    with pytest.raises(BadParameter):
        hsm.generate(binding(**ec, restored=True))
    kek = hsm.generate(binding(operations=("import",)))
    aes = {"key_type": KeyType.OCT, "parameter": "256", "operations": ("encrypt",)}
    for changes in ({"origin": Origin.GENERATED}, {"origin": Origin.TRANSFERRED}, {"restored": True}):
        with pytest.raises(BadParameter):
            hsm.import_key(binding(**aes, **changes), material=bytes(32))
    for changes in ({"origin": Origin.GENERATED}, {"origin": Origin.IMPORTED}, {"restored": True}):
        with pytest.raises(BadParameter, match="origin"):
            hsm.import_wrapped(binding(**aes, **changes), kek=kek, ciphertext=bytes(300))
    imported = hsm.import_key(binding(**aes, origin=Origin.IMPORTED), material=bytes(range(32)))
    assert imported.binding.origin is Origin.IMPORTED
    hsm.verify_binding(imported)


def test_the_origin_stays_with_a_key_that_moves_and_a_restored_one_stays_marked(hsm):
    key = hsm.generate(binding(key_type=KeyType.EC, parameter="P-256", origin=Origin.GENERATED))
    restored = hsm.move(key, dataclasses.replace(key.binding, vault="cd" * 16, restored=True))
    assert (restored.binding.origin, restored.binding.restored) == (Origin.GENERATED, True)
    hsm.verify_binding(restored)
    rebound = hsm.rebind(restored, operations=("verify",))
    assert (rebound.binding.origin, rebound.binding.restored) == (Origin.GENERATED, True)
    for changes in ({"restored": False}, {"origin": Origin.IMPORTED}, {"origin": Origin.UNRECORDED}):
        with pytest.raises(BadParameter):
            hsm.move(restored, dataclasses.replace(restored.binding, vault="ef" * 16, **changes))
