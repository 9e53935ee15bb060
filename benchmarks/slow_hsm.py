"""`./portal bench slow-hsm`: a world whose HSM takes 10 ms for each use of a key, and what another world notices of it.

The HSM of the world europe is SoftHSM behind a module that pauses (`tests/support/delaying_module.c`), as a round trip
in a network does; that of america is SoftHSM. A lane has one use in flight, so the limit is lanes / pause. As many
processes that use the same module without anything around it ("raw") show what this machine allows of that.
"""

import os
import sys
import threading
from collections.abc import Sequence
from statistics import median

from benchmarks import cpu, raw
from benchmarks.portal import Portal
from benchmarks.scenarios import SCENARIOS, Round, System

PAUSE_SECONDS = 0.01
RATE_GOAL = 0.9  # of the limit
P99_GOAL = 3.0  # times the pauses of all requests in flight on a lane
_MEASURED = ("ec-sign", "rsa-sign", "unwrap", "secret-get")
_IN_FLIGHT = 4  # requests for each lane, of those that the web process works on (DATA_PLANE_SLOTS)
_OTHER_WORLD = "ec-sign"
_ROUNDS, _SECONDS, _WARM_UP = 3, 5, 2
_QUIET = 0.1  # of the processor time, used by other programs


def main() -> int:
    """Exit 1 when a goal is missed. `SLOW_HSM_LANES`: the lanes of europe. Arguments: the rows, without them all."""
    lanes = int(os.environ["SLOW_HSM_LANES"])
    rows = [row for row in _MEASURED if row in sys.argv] or _MEASURED
    slow, quick = Portal(_MEASURED), Portal([_OTHER_WORLD], vault=os.environ["VAULT2_URL"])
    with raw.running(module=os.environ["EUROPE_HSM_MODULE"], processes=lanes) as limit:
        reached = _throughput(slow, limit, lanes, rows)
    _other_world(slow, quick, lanes)
    return 0 if reached else 1


def _throughput(slow: Portal, limit: raw.Raw, lanes: int, rows: Sequence[str]) -> bool:
    """Print a row for each operation. True when all reach their goals."""
    connections, most = lanes * _IN_FLIGHT, lanes / PAUSE_SECONDS
    p99_goal = 1000 * P99_GOAL * _IN_FLIGHT * PAUSE_SECONDS
    reached = True
    print(
        f"{lanes} lanes, {connections} connections; the limit is {most:,.0f} requests/s. Goals: {RATE_GOAL} of it, p99"
    )
    print(f"{p99_goal:.0f} ms.\n")
    print("| | requests/s | of the limit | raw, of the limit | ours / raw | p50, ms | p99, ms | alone: p50, ms |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for scenario in rows:
        slow.measure(scenario, seconds=_WARM_UP, connections=connections)
        theirs, ours = [], []
        for _ in range(_ROUNDS):  # in turn: what disturbs the machine disturbs both
            theirs.append(_round(limit, scenario, lanes).rate)
            ours.append(_round(slow, scenario, connections))
        lone = slow.measure(scenario, seconds=_WARM_UP, connections=1)
        rate, bare, p99 = median(each.rate for each in ours), median(theirs), median(each.p99 for each in ours)
        reached &= rate >= RATE_GOAL * most and p99 <= p99_goal
        shares = f"{rate / most:.2f} | {bare / most:.2f} | {rate / bare:.2f}"
        times = f"{median(each.p50 for each in ours):.1f} | {p99:.1f} | {lone.p50:.1f}"
        print(f"| {SCENARIOS[scenario]} | {rate:,.0f} | {shares} | {times} |", flush=True)
    return reached


def _other_world(slow: Portal, quick: Portal, lanes: int) -> None:
    """Print the latency of a lone client of the other world, alone and beside requests to the slow one."""
    print(f"\n| {SCENARIOS[_OTHER_WORLD]} in the other world, 1 connection | requests/s | p50, ms | p99, ms |")
    print("|---|---:|---:|---:|")
    quick.measure(_OTHER_WORLD, seconds=_WARM_UP, connections=1)
    for connections in (0, lanes * _IN_FLIGHT, 4 * lanes * _IN_FLIGHT):
        cpu.wait_for_quiet(below=_QUIET, at_most=5)
        loading = threading.Thread(target=_load, args=(slow, connections))
        loading.start()
        found = quick.measure(_OTHER_WORLD, seconds=_SECONDS, connections=1)
        loading.join()
        what = f"beside {connections} connections to the slow one" if connections else "alone"
        print(f"| {what} | {found.rate:,.0f} | {found.p50:.1f} | {found.p99:.1f} |", flush=True)


def _round(system: System, scenario: str, connections: int) -> Round:
    cpu.wait_for_quiet(below=_QUIET, at_most=5)
    return system.measure(scenario, seconds=_SECONDS, connections=connections)


def _load(slow: Portal, connections: int) -> None:
    if connections:
        slow.measure(_OTHER_WORLD, seconds=_SECONDS + 2, connections=connections)


if __name__ == "__main__":
    sys.exit(main())
