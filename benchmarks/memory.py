"""`./portal bench memory`: the memory of each serving process over a million requests (`REQUESTS`: fewer).

The database has 100 000 keys, as many secrets and 10 000 vaults more. The requests use a thousand keys and read a
thousand secrets in turn, among others, so that caches fill up.
"""

import json
import os
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # it has no stubs in our locks

from benchmarks import fill, growth
from benchmarks.portal import Portal
from benchmarks.scenarios import CONNECTIONS

_ROWS = ("ec-sign-many", "secret-get-many", "key-get", "encrypt", "secret-set")
_VAULTS = 10_000
_REQUESTS = int(os.environ.get("REQUESTS", "1000000"))
_SETTLED = 0.1  # share of the requests after which caches are full
_MOST_MIB = 16  # that a process may grow after that
_SECONDS = 10


def main() -> int:
    """Exit 1 when a process grew."""
    portal = Portal(_ROWS)
    fill.fill()
    growth.add("vaults", first=1, last=_VAULTS)
    before = _resident()
    done, turn = 0, 0
    settled: dict[str, float] = {}
    while done < _REQUESTS:
        done += portal.measure(_ROWS[turn % len(_ROWS)], seconds=_SECONDS, connections=CONNECTIONS).requests
        turn += 1
        if not settled and done >= _REQUESTS * _SETTLED and turn >= len(_ROWS):
            first, settled = done, _resident()
    print(f"| process | MiB before | after {first:,} requests | after {done:,} |")
    print("|---|---:|---:|---:|")
    grown = {}
    for name, after in _resident().items():
        print(f"| {name} | {before[name]:.0f} | {settled[name]:.0f} | {after:.0f} |")
        grown[name] = after - settled[name]
    largest = max(grown.values())
    print(f"\nThe largest growth is {largest:.1f} MiB (goal: at most {_MOST_MIB}).")
    return 0 if largest <= _MOST_MIB else 1


def _resident() -> dict[str, float]:
    """MiB of the processes that serve requests, each with its children."""
    status = json.loads((Path(os.environ["TEST_STATE_DIR"]) / "status.json").read_text(encoding="utf-8"))
    serving = {name: process for name, process in status["processes"].items() if name == "web" or "-lane-" in name}
    return {name: _of_tree(psutil.Process(process["pid"])) for name, process in serving.items()}


def _of_tree(leader: psutil.Process) -> float:
    return float(sum(each.memory_info().rss for each in (leader, *leader.children())) / 2**20)


if __name__ == "__main__":
    raise SystemExit(main())
