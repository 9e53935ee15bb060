"""Every address of the data plane under mutated requests: no 5xx, no dead process, no growing memory.

MUTATED_REQUESTS says how many (2 000 in the suite). The seed is fixed, so that a failure can be looked at again.
"""

import collections
import json
import os
import random
import threading
from pathlib import Path

import psutil
import pytest
import urllib3

from tests.keyvault_api.test_access_matrix import ALL
from tests.support.mutated_requests import BODIES, METHODS, QUERIES, spoiled, spoiled_path

pytestmark = [pytest.mark.stack, pytest.mark.timeout(3600)]

SEED, THREADS, MOST_GROWTH = 20261124, 8, 50 * 1024 * 1024
COUNT = int(os.environ.get("MUTATED_REQUESTS", "2000"))
SERVES = ("web", "hsm-europe-lane-1", "hsm-europe-lane-2", "hsm-europe-jobs")


def processes():
    status = json.loads((Path(os.environ["TEST_STATE_DIR"]) / "status.json").read_text())
    return {name: (row["pid"], row["state"]) for name, row in status["processes"].items()}


def memory():
    """Resident bytes of each serving process with its children."""
    found = {}
    for name, (pid, _) in processes().items():
        if name in SERVES:
            process = psutil.Process(pid)
            found[name] = sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
    return found


def traces():
    """What the web wrote about its last unexpected errors."""
    log = (Path(os.environ["TEST_STATE_DIR"]) / "logs" / "web.log").read_text(errors="replace")
    return log[log.rfind("Traceback") :][:6000]


class Sender(threading.Thread):
    """Sends its share of the requests and keeps what must not be."""

    def __init__(self, stack, token, number, share):
        super().__init__()
        self.faults, self.statuses = [], collections.Counter()
        self._rng, self._share = random.Random(SEED + number), share
        self._http = urllib3.PoolManager(ca_certs=stack.ca, retries=False, timeout=70)
        self._vault, self._token = stack.vault_url, token

    def run(self):
        rng = self._rng
        for _ in range(self._share):
            method, path, operation = rng.choice(ALL)
            headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
            if rng.random() < 0.05:
                headers["X-HTTP-METHOD"] = rng.choice(METHODS)
            if rng.random() < 0.05:
                method = rng.choice(METHODS)
            query = QUERIES[0] if rng.random() < 0.8 else rng.choice(QUERIES)
            body = spoiled(rng, BODIES.get(operation.name, {})) if method in ("PUT", "POST", "PATCH") else None
            path = spoiled_path(rng, path)
            answer = self._send(method, f"{self._vault}{path}?{query}", body, headers)
            self._look(method, path, query, body, answer)

    def _send(self, method, url, body, headers):
        """On a kept connection that the server has closed (it answered before it had read a body), on a new one."""
        try:
            return self._http.request(method, url, body=body, headers=headers)
        except urllib3.exceptions.ProtocolError:
            return self._http.request(method, url, body=body, headers=headers)

    def _look(self, method, path, query, body, answer):
        self.statuses[answer.status] += 1
        good = answer.status < 500
        if good and answer.status >= 400 and method != "HEAD":
            try:
                error = answer.json()["error"]
                good = bool(error["code"] and error["message"])
            except (ValueError, KeyError, TypeError):
                good = (
                    answer.status == 400 and b"<" not in answer.data
                )  # refused by the server in front: a broken target
        if not good:
            self.faults.append((method, path, query, body, answer.status, answer.data[:300]))


def volley(stack, token, count, *, first):
    senders = [Sender(stack, token, first + number, count // THREADS) for number in range(THREADS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    faults = [fault for sender in senders for fault in sender.faults]
    statuses = sum((sender.statuses for sender in senders), collections.Counter())
    return faults, statuses


def test_mutated_requests_are_refused_and_nothing_breaks(stack, capsys):
    token, before = stack.token(), processes()
    faults, _ = volley(stack, token, max(COUNT // 4, 800), first=0)  # caches fill and pools open
    assert not faults, (faults[:3], traces())
    start = memory()
    faults, statuses = volley(stack, token, COUNT, first=THREADS)
    assert not faults, (faults[:3], traces())
    assert statuses[200] > 0
    assert statuses.keys() >= {400, 404}
    assert processes() == before, "no process died"
    grown = {name: size - start[name] for name, size in memory().items()}
    assert max(grown.values()) < MOST_GROWTH, grown
    with capsys.disabled():
        print(f"\n{COUNT} mutated requests: {dict(sorted(statuses.items()))}, grown by {max(grown.values()) >> 20} MB")  # noqa: T201  the figure
