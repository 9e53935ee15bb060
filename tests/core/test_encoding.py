"""Base64url and ids."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.encoding import BadEncoding, from_base64url, to_base64url
from apps.core.ids import new_version, uuid7


@given(st.binary(max_size=300), st.integers(0, 2))
def test_bytes_survive_with_and_without_padding(data, padding):
    text = to_base64url(data)
    assert "=" not in text
    assert from_base64url(text + "=" * padding, field="value") == data


def test_an_error_names_the_field():
    with pytest.raises(BadEncoding, match="'value'"):
        from_base64url("+", field="value")


@given(st.text(max_size=40))
def test_other_text_is_one_kind_of_error(text):
    try:
        from_base64url(text, field="value")
    except BadEncoding:
        return
    assert set(text.rstrip("=")) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_ids_are_ordered_by_time_and_never_repeat():
    first = uuid7()
    time.sleep(0.003)
    assert first < uuid7()
    assert first.version == 7
    assert first.variant == "specified in RFC 4122"
    made = [uuid7() for _ in range(100_000)]
    assert all(one < next_one for one, next_one in pairwise(made))
    assert len({new_version() for _ in range(1_000)}) == 1_000
    assert len(new_version()) == 32
