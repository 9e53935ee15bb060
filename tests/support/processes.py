"""Processes of the running system: stopped for a while as a hanging one is, and let go on."""

import contextlib
import json
import os
import signal
from pathlib import Path

import psutil
import psycopg


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


def in_transaction(role):
    """Whether a process with this role changes something: stopped now, it would keep its locks from everybody."""
    query = (
        "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
        "WHERE a.usename = %s AND l.locktype = 'transactionid' AND l.granted)"
    )
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
        return owner.execute(query, [role]).fetchone()[0]
