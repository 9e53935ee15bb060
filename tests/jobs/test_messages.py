"""The lane's packets: what goes in comes out, and nothing else is taken for one."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.jobs import messages

FACTS = messages.Facts("", "v", "KeySign", uuid.uuid4().hex, "app", "keys/a/1", uuid.uuid4().hex, "", "::1", {"a": 1})
REQUESTS = [
    messages.Ping(),
    messages.UseKey(1.5, FACTS, "keys/sign", "0" * 32, "1" * 32, "RS256", b"digest", b""),
    messages.SealSecret(0.0, "0" * 32, b"context", b"value"),
    messages.UnsealSecret(0.0, FACTS, "secrets/get", "0" * 32, "1" * 32),
    messages.SignToken(0.0, FACTS, "1" * 32, b"digest"),
    messages.RebindKey(0.0, "0" * 32, "1" * 32, ["sign"]),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
def test_a_request_survives_the_lane(request_):
    assert messages.unpack_request(messages.pack_request(request_)) == request_


@given(st.binary(max_size=300))
def test_other_bytes_are_refused_with_one_error(data):
    try:
        request = messages.unpack_request(data)
    except ValueError:
        return
    assert isinstance(request, messages.Request)


def test_an_answer_and_a_refusal_survive_the_lane():
    assert messages.unpack_answer(messages.pack_answer(b"\x00\xff")) == ("", b"\x00\xff")
    assert messages.unpack_answer(messages.pack_refusal("KeyDisabled", "no")) == ("KeyDisabled", "no")
