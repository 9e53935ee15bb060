"""The supervisor, with small programs of one's own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from apps.launcher.errors import LaunchError
from apps.launcher.processes import Process
from apps.launcher.supervisor import Supervisor
from tests.support.waiting import wait_until

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")
WITH_CHILD = (
    sys.executable,
    "-c",
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); time.sleep(600)",
)


@pytest.fixture
def supervisor(state):
    supervisor = Supervisor(state)
    yield supervisor
    supervisor.stop()


def watch_until(supervisor, condition, seconds=5.0):
    def watched():
        supervisor.restart_dead()
        return condition()

    wait_until(watched, seconds=seconds, pause=0.02)


def status(state, name):
    return json.loads((state.directory / "status.json").read_text())["processes"][name]


def test_a_killed_process_is_back_within_a_second(supervisor, state):
    supervisor.start(Process("sleeper", SLEEP, {}))
    first = status(state, "sleeper")["pid"]
    os.kill(first, signal.SIGKILL)
    watch_until(supervisor, lambda: status(state, "sleeper")["pid"] != first, seconds=1)
    assert status(state, "sleeper")["restarts"] == 1


def test_the_children_of_a_killed_process_go_with_it(supervisor, state):
    supervisor.start(Process("parent", WITH_CHILD, {}))
    parent = psutil.Process(status(state, "parent")["pid"])
    watch_until(supervisor, parent.children)
    child = parent.children()[0]
    parent.kill()
    watch_until(supervisor, lambda: status(state, "parent")["restarts"] == 1)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_process_that_must_not_be_restarted_is_not(supervisor, state):
    supervisor.start(Process("refused", (sys.executable, "-c", "raise SystemExit(78)"), {}))
    watch_until(supervisor, lambda: status(state, "refused")["state"] == "failed")
    for _ in range(20):
        supervisor.restart_dead()
        time.sleep(0.02)
    assert status(state, "refused")["restarts"] == 0


@pytest.mark.slow
def test_a_process_that_dies_at_once_is_restarted_ever_more_slowly(supervisor, state):
    supervisor.start(Process("broken", (sys.executable, "-c", "raise SystemExit('no such thing')"), {}))
    started = time.monotonic()
    watch_until(supervisor, lambda: status(state, "broken")["restarts"] == 3, seconds=10)
    assert time.monotonic() - started > 1.2
    assert "no such thing" in supervisor.log_end("broken")


@pytest.mark.slow
def test_waiting_in_vain_says_which_log_explains_it(supervisor):
    supervisor.start(Process("broken", (sys.executable, "-c", "raise SystemExit('the reason')"), {}))
    with pytest.raises(LaunchError, match="the reason"):
        supervisor.wait_until("It", lambda: False, seconds=1, processes=("broken",))


def test_a_process_gets_its_own_environment_and_nothing_of_ours(supervisor, state, monkeypatch):
    monkeypatch.setenv("A_SECRET_OF_THE_SHELL", "x")
    supervisor.start(
        Process(
            "shows",
            (sys.executable, "-c", "import os; print(sorted(os.environ), flush=True); import time; time.sleep(60)"),
            {"MINE": "1"},
        )
    )
    watch_until(supervisor, lambda: "MINE" in supervisor.log_end("shows"))
    assert "A_SECRET_OF_THE_SHELL" not in supervisor.log_end("shows")


def test_stopping_ends_all_also_those_that_do_not_listen(state):
    supervisor = Supervisor(state)
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    supervisor.start(Process("sleeper", SLEEP, {}))
    supervisor.start(Process("deaf", (sys.executable, "-c", deaf), {}))
    watch_until(supervisor, lambda: "deaf" in supervisor.log_end("deaf"))
    pids = [status(state, name)["pid"] for name in ("sleeper", "deaf")]
    supervisor.stop()
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


@pytest.mark.slow
def test_a_killed_supervisor_leaves_nobody_behind(state, tmp_path):
    program = f"""
import sys, time
from pathlib import Path
from apps.launcher.account import Account
from apps.launcher.processes import Process
from apps.launcher.state import StateDirectory
from apps.launcher.supervisor import Supervisor
state = StateDirectory(Path({str(state.directory)!r}), Account())
Supervisor(state).start(Process("orphan", (sys.executable, "-c", "import time; time.sleep(600)"), {{}}))
time.sleep(600)
"""
    supervisor = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    wait_until((state.directory / "status.json").exists, "a start")
    orphan = status(state, "orphan")["pid"]
    assert psutil.pid_exists(orphan)
    supervisor.kill()
    supervisor.wait()
    wait_until(lambda: not psutil.pid_exists(orphan), "its end", seconds=5)


def test_a_log_is_kept_small_while_its_process_runs(supervisor, state):
    """A process that writes at a stranger's request must not fill the disk before its next start."""
    chatty = "import os, time\nfor _ in range(200): os.write(1, b'x' * 65536); time.sleep(0.005)\ntime.sleep(600)"
    supervisor.start(Process("chatty", (sys.executable, "-c", chatty), {}))  # 13 MB
    logs = state.directory / "logs"
    watch_until(supervisor, (logs / "chatty.log.1").exists, seconds=20)
    first = status(state, "chatty")
    watch_until(supervisor, lambda: (logs / "chatty.log").stat().st_size < 1024 * 1024, seconds=20)
    assert status(state, "chatty") == first
    assert (logs / "chatty.log.1").stat().st_size <= 6 * 1024 * 1024
    assert b"\0" not in (logs / "chatty.log").read_bytes(), "it appends: no hole is left where it wrote before"


def test_a_log_that_became_a_link_is_not_followed(supervisor, state, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"x" * 6 * 1024 * 1024)
    log = state.directory / "logs" / "sleeper.log"
    log.parent.mkdir(exist_ok=True)
    log.symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        supervisor.start(Process("sleeper", SLEEP, {}))
    assert victim.stat().st_size == 6 * 1024 * 1024
