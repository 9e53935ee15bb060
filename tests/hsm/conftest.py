"""Tests of the HSM boundary, on a token of their own. No Django here: the boundary is plain Python."""

import pytest

from apps.hsm.types import Binding, Custody, KeyType
from tests.support.own_token import make_token


@pytest.fixture
def fresh_token(tmp_path):
    return make_token(tmp_path)


OPERATIONS = {
    KeyType.RSA: ("decrypt", "encrypt", "sign", "unwrapKey", "verify", "wrapKey"),
    KeyType.EC: ("sign", "verify"),
    KeyType.OCT: ("seal",),
    KeyType.OKP: ("sign", "verify"),
    KeyType.AKP: ("sign", "unwrapKey", "verify", "wrapKey"),
}


def binding(custody=Custody.WRAPPED, key_type=KeyType.RSA, parameter="2048", **changes):
    facts = {
        "world": "tests",
        "generation": 1,
        "custody": custody,
        "vault": "ab" * 16,
        "name": "key",
        "version": "cd" * 16,
        "key_type": key_type,
        "parameter": parameter,
        "operations": OPERATIONS[key_type],
    }
    return Binding(**(facts | changes))


@pytest.fixture(scope="session")
def vault_key(hsm):
    return hsm.generate(binding(key_type=KeyType.OCT, parameter="256", name="vault-key"))


@pytest.fixture(scope="session")
def make(hsm, vault_key):
    """Makes and remembers one key per kind: RSA takes time."""
    made = {}

    def key(custody, key_type, parameter):
        kind = (custody, key_type, parameter)
        if kind not in made:
            made[kind] = hsm.generate(binding(*kind), vault_key=vault_key)
        return made[kind]

    return key


def pytest_collection_modifyitems(items):
    for item in items:
        if "/tests/hsm/" in str(item.path):
            item.add_marker(pytest.mark.hsm)
