"""How often a lane asks its HSM whether it is there. The lane's thread is real; the HSM only takes its time."""

import time

import pytest

from apps.workers.hsm_runtime.hsm_thread import HsmThread


class SlowHsm:
    def __init__(self, seconds):
        self._seconds, self.asked = seconds, 0

    def canary(self):
        self.asked += 1
        time.sleep(self._seconds)


@pytest.fixture
def thread():
    made = HsmThread(peers=[], handler=None)
    yield made
    made._wake_reader.close()
    made._wake_writer.close()
    made._selector.close()


@pytest.mark.parametrize(("seconds", "pause"), [(0, 0.5), (0.007, 0.7), (0.03, 1.0)])
def test_the_question_takes_a_hundredth_of_the_time_and_is_asked_once_a_second(thread, seconds, pause):
    thread._hsm = SlowHsm(seconds)
    begun = time.monotonic()
    thread._check_device()
    ended = time.monotonic()
    assert pause <= thread._check_due - begun - seconds
    assert thread._check_due - ended <= max(pause, min(1.0, 100 * (ended - begun)))
    thread._check_device()
    assert thread._hsm.asked == 1, "not again before it is due"
