"""What a vault may be called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.errors import BadRequest
from apps.domain.vaults.rules import RESERVED, BadVaultName, check_name


@pytest.mark.parametrize("name", ["abc", "A-b-3", "payroll", "a" * 24, "a1b"])
def test_good_names(name):
    check_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "ab", "a" * 25, "1abc", "-abc", "abc-", "a--b", "a_b", "a.b", "ab c", "café", "abc\n", *RESERVED, "LOGIN"],
)
def test_bad_names(name):
    with pytest.raises(BadVaultName):
        check_name(name)


@given(st.text(max_size=40))
def test_a_name_that_passes_is_a_host_label(name):
    try:
        check_name(name)
    except BadRequest:
        return
    assert name.isascii()
    assert len(name) <= 24
    assert set(name.lower()) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
