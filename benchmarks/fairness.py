"""`./portal bench fairness`: how long one vault's caller waits while another vault has a burst.

Two vaults of one security world. One has 4 connections that sign; then the other has 200 at the same time (a sender may
have 256). The burst's own refusals (503 with Retry-After after 1.5 s in the queue) are no error here.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import django

django.setup()

from benchmarks.callers import Installation  # noqa: E402  models exist only now
from benchmarks.portal import Portal  # noqa: E402

_ROW, _ROUNDS, _SECONDS, _CALLER, _BURST = "ec-sign", 3, 6, 4, 200
_GOAL = 3.0  # times the p99 without the burst


def main() -> int:
    """Exit 1 above the goal."""
    site = Installation()
    name = site.vault()
    site.close()
    busy = Portal([_ROW])
    first = os.environ["VAULT_URL"]
    quiet = Portal([_ROW], vault=first.replace(first.split("//")[1].split(".")[0], name, 1))
    alone, beside = [], []
    quiet.measure(_ROW, seconds=2, connections=_CALLER)
    with ThreadPoolExecutor(1) as pool:
        for _ in range(_ROUNDS):
            alone.append(quiet.measure(_ROW, seconds=_SECONDS, connections=_CALLER))
            burst = pool.submit(busy.measure, _ROW, seconds=_SECONDS + 2, connections=_BURST, refusals_allowed=True)
            beside.append(quiet.measure(_ROW, seconds=_SECONDS, connections=_CALLER))
            burst.result()
    print("| EC P-256 sign, 4 connections | requests/s | p50, ms | p99, ms |")
    print("|---|---:|---:|---:|")
    for what, rounds in (("alone", alone), (f"beside a burst of {_BURST} connections", beside)):
        rate, p50, p99 = (median(getattr(each, figure) for each in rounds) for figure in ("rate", "p50", "p99"))
        print(f"| {what} | {rate:,.0f} | {p50:.1f} | {p99:.1f} |")
    ratio = median(each.p99 for each in beside) / median(each.p99 for each in alone)
    print(f"\np99 is {ratio:.1f} times as long (goal: at most {_GOAL:.0f}).")
    return 0 if ratio <= _GOAL else 1


if __name__ == "__main__":
    raise SystemExit(main())
