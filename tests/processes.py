"""Processes of the running system: stopped for a while as a hanging one is, and let go on."""

import contextlib
import json
import os
import signal
from pathlib import Path

import psutil


def pid_of(name):
    """As the supervisor sees it now."""
    status = json.loads((Path(os.environ["TEST_STATE_DIR"]) / "status.json").read_text())
    return status["processes"][name]["pid"]


@contextlib.contextmanager
def hanging(name):
    """A process and its children stand (SIGSTOP): connections and locks stay, no answer comes."""
    parent = psutil.Process(pid_of(name))
    family = [parent, *parent.children(recursive=True)]
    for process in family:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in family:
            process.send_signal(signal.SIGCONT)
