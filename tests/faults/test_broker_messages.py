"""What messages of jobs contain, and what the processes do with messages of others."""

import base64
import json
import os
import subprocess
import time
from types import SimpleNamespace
from uuid import uuid4

import pytest
import valkey

from apps.domain.hsm_client import client as hsm_client
from apps.domain.hsm_client.models import Job
from apps.launcher.valkey import find_binary
from tests.support.waiting import wait_until

GARBAGE = (b"no json", b"\xff\xfe", b"[]", b"{}", b'{"body": 1, "properties": 2, "headers": 3}', b"null")


@pytest.fixture
def own_broker(tmp_path):
    """A Valkey of this test, which no worker reads."""
    state = SimpleNamespace(account=SimpleNamespace(reaches=lambda _path: True))
    path = tmp_path / "v.sock"
    server = subprocess.Popen([find_binary(state), "--port", "0", "--unixsocket", str(path), "--save", ""])
    yield path
    server.terminate()
    server.wait()


def test_a_message_has_the_id_of_its_job_only(own_broker, settings):
    settings.CELERY = {**settings.CELERY, "broker_url": f"redis+socket://{own_broker}"}
    wait_until(own_broker.exists, "the broker's socket")
    hsm_client._sender.cache_clear()
    job = Job(id=uuid4(), kind="hsm.generate_key", world="europe", grant={"detail": "not-for-the-broker"})
    try:
        hsm_client.notify_workers(job)
    finally:
        hsm_client._sender.cache_clear()
    (message,) = valkey.Valkey(unix_socket_path=str(own_broker)).lrange("hsm.europe", 0, -1)
    arguments, keywords, _ = json.loads(base64.b64decode(json.loads(message)["body"]))
    assert (arguments, keywords) == ([], {"job_id": str(job.id)})
    assert b"not-for-the-broker" not in message


@pytest.mark.stack
def test_messages_of_others_are_dropped_and_end_no_worker(system, client):
    broker = valkey.Valkey(unix_socket_path=os.environ["BROKER_URL"].removeprefix("redis+socket://"))
    workers = system.processes()
    for queue in ("hsm.europe", "hsm.america", "celery"):
        for message in GARBAGE:
            broker.lpush(queue, message)
    broker.hset("unacked", "1", "no json")
    broker.zadd("unacked_index", {"1": 0})
    path = f"/keys/foreign-{os.urandom(4).hex()}/create"
    assert client.ask("create", "POST", path, {"kty": "EC-HSM"}).status == 200
    wait_until(lambda: not broker.llen("hsm.europe") and not broker.llen("hsm.america"), "that all was dropped")
    time.sleep(0.5)
    assert system.processes() == workers


@pytest.mark.stack
@pytest.mark.parametrize(
    "command",
    [
        ("CONFIG", "SET", "maxmemory", "1mb"),
        ("SHUTDOWN",),
        ("MONITOR",),
        ("FLUSHALL",),
        ("ACL", "SETUSER", "default", "off"),
        ("EVAL", "while true do end", "0"),
        ("REPLICAOF", "127.0.0.1", "1"),
        ("CLIENT", "PAUSE", "60000"),
    ],
    ids=" ".join,
)
def test_no_account_rules_the_broker(command):
    broker = valkey.Valkey(unix_socket_path=os.environ["BROKER_URL"].removeprefix("redis+socket://"))
    with pytest.raises(valkey.exceptions.NoPermissionError):
        broker.execute_command(*command)
