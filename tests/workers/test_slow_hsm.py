"""Lanes whose HSM takes its time: each has one use in flight, and several have several."""

import contextlib
import os
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import msgspec
import psycopg
import pytest

from apps.core.ids import uuid7
from apps.core.principals import RequestContext, Scheme
from apps.domain.hsm_client import protocol
from apps.domain.hsm_client.lane_client import HsmClient, HsmUnavailable
from apps.launcher import processes
from apps.launcher.account import ROOT, Account
from apps.launcher.state import StateDirectory
from tests.support.delaying_module import build
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack

PAUSE_MILLISECONDS = 100


@pytest.fixture
def lanes(tmp_path_factory):
    """A client of two more lanes of the running system, whose module pauses after each use of a key."""
    directory = tmp_path_factory.mktemp("slow")
    module = build(directory, milliseconds=PAUSE_MILLISECONDS)
    state = StateDirectory(Path(os.environ["TEST_STATE_DIR"]), Account())
    lanes = [
        process
        for process in processes.hsm_workers(state, lanes={"europe": 2, "america": 0})
        if "LANE_SOCKET" in process.env
    ]
    started = []
    for number, lane in enumerate(lanes, 1):
        changed = {"HSM_MODULE": str(module), "LANE_SOCKET": str(directory / f"{number}.sock")}
        argv = [word.replace("@portal", "@slow") for word in lane.argv]
        environment = {"PATH": os.environ["PATH"], **lane.env, **changed}
        started.append(subprocess.Popen(argv, env=environment, cwd=ROOT, umask=0o077))
    with closing(HsmClient(directory / "web")) as made:
        wait_until(lambda: len(made.paths()) == 2 and _all_serve(made), "two lanes", seconds=60)
        yield made, started
    for process in started:
        process.terminate()
    for process in started:
        process.wait(20)


@pytest.fixture
def client(lanes):
    return lanes[0]


def _all_serve(client):
    return all(client.call_all(protocol.Ping(), timeout=5).values())


@pytest.fixture
def request_for(stack, name):
    """A signature with a new key, by the demo's application."""
    http, headers = stack.http(), {"Authorization": f"Bearer {stack.token()}"}
    url = f"{stack.vault_url}/keys/{name}/create?api-version=7.4"

    def created():  # two logins at once may make SoftHSM refuse a worker of the system, which is then restarted
        return http.request("POST", url, json={"kty": "EC-HSM"}, headers=headers).status == 200

    wait_until(created, "a key", pause=0.5)
    return protocol.UseKey(0.0, caller(stack.token()), "demo-europe", name, "", "keys/sign", "ES256", bytes(32))


def caller(token):
    return RequestContext(request_id=uuid7(), address="192.0.2.7", scheme=Scheme.BEARER, credential=token)


def signatures(client):
    """By lane, how many it has made."""
    found = client.call_all(protocol.Status(), timeout=5)
    return [sum(row[2] for row in facts["latency"] if row[0] == "keys/sign") for facts in found.values()]


def test_two_uses_of_one_key_are_in_flight_at_once_in_two_lanes(client, request_for):
    client.call(request_for)  # from its time the client knows that this lane is slow
    before, results = signatures(client), []
    threads = [threading.Thread(target=lambda: results.append(client.call(request_for))) for _ in range(2)]
    threads[0].start()
    wait_until(lambda: 1 in in_flight(client), "the first request is in flight", seconds=5, pause=0.001)
    threads[1].start()
    wait_until(lambda: in_flight(client) == [1, 1], "both are", seconds=5, pause=0.001)
    for thread in threads:
        thread.join()
    assert [len(signature) for _name, _version, signature in results] == [64, 64]
    assert [now - then for now, then in zip(signatures(client), before, strict=True)] == [1, 1]


def in_flight(client):
    return [worker.in_flight for worker in client._workers.values()]


def test_no_result_of_a_killed_lane_is_without_its_record(lanes, request_for):
    client, (killed, other) = lanes
    answered, stop = [], threading.Event()

    def use():
        while not stop.is_set():
            request = msgspec.structs.replace(request_for, context=caller(request_for.context.credential))
            with contextlib.suppress(HsmUnavailable):
                client.call(request)
                answered.append(request.context.request_id)

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answered) > 40, "both lanes know that they are slow")
    killed.kill()
    before = len(answered)
    wait_until(lambda: len(answered) > before + 10, "the other lane serves")
    other.kill()
    stop.set()
    for thread in threads:
        thread.join()
    with psycopg.connect(os.environ["AUDITOR_DATABASE_URL"]) as database:
        recorded = database.execute("SELECT request_id FROM audit_event WHERE request_id = ANY(%s)", [answered])
        assert {row[0] for row in recorded} == set(answered)
