"""One exchange with a worker: how long it may take, and whose answer it gives."""

import socket
import threading
import time
from contextlib import closing

import pytest

from apps.domain.hsm_client.lane_client import HsmClient, HsmUnavailable
from apps.domain.hsm_client.protocol import Ping, pack_answer

pytestmark = pytest.mark.slow


@pytest.fixture
def worker(tmp_path):
    """A worker that answers its nth request with n, after so many seconds. Returns its client."""
    pauses, made = [], []

    def serve(connection):
        with connection:
            while connection.recv(1000):
                pause = pauses.pop(0)
                made.append(None)
                answer = pack_answer(len(made))
                time.sleep(pause)
                try:
                    connection.send(answer)
                except OSError:
                    return

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=[connection], daemon=True).start()

    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with closing(listener):
        listener.bind(str(tmp_path / "1.sock"))
        listener.listen(8)
        threading.Thread(target=accept, daemon=True).start()
        client = HsmClient(tmp_path)
        yield client, pauses
        client.close()


def test_an_answer_that_comes_too_late_is_nobodys(worker):
    client, pauses = worker
    pauses += [0.0, 0.7, 0.0]
    assert client.call(Ping()) == 1
    with pytest.raises(HsmUnavailable):
        client.call(Ping(), timeout=0.2)  # shorter than the limit that connections have
    assert client.call(Ping()) == 3


def test_a_shorter_limit_holds_for_one_exchange_only(worker):
    client, pauses = worker
    pauses += [0.0, 0.7]
    assert client.call(Ping(), timeout=0.4) == 1
    assert client.call(Ping()) == 2


def test_no_answer_at_all_ends_in_time(worker):
    client, pauses = worker
    pauses += [3.0]
    with pytest.raises(HsmUnavailable):
        client.call(Ping())
