"""Processes: those of the running system, stopped for a while as a hanging one is; and servers that others wrote."""

import contextlib
import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.support.waiting import wait_until


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


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def server_program(command, log, port, **options):
    """A server that others wrote, until the end of the block."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, **options)

    def listens():
        if process.poll() is not None:
            pytest.fail(f"{command[0]} did not start:\n{log.read_text()}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    try:
        wait_until(listens, command[0])
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)
