"""JSON as strangers send it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.errors import BadRequest
from apps.core.strict_json import loads, loads_object

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(values, st.booleans())
def test_what_is_json_is_read(value, ascii_only):
    assert loads(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=200))
def test_other_bytes_are_one_kind_of_error(data):
    try:
        loads(data)
    except BadRequest:
        return
    json.loads(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":2}}',
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b'"\\ud800"',
        b'{"\\udc00":1}',
        b'"\\u0000"',
        b"[" * 33 + b"]" * 33,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"9" * 5_000,
        b"",
        b"\xff",
        "{}".encode("utf-16"),
        b'{"a":1} x',
    ],
    ids=lambda data: repr(data[:20]),
)
def test_ambiguous_and_explosive_json_is_refused(data):
    with pytest.raises(BadRequest):
        loads(data)


def test_32_levels_are_read():
    assert loads(b"[" * 32 + b"]" * 32)


def test_a_surrogate_pair_is_a_character():
    assert loads(b'"\\ud83d\\ude00"') == "\U0001f600"


@pytest.mark.parametrize("data", [b"[]", b"1", b'"x"', b"null"])
def test_a_body_is_an_object(data):
    with pytest.raises(BadRequest):
        loads_object(data)
    assert loads_object(b"") == {}
