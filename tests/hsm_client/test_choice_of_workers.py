"""Which worker of a world gets a request: the one that has its key unwrapped, unless another has far less to do."""

import pytest

from apps.domain.hsm_client.lane_client import HsmClient, HsmUnavailable
from apps.domain.hsm_client.protocol import Ping

KEY = 1  # what `affinity()` says of requests for one key: here, the second worker


@pytest.fixture
def client(tmp_path):
    for number in (1, 2, 3):
        (tmp_path / f"{number}.sock").touch()
    return HsmClient(tmp_path)


def choose(client, affinity=KEY):
    return client._choose([], affinity)


def test_requests_for_one_key_go_to_one_worker_one_after_another(client):
    for _ in range(5):
        worker = choose(client)
        assert worker.path.stem == "2"
        client._release(worker)


def test_no_worker_is_idle_while_requests_wait(client):
    """With a slow HSM a wait costs more than to unwrap the key once in another worker."""
    assert {choose(client).path.stem for _ in range(3)} == {"1", "2", "3"}


def test_when_all_are_busy_a_key_keeps_its_worker_until_that_has_many_more(client):
    for _ in range(3):
        choose(client)
    assert [choose(client).path.stem for _ in range(4)] == ["2"] * 4
    assert choose(client).path.stem != "2"


def test_without_a_key_the_worker_with_the_fewest_requests_is_asked(client):
    chosen = [choose(client, None).path.stem for _ in range(6)]
    assert sorted(chosen) == ["1", "1", "2", "2", "3", "3"]


def test_a_key_leaves_a_slow_worker_for_any_that_has_fewer_requests(client):
    """The mean of the latest answers counts, for each request that was waiting."""
    for _ in range(3):
        choose(client)
    for worker in client._workers.values():
        for _ in range(30):
            worker.note_answer(0.04, 4)
    assert [choose(client).path.stem for _ in range(2)] == ["2", "1"]
    for worker in client._workers.values():
        for _ in range(60):
            worker.note_answer(0.004, 4)
    assert [choose(client).path.stem for _ in range(2)] == ["2", "2"]


def test_a_request_that_is_not_sent_in_time_counts_for_no_worker(client):
    with pytest.raises(HsmUnavailable):
        client.call(Ping(), timeout=0)
    assert [worker.in_flight for worker in client._workers.values()] == [0, 0, 0]
