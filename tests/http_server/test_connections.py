"""Which connections are closed."""

import pytest

from apps.interfaces.http_server.connections import Action, Connection, ConnectionPolicy, Limits

LIMITS = Limits(grace=10, rate=4096, deadline=75, total=100, per_block=20)


def connection(key=1, *, block="192.0.2.1", received=1000, receive_age=0.1, send_age=60.0):
    return Connection(key, block, received, receive_age, send_age)


@pytest.fixture
def policy():
    return ConnectionPolicy(LIMITS)


def closed(actions):
    return {key for key, action in actions.items() if action is Action.CLOSE}


def test_a_request_that_dribbles_in_is_ended_after_the_grace_and_closed_when_it_stays(policy):
    def decide(now, **seen):
        return policy.decide([connection(send_age=60.0 + now, **seen)], now=now)

    assert decide(0, received=1000) == decide(9, received=1009) == {}
    assert decide(11, received=1011) == {1: Action.STOP_READING}
    assert decide(12, received=1011) == {}
    assert decide(22, received=1011, receive_age=11) == {1: Action.CLOSE}


def test_a_large_body_at_the_rate_is_left_alone(policy):
    for second in range(60):
        seen = connection(received=1000 + 5000 * second, send_age=60.0 + second)
        assert policy.decide([seen], now=second) == {}


def test_a_complete_request_may_be_worked_on_for_as_long_as_a_caller_waits(policy):
    for second in range(70):
        assert policy.decide([connection(receive_age=0.5 + second, send_age=60 + second)], now=second) == {}


def test_a_request_of_a_byte_now_and_then_ends_at_the_deadline(policy):
    seen = [connection(received=1000 + n, receive_age=6.0, send_age=60.0 + 6 * n) for n in range(14)]
    actions = [policy.decide([seen[n]], now=6.0 * n) for n in range(14)]
    assert actions[:13] == [{}] * 13
    assert actions[13] == {1: Action.STOP_READING}


def test_answered_requests_on_one_connection_are_not_one_slow_request(policy):
    for second in range(200):
        answered = second % 2 == 1
        seen = connection(received=1000 + 50 * second, receive_age=0.5, send_age=0.1 if answered else 1.0)
        assert policy.decide([seen], now=second) == {}


def test_requests_that_follow_each_other_without_a_pause_are_not_one_slow_request(policy):
    """Whenever one looks, the next request is there and its answer is not."""
    for second in range(200):
        seen = connection(received=1000 + 50 * second, receive_age=0.2, send_age=0.3)
        assert policy.decide([seen], now=second) == {}


def test_an_idle_connection_is_closed(policy):
    assert closed(policy.decide([connection(receive_age=76, send_age=76)], now=0)) == {1}
    assert policy.decide([connection(receive_age=76, send_age=20)], now=0) == {}


def test_a_block_of_addresses_keeps_its_liveliest_connections(policy):
    many = [connection(key, receive_age=0.1 * key, send_age=0.05) for key in range(30)]
    other = connection(99, block="192.0.2.2", send_age=0.05)
    busy = [connection(key, receive_age=0.1 * key, send_age=0.1 * key) for key in range(30)]
    assert len(closed(policy.decide([*many, other], now=0))) == 10
    assert closed(policy.decide([*busy, other], now=0)) == set(range(20, 30))


def test_when_there_are_too_many_those_of_the_largest_blocks_go_first(policy):
    few = [connection(1000 + n, block="192.0.2.1", receive_age=50, send_age=50) for n in range(3)]
    flood = [connection(n, block=f"198.51.100.{n % 9}", receive_age=1, send_age=1) for n in range(150)]
    actions = closed(policy.decide([*few, *flood], now=0))
    assert len(few) + len(flood) - len(actions) == 75, "a quarter is room for new ones"
    assert actions.isdisjoint({1000, 1001, 1002})


def test_a_reverse_proxy_may_have_all_connections(policy):
    policy = ConnectionPolicy(LIMITS._replace(per_block=0))
    assert policy.decide([connection(n, send_age=0.05) for n in range(70)], now=0) == {}
