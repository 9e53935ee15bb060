"""`./portal bench resident`: 100 000 keys in turn, each unwrapped, beside a thousand of them.

The keys are in 10 000 vaults. `KEYS`, `VAULTS`: fewer. The HSM workers may keep as many unwrapped keys as that takes
(`HSM_HANDLE_CACHE_MB`, which the command sets).
"""

from statistics import median

from benchmarks import copies, memory
from benchmarks.portal import Portal
from benchmarks.scenarios import CONNECTIONS, MANY, Round

_GOAL = 0.9  # of the row of a thousand keys
_FEW = "few copies"
_ROUNDS, _SECONDS = 3, 5


def main() -> int:
    """Exit 1 when the goal is missed."""
    portal = Portal(())
    before = memory.resident()
    copies.make(portal)
    copies.few(portal, _FEW, MANY)
    seconds = copies.use_all(portal)
    print(f"{copies.KEYS:,} keys in {copies.VAULTS:,} vaults, each used once in {seconds:.0f} s.\n")
    rounds: dict[str, list[Round]] = {_FEW: [], copies.SCENARIO: []}
    first = 0
    for _ in range(_ROUNDS):  # in turn, and all keys from where the last round ended
        rounds[_FEW].append(portal.measure(_FEW, seconds=_SECONDS, connections=CONNECTIONS))
        rounds[copies.SCENARIO].append(
            portal.measure(copies.SCENARIO, seconds=_SECONDS, connections=CONNECTIONS, first=first)
        )
        first += rounds[copies.SCENARIO][-1].requests // 2
    print("| EC P-256 sign (ES256) | requests/s | CPU ms: HSM lanes | together | p50, ms | p99, ms |")
    print("|---|---:|---:|---:|---:|---:|")
    for title, row in ((f"{MANY:,} keys in turn", rounds[_FEW]), ("all keys in turn", rounds[copies.SCENARIO])):
        print(f"| {title} | {_cells(row)} |")
    _print_memory(before)
    reached = median(map(_rate, rounds[copies.SCENARIO])) / median(map(_rate, rounds[_FEW]))
    print(f"\nAll keys: {reached:.2f} of the row of {MANY:,} (goal: at least {_GOAL}).")
    return 0 if reached >= _GOAL else 1


def _rate(round_: Round) -> float:
    return round_.rate


def _cells(rounds: list[Round]) -> str:
    lanes = median(each.cpu_per_request("HSM lanes") for each in rounds)
    together = median(sum(map(each.cpu_per_request, set(each.cpu) - {"wrk"})) for each in rounds)
    p50, p99 = median(each.p50 for each in rounds), median(each.p99 for each in rounds)
    return f"{median(map(_rate, rounds)):,.0f} | {lanes:.2f} | {together:.2f} | {p50:.1f} | {p99:.1f}"


def _print_memory(before: dict[str, float]) -> None:
    after, live = memory.resident(), copies.handles()
    print("\n| process | MiB before | after | unwrapped keys | MB counted for them and verified keys |")
    print("|---|---:|---:|---:|---:|")
    for name, mib in after.items():
        number, counted = live.get(name.rpartition("-")[2], (0, 0)) if copies.WORLD in name else (0, 0)
        print(f"| {name} | {before[name]:.0f} | {mib:.0f} | {number:,} | {counted:,} |")


if __name__ == "__main__":
    raise SystemExit(main())
