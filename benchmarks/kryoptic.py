"""`KRYOPTIC_MODULE=libkryoptic_pkcs11.so ./portal bench kryoptic`: the same operations on two software HSMs.

The world europe is on Kryoptic, a PKCS#11 module over OpenSSL (https://github.com/latchset/kryoptic); america is on
SoftHSM. Both modules are measured with nothing around them ("raw"), too, round by round in the same run.
"""

import contextlib
import os
import sys
from statistics import median

from benchmarks import raw
from benchmarks.portal import Portal
from benchmarks.scenarios import CONNECTIONS, SCENARIOS, Series, System

_ROWS = ("rsa-sign", "ec-sign", "unwrap", "secret-get", "secret-set", "aes-encrypt")
_HEAD = (
    "| | raw SoftHSM, /s | raw Kryoptic, /s | Vault Portal on SoftHSM, /s | on Kryoptic, /s "
    "| CPU ms of the lane: SoftHSM | Kryoptic |"
)
_ROUNDS, _SECONDS, _WARM_UP = 3, 3, 1


def main() -> int:
    """Print a row for each operation. Arguments: the rows, without them all."""
    rows = [row for row in _ROWS if row in sys.argv] or _ROWS
    with contextlib.ExitStack() as stack:
        systems: list[System] = [
            stack.enter_context(raw.running()),
            stack.enter_context(raw.running(module=os.environ["EUROPE_HSM_MODULE"])),
            Portal(rows, vault=os.environ["VAULT2_URL"]),
            Portal(rows),
        ]
        print(_HEAD)
        print("|---|---:|---:|---:|---:|---:|---:|")
        for row in rows:
            _compare(row, systems)
    return 0


def _compare(row: str, systems: list[System]) -> None:
    series = [Series() for _ in systems]
    for system in systems:
        if system.offers(row):
            system.measure(row, seconds=_WARM_UP, connections=CONNECTIONS)
    for _ in range(_ROUNDS):  # in turn: what disturbs the machine disturbs all
        for system, each in zip(systems, series, strict=True):
            if system.offers(row):
                each.rounds.append(system.measure(row, seconds=_SECONDS, connections=CONNECTIONS))
    rates = " | ".join(f"{each.rate:,.0f}" if each.rounds else "-" for each in series)
    cpu = " | ".join(f"{median(r.cpu_per_request('HSM lanes') for r in each.rounds):.2f}" for each in series[2:])
    print(f"| {SCENARIOS[row]} | {rates} | {cpu} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
