"""`./portal bench memory`: the memory of each serving process over very many requests.

100 000 keys in 10 000 vaults are used in turn (`KEYS`, `VAULTS`: fewer), a thousand secrets are read, and others are
written. `REQUESTS`: how many, after each key was used once.
"""

import json
import os
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it has no stubs in our locks

from benchmarks import copies
from benchmarks.portal import Portal
from benchmarks.scenarios import CONNECTIONS

_ROWS = ("secret-get-many", "key-get", "encrypt", "secret-set")
_REQUESTS = int(os.environ.get("REQUESTS", "100000"))
_SETTLED = 0.1  # share of the requests after which caches are full
_MOST_MIB = 16  # that a process may grow after that
_SECONDS = 10


def main() -> int:
    """Exit 1 when a process grew."""
    portal = Portal(_ROWS)
    before = resident()
    copies.make(portal)
    copies.use_all(portal)
    rows, done, turn = (copies.SCENARIO, *_ROWS), 0, 0
    settled: dict[str, float] = {}
    begins = 0  # the key with which the next round of all keys begins
    while done < _REQUESTS:
        row = rows[turn % len(rows)]
        first = begins if row == copies.SCENARIO else 0
        number = portal.measure(row, seconds=_SECONDS, connections=CONNECTIONS, first=first).requests
        done, turn, begins = done + number, turn + 1, begins + (number // 2 if row == copies.SCENARIO else 0)
        if not settled and done >= _REQUESTS * _SETTLED and turn >= len(rows):
            at, settled = done, resident()
    print(f"{copies.KEYS:,} keys in {copies.VAULTS:,} vaults.\n")
    print(f"| process | MiB before any use | after {at:,} requests | after {done:,} |")
    print("|---|---:|---:|---:|")
    grown = {}
    for name, after in resident().items():
        print(f"| {name} | {before[name]:.0f} | {settled[name]:.0f} | {after:.0f} |")
        grown[name] = after - settled[name]
    largest = max(grown.values())
    print(f"\nThe largest growth is {largest:.1f} MiB (goal: at most {_MOST_MIB}).")
    return 0 if largest <= _MOST_MIB else 1


def resident() -> dict[str, float]:
    """MiB of the processes that serve requests, each with its children."""
    status = json.loads((Path(os.environ["TEST_STATE_DIR"]) / "status.json").read_text(encoding="utf-8"))
    serving = {name: process for name, process in status["processes"].items() if name == "web" or "-lane-" in name}
    return {name: _of_tree(psutil.Process(process["pid"])) for name, process in serving.items()}


def _of_tree(leader: psutil.Process) -> float:
    return float(sum(each.memory_info().rss for each in (leader, *leader.children())) / 2**20)


if __name__ == "__main__":
    raise SystemExit(main())
