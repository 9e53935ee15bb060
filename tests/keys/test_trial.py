"""The use that shows that a key works is one that the key may do."""

from types import SimpleNamespace

import pytest

from apps.domain.keys import rules
from apps.domain.keys.test_operation import default_test_operation

ALL = {"RSA": rules.OPERATIONS, "EC": ("sign", "verify"), "oct": ("encrypt", "decrypt", "wrapKey", "unwrapKey")}


@pytest.mark.parametrize(
    ("key_type", "parameter", "operations", "use"),
    [
        ("RSA", "2048", None, ("sign", "RS256")),
        ("RSA", "3072", ("wrapKey", "unwrapKey"), ("wrapKey", "RSA-OAEP-256")),
        ("RSA", "2048", ("sign",), ("sign", "RS256")),
        ("EC", "P-256", None, ("sign", "ES256")),
        ("EC", "P-256K", None, ("sign", "ES256K")),
        ("EC", "P-521", None, ("sign", "ES512")),
        ("oct", "128", None, ("wrapKey", "A128KW")),
    ],
)
def test_an_algorithm_fits_the_key_and_its_operations(key_type, parameter, operations, use):
    version = SimpleNamespace(key_type=key_type, parameter=parameter, operations=operations or ALL[key_type])
    assert default_test_operation(version) == use
    algorithm = rules.ALGORITHMS[use[1]]
    assert algorithm.key_type == key_type
    assert algorithm.parameter in ("", parameter)
    assert use[0] in algorithm.operations
