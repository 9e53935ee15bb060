"""The broker forgets everything (docs/reference/security-guarantees.md section 13): no job is lost, none is done twice."""

import json
import os
import threading
import time

import pytest
import valkey

pytestmark = pytest.mark.stack


def test_flushing_the_broker_loses_and_doubles_nothing(system, client):
    tag = os.urandom(4).hex()
    broker = valkey.Valkey(unix_socket_path=os.environ["BROKER_URL"].removeprefix("redis+socket://"))
    stop = threading.Event()

    def flush():
        while not stop.is_set():
            for key in broker.scan_iter():
                broker.unlink(key)
            time.sleep(0.05)

    flusher = threading.Thread(target=flush)
    flusher.start()
    try:
        path = f"/keys/flush-{tag}/create"
        answers = [client.ask("create", "POST", path, {"kty": "EC-HSM"}) for _ in range(12)]
    finally:
        stop.set()
        flusher.join()
    assert [answer.status for answer in answers] == [200] * 12
    kids = {json.loads(answer.body)["key"]["kid"] for answer in answers}
    listed = json.loads(client.ask("list", "GET", f"/keys/flush-{tag}/versions").body)["value"]
    assert {item["kid"] for item in listed} == kids
    assert len(kids) == 12
