"""Fault tests run one after another on the shared system, and leave it healthy."""

import json
import os
import signal
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.support.load import VaultClient
from tests.support.waiting import wait_until


class System:
    """The running system, as its supervisor sees it."""

    def __init__(self, stack):
        self.stack = stack
        self.state = Path(os.environ["TEST_STATE_DIR"])

    def processes(self):
        return json.loads((self.state / "status.json").read_text())["processes"]

    def pid(self, name):
        return self.processes()[name]["pid"]

    def kill(self, name):
        """kill -9 of one process; returns the moment."""
        os.kill(self.pid(name), signal.SIGKILL)
        return time.time()

    def kill_with_children(self, name):
        """kill -9 of a process and of those that it started: a granian worker outlives its parent for a moment."""
        os.killpg(self.pid(name), signal.SIGKILL)

    def kill_worker_of(self, name):
        """kill -9 of a child that does the serving (a granian worker), not of its parent."""
        child = psutil.Process(self.pid(name)).children()[-1]
        child.kill()
        return time.time()

    def token_directory(self, world):
        return self.state / "tokens" / world

    def auditor(self):
        """A connection under the auditors' database role."""
        return psycopg.connect(os.environ["AUDITOR_DATABASE_URL"], autocommit=True)

    def recorded(self, request_ids):
        """Those of the request ids that have an outcome record."""
        with self.auditor() as connection:
            rows = connection.execute(
                "SELECT request_id::text FROM audit_event WHERE request_id = ANY(%s::uuid[]) AND phase = 'outcome'",
                [list(request_ids)],
            )
            return {row[0] for row in rows}

    def wait_healthy(self):
        wait_until(self.stack.healthy, "a healthy system", pause=0.1)


@pytest.fixture(scope="session")
def client(stack):
    return VaultClient(stack)


@pytest.fixture
def system(stack):
    system = System(stack)
    system.wait_healthy()
    yield system
    system.wait_healthy()
