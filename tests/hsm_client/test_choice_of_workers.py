"""Which worker of a world gets a request: one that has its key unwrapped, unless others have far less to do."""

from collections import Counter
from zlib import crc32

import pytest

from apps.domain.hsm_client.lane_client import HsmClient, HsmUnavailable
from apps.domain.hsm_client.protocol import Ping
from apps.domain.hsm_client.worker_choice import Load, choose

KEY = 1  # what `affinity()` says of requests for one key


@pytest.fixture
def workers():
    return [Load(str(number)) for number in (1, 2, 3)]


def give(workers, affinity=KEY):
    """Send a request, which is not answered."""
    chosen = choose(workers, affinity)
    chosen.in_flight += 1
    return chosen


def answer(*workers):
    for worker in workers:
        worker.in_flight -= 1


@pytest.fixture
def home(workers):
    """The worker of the key."""
    chosen = give(workers)
    answer(chosen)
    return chosen


def slow(workers):
    for worker in workers:
        for _ in range(30):
            worker.note_answer(0.04, 4)


def test_requests_for_one_key_go_to_one_worker(workers, home):
    for _ in range(5):
        assert give(workers) is home
        answer(home)


def test_keys_are_spread_evenly_and_each_client_spreads_them_alike():
    numbers = [crc32(f"vault/key-{number}".encode()) for number in range(3_000)]
    for count in (2, 3, 8):
        first, second = ([Load(str(number)) for number in range(1, count + 1)] for _ in range(2))
        homes = [first.index(choose(first, number)) for number in numbers]
        assert [second.index(choose(second, number)) for number in reversed(numbers)] == homes[::-1]
        assert all(abs(keys * count / len(numbers) - 1) < 0.1 for keys in Counter(homes).values())


def test_when_a_worker_goes_away_only_its_keys_move(workers):
    numbers = [crc32(f"vault/key-{number}".encode()) for number in range(300)]
    homes = {number: choose(workers, number) for number in numbers}
    gone, *left = workers
    assert all(choose(left, number) is home for number, home in homes.items() if home is not gone)


def test_a_key_that_one_worker_has_goes_to_an_idle_one_when_two_requests_wait(workers, home):
    assert [give(workers) for _ in range(2)] == [home, home]
    assert give(workers) is not home


def test_when_all_are_busy_a_key_keeps_its_worker_until_that_has_many_more(workers, home):
    for worker in workers:
        worker.in_flight = 1
    assert [give(workers) for _ in range(4)] == [home] * 4
    assert give(workers) is not home


def test_a_key_that_several_have_goes_to_the_one_with_the_fewest_requests(workers, home):
    home.in_flight = 2
    second = give(workers)
    answer(second)
    home.in_flight = 1
    assert give(workers) is second
    assert give(workers) is home, "both have one request, and it is the home"
    third = next(worker for worker in workers if worker not in (home, second))
    assert third.in_flight == 0


def test_a_restarted_worker_has_no_key(workers, home):
    home.in_flight = 2
    second = give(workers)
    answer(second)
    home.in_flight = 1
    second.forget_keys()
    assert give(workers) is home


def test_without_a_key_the_worker_with_the_fewest_requests_is_asked(workers):
    chosen = Counter(give(workers, None) for _ in range(6))
    assert set(chosen.values()) == {2}


def test_a_key_leaves_a_slow_worker_for_any_that_has_fewer_requests(workers, home):
    """The mean of the latest answers counts, for each request that was waiting."""
    slow(workers)
    assert {give(workers) for _ in range(3)} == set(workers)
    assert {give(workers) for _ in range(3)} == set(workers)
    for worker in workers:
        for _ in range(60):
            worker.note_answer(0.004, 4)
        worker.forget_keys()
    assert [give(workers) for _ in range(3)] == [home] * 3


def test_a_request_that_is_not_sent_in_time_counts_for_no_worker(tmp_path):
    for number in (1, 2, 3):
        (tmp_path / f"{number}.sock").touch()
    client = HsmClient(tmp_path)
    with pytest.raises(HsmUnavailable):
        client.call(Ping(), timeout=0)
    assert [worker.in_flight for worker in client._workers.values()] == [0, 0, 0]
