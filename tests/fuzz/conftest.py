"""The system of this process, and the parser of containers in it."""

import pytest

from apps.core import limited_process
from apps.domain.certificates import containers, unlocking
from tests.fuzz.kinds import prepare
from tests.fuzz.system import WORLD, System
from tests.support.lane import lane_in_process

EVERY = 100  # one container of so many is read by a process of its own, which takes 0.1 s of a core to start


@pytest.fixture
def system(transactional_db, hsm, monkeypatch, settings):
    """A vault with HSM, database and all doors in this process."""
    settings.HSM_WORLD, settings.QUOTA_FACTOR = WORLD, 0
    monkeypatch.setattr(containers, "run_limited", _mostly_here())
    with lane_in_process(monkeypatch, hsm):
        system = System(hsm)
        prepare(system)
        yield system


def _mostly_here():
    """`run_limited`, which mostly calls in this process what that of the parser calls."""
    calls = 0

    def run(module, data):
        nonlocal calls
        calls += 1
        if calls % EVERY == 0:
            return limited_process.run_limited(module, data)
        try:
            return unlocking.parse(data)
        except Exception:  # noqa: BLE001  the process would have died of it
            raise limited_process.TooMuchWork from None

    return run
