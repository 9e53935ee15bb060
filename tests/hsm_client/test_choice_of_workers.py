"""Which worker of a world gets a request: the one that has its key unwrapped, unless another has far less to do."""

import pytest

from apps.domain.hsm_client.lane_client import HsmClient

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
