"""The lane's packets: what goes in comes out, and nothing else is taken for one."""

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.principals import RequestContext, Scheme
from apps.domain.hsm_client import protocol
from apps.domain.keys.rules import KeyDisabled
from apps.domain.vaults.quotas import TooManyRequests

CALLER = RequestContext(request_id=uuid.uuid4(), address="::1", scheme=Scheme.BEARER, credential="a-token")
REQUESTS = [
    protocol.Ping(),
    protocol.UseKey(1.5, CALLER, "vault", "key", "", "keys/sign", "RS256", b"digest", b""),
    protocol.SealSecret(0.0, CALLER, "vault", "secret", "1" * 32, "secret", b"value"),
    protocol.StoreSecret(0.0, CALLER, "vault", "secret", "", b"value", None, True, None, datetime.now(UTC), {"a": "b"}),
    protocol.UnsealSecret(0.0, CALLER, "vault", "secret", "1" * 32),
    protocol.IssueToken(0.0, CALLER, "1" * 32, secret="a-secret"),
    protocol.RebindKey(0.0, CALLER, "vault", "key", "1" * 32, ["sign"]),
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
    assert protocol.unpack_answer(protocol.pack_answer(b"\x00\xff")) == b"\x00\xff"
    with pytest.raises(KeyDisabled, match="no") as raised:
        protocol.unpack_answer(protocol.pack_refusal("KeyDisabled", "no", recorded=True))
    assert raised.value.recorded
    with pytest.raises(TooManyRequests) as raised:
        protocol.unpack_answer(protocol.pack_refusal("TooManyRequests", "wait", retry_after=7))
    assert (raised.value.retry_after, raised.value.recorded) == (7, False)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
def test_no_request_shows_a_credential(request_):
    assert not any(secret in repr(request_) for secret in ("a-token", "a-secret"))
