"""`./portal bench idle`: the CPU of a system that nobody uses, by process, over a minute."""

import json
import os
import time
from pathlib import Path

from benchmarks import cpu

_SETTLE_SECONDS, _SECONDS = 20, 60
_GOAL = 0.05  # of one core, all processes together


def main() -> int:
    """Exit 1 above the goal."""
    status = json.loads((Path(os.environ["TEST_STATE_DIR"]) / "status.json").read_text(encoding="utf-8"))
    groups = {name: [process["pid"]] for name, process in status["processes"].items()}
    time.sleep(_SETTLE_SECONDS)
    meter = cpu.Meter(groups)
    time.sleep(_SECONDS)
    used, _ = meter.read()
    print("| process | % of a core |")
    print("|---|---:|")
    for name, seconds in sorted(used.items(), key=lambda pair: -pair[1]):
        print(f"| {name} | {seconds / _SECONDS:.2%} |")
    share = sum(used.values()) / _SECONDS
    print(f"\nTogether {share:.1%} of a core (goal: at most {_GOAL:.0%}).")
    return 0 if share <= _GOAL else 1


if __name__ == "__main__":
    raise SystemExit(main())
