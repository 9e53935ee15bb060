"""What the HSM workers say of themselves, summed for people."""

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from apps.core.ids import uuid7
from apps.core.principals import RequestContext
from apps.domain.hsm_client import protocol
from apps.domain.hsm_client.hsm_status import WorkerStatus, merge_latencies, percentile
from apps.domain.hsm_client.lane_client import HsmClient
from apps.workers.hsm_runtime.latency_metrics import SAMPLES, LatencyMetrics


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([7000], 50, 7.0), ([1000, 2000], 50, 1.0), (range(1000, 101_000, 1000), 99, 99.0), ([1, 2, 3000], 99, 3.0)],
)
def test_a_percentile_is_a_value_that_was_measured(values, percent, expected):
    assert percentile(values, percent) == expected


def test_workers_of_a_world_are_summed_and_silent_ones_count_as_away():
    busy = {"latency": [("keys/sign", "ES256", 900, [1000] * 99 + [9000]), ("Ping", "", 5, [10])]}
    quiet = {"latency": [("keys/sign", "ES256", 1, [2000]), ("UnsealSecret", "", 2, [500, 500])]}
    found = merge_latencies("w", [WorkerStatus("1", busy), WorkerStatus("2", quiet), WorkerStatus("3", None)])
    assert [(row.operation, row.count, row.p50, row.p99) for row in found.latencies] == [
        ("keys/sign", 901, 1.0, 2.0),
        ("secrets/get", 2, 0.5, 0.5),
    ]
    assert found.serving
    assert not merge_latencies("w", [WorkerStatus("3", None)]).serving
    assert merge_latencies("w", []).p99 is None


def test_a_worker_keeps_the_latest_of_each_kind_and_forgets_the_rest():
    measured = LatencyMetrics()
    for number in range(SAMPLES + 10):
        measured.record_duration(protocol.RandomBytes(0.0, 1), number / 1e6)
    assert measured.snapshot() == [("RandomBytes", "", SAMPLES + 10, list(range(10, SAMPLES + 10)))]


def test_what_a_busy_worker_tells_fits_into_a_packet():
    measured = LatencyMetrics()
    caller = RequestContext(request_id=uuid7())
    for kind in range(100):
        request = protocol.UseKey(0.0, caller, "vault", "key", "", "keys/unwrapKey", f"RSA-OAEP-{kind}", b"")
        for _ in range(SAMPLES):
            measured.record_duration(request, 1.8)
    assert len(protocol.pack_answer({"latency": measured.snapshot()})) < 100_000


def test_one_silent_worker_does_not_hide_the_others(tmp_path):
    import threading

    def serve(path):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(str(path))
        listener.listen()
        return listener

    def answer(listener):
        with listener.accept()[0] as connection:
            assert protocol.unpack_request(connection.recv(1000)) == protocol.Status()
            connection.send(protocol.pack_answer({"handles": 3}))

    serve(tmp_path / "1.sock").close()  # gone, its socket left behind
    answering, silent = serve(tmp_path / "2.sock"), serve(tmp_path / "3.sock")
    thread = threading.Thread(target=answer, args=(answering,))
    thread.start()
    with closing(HsmClient(tmp_path)) as client:
        answers = client.call_all(protocol.Status(), timeout=0.2)
    assert answers == {"1": None, "2": {"handles": 3}, "3": None}
    thread.join()
    answering.close()
    silent.close()


@pytest.mark.stack
def test_the_running_workers_tell_their_token_and_what_they_did(stack):
    http, headers = stack.http(), {"Authorization": f"Bearer {stack.token()}"}
    url = f"{stack.vault_url}/{{}}?api-version=7.4"
    made = http.request("POST", url.format("keys/status/create"), json={"kty": "EC-HSM"}, headers=headers)
    assert made.status == 200
    key = made.json()["key"]["kid"].split("/keys/")[1]
    for _ in range(20):
        body = {"alg": "ES256", "value": "A" * 43}
        assert http.request("POST", url.format(f"keys/{key}/sign"), json=body, headers=headers).status == 200
    with closing(HsmClient(Path(os.environ["LANE_DIR"]) / "europe" / "web")) as client:
        result = client.call_all(protocol.Status())
    assert len(result) == 2
    for facts in result.values():
        assert facts["token"] == "vp-europe"
        assert facts["generations"] == [1]
        assert 0 <= facts["cache_mb"] <= facts["cache_limit_mb"] == 64
        assert facts["handles"] >= 0
    signed = [row for facts in result.values() for row in facts["latency"] if row[:2] == ["keys/sign", "ES256"]]
    assert sum(row[2] for row in signed) >= 20
    assert all(0 < microseconds < 2_000_000 for row in signed for microseconds in row[3])
