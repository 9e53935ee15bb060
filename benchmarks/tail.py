"""How old a record is when somebody who follows the log live sees it: over HTTPS, as the page of the explorer asks.

The address, and how often it is asked, are those that the page gives. Operations happen through the data plane at
random moments between two looks. A record's age is the moment when the answer with its row has been read, less the
record's own time, on one machine's clock.
"""

import html
import os
import random
import re
import statistics
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

import urllib3

from benchmarks.listing import _token

OPERATIONS = 60
GOAL_SECONDS = 2.0
PLACES = {"one vault": "/records?vault=demo-europe&live=1", "all logs": "/records?live=1"}
_ASKED = re.compile(r'id="rows" hx-get="([^"]+)" hx-trigger="every (\d+)ms')
_ROW = re.compile(r'<time datetime="([^"]+)".*?secrets/(tail-[0-9a-f]+-\d+)/', re.DOTALL)


def main(cookies: Mapping[str, str]) -> int:
    """Exit 1 when a record was seen too late. `cookies`: of an auditor who has signed in."""
    http = urllib3.PoolManager(ca_certs=os.environ["PORTAL_CA"], retries=False, timeout=70)
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    print("\n| followed live | operations | p50, s | p95, s | slowest, s | goal, s |\n|---|---|---|---|---|---|")
    missed = 0
    for name, path in PLACES.items():
        ages = _followed(http, headers, path)
        missed += len(ages) < OPERATIONS or max(ages) > GOAL_SECONDS
        print(f"| {name} | {len(ages)} of {OPERATIONS} | {times_of(ages)} | {GOAL_SECONDS:.0f} |", flush=True)
    return 1 if missed else 0


def times_of(ages: Sequence[float]) -> str:
    """Median, 95th percentile and slowest; of fewer than two there are none."""
    if len(ages) < 2:
        return "- | - | -"
    return f"{statistics.median(ages):.2f} | {statistics.quantiles(ages, n=20)[-1]:.2f} | {max(ages):.2f}"


def _followed(http: urllib3.PoolManager, headers: Mapping[str, str], path: str) -> list[float]:
    """The ages of all records that were seen."""
    tag = f"tail-{uuid.uuid4().hex[:8]}"
    page = _read(http, headers, path)
    address, pause = _next(page)
    acting = threading.Thread(target=_act, args=(http, tag))
    acting.start()
    ages = dict[str, float]()
    until = time.monotonic() + 10 * OPERATIONS
    last = 0.0  # when the last operation had been done for long enough
    while len(ages) < OPERATIONS and time.monotonic() < until and (not last or time.monotonic() < last):
        time.sleep(pause)
        page = _read(http, headers, address)
        seen = time.time()
        if page:
            address, pause = _next(page)
        for made, item in _ROW.findall(page):
            if item.startswith(tag):
                ages.setdefault(item, seen - datetime.fromisoformat(made).timestamp())
        if not last and not acting.is_alive():
            last = time.monotonic() + 5
    acting.join()
    return sorted(ages.values())


def _read(http: urllib3.PoolManager, headers: Mapping[str, str], path: str) -> str:
    """The page, or "" when nothing is new."""
    answer = http.request("GET", os.environ["PORTAL_AUDIT_URL"] + path, headers={**headers}, redirect=False)
    if answer.status not in {200, 204}:
        raise SystemExit(f"{path} answered {answer.status}")
    return answer.data.decode()


def _next(page: str) -> tuple[str, float]:
    """The address that the page asks next, and after how many seconds."""
    found = _ASKED.search(page)
    if found is None:
        raise SystemExit("the page does not follow")
    return html.unescape(found[1]), int(found[2]) / 1000


def _act(http: urllib3.PoolManager, tag: str) -> None:
    """Secrets are set, about two in three seconds."""
    headers = {"Authorization": f"Bearer {_token(http)}", "Content-Type": "application/json"}
    for number in range(OPERATIONS):
        time.sleep(random.uniform(0.2, 1.4))
        url = f"{os.environ['VAULT_URL']}/secrets/{tag}-{number}?api-version=7.6"
        answer = http.request("PUT", url, body=b'{"value":"v"}', headers=headers)
        if answer.status != 200:
            raise SystemExit(f"a secret was not set: {answer.status}")
