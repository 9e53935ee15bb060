"""The lane's packets: what goes in comes out, and nothing else is taken for one."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.hsm_client import protocol

FACTS = protocol.Facts("", "v", "KeySign", uuid.uuid4().hex, "app", "keys/a/1", uuid.uuid4().hex, "", "::1", {"a": 1})
REQUESTS = [
    protocol.Ping(),
    protocol.UseKey(1.5, FACTS, "keys/sign", "0" * 32, "1" * 32, "RS256", b"digest", b""),
    protocol.SealSecret(0.0, "0" * 32, b"context", b"value"),
    protocol.UnsealSecret(0.0, FACTS, "secrets/get", "0" * 32, "1" * 32),
    protocol.SignToken(0.0, FACTS, "1" * 32, b"digest"),
    protocol.RebindKey(0.0, "0" * 32, "1" * 32, ["sign"]),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
def test_a_request_survives_the_lane(request_):
    assert protocol.unpack_request(protocol.pack_request(request_)) == request_


@given(st.binary(max_size=300))
def test_other_bytes_are_refused_with_one_error(data):
    try:
        request = protocol.unpack_request(data)
    except ValueError:
        return
    assert isinstance(request, protocol.Request)


def test_an_answer_and_a_refusal_survive_the_lane():
    assert protocol.unpack_answer(protocol.pack_answer(b"\x00\xff")) == ("", b"\x00\xff")
    assert protocol.unpack_answer(protocol.pack_refusal("KeyDisabled", "no")) == ("KeyDisabled", "no")
