"""What a reader must know about the machine and the versions to judge a figure."""

import datetime as dt
import os
import platform
import subprocess
from pathlib import Path

from benchmarks import fill


def describe() -> dict[str, str]:
    """Label to text. The load average is of the minute before: a busy machine shows here and in the spread."""
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _processor(),
        "load before": f"{os.getloadavg()[0]:.1f}",
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "PostgreSQL": fill.postgres_version(),
        "SoftHSM": _softhsm(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _softhsm() -> str:
    result = subprocess.run(["softhsm2-util", "--version"], capture_output=True, text=True, check=False)
    return result.stdout.strip() or "unknown"
