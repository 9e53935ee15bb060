"""What the mutants of a kind cost and cause, and the table of it."""

import base64
import json
import resource
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field

import psutil

MOST_CPU = 2.0  # seconds of the processor, for one request
MOST_GROWTH = 50 * 1024 * 1024  # bytes

_HEAD = ("kind", "mutants", "taken", "refused", "5xx", "other errors", "worst CPU, s", "mean CPU, ms", "RSS growth, MB")


@dataclass
class Measured:
    """The mutants of one kind. `statuses`: by status of the answer, 0 for an error that no answer was made of."""

    kind: str
    statuses: Counter = field(default_factory=Counter)
    worst_cpu: float = 0.0  # seconds
    cpu: float = 0.0  # seconds, of all
    growth: int = 0  # bytes
    faults: list = field(default_factory=list)

    @property
    def count(self):
        return sum(self.statuses.values())

    def measure(self, number, data, send):
        """Send one mutant: `send()` returns a status. Keep it when it is answered by a 5xx, or too late."""
        started, error = processor_seconds(), ""
        try:
            status = send()
        except Exception:  # noqa: BLE001  whatever comes out is the finding
            status, error = 0, traceback.format_exc()
        used = processor_seconds() - started
        self.statuses[status] += 1
        self.cpu += used
        self.worst_cpu = max(self.worst_cpu, used)
        if status >= 500 or error or used > MOST_CPU:
            fault = {"kind": self.kind, "number": number, "status": status, "cpu": round(used, 3), "error": error}
            self.faults.append(fault | {"input": base64.b64encode(data).decode()})

    def row(self):
        """The cells of the table."""
        taken = sum(count for status, count in self.statuses.items() if 200 <= status < 300)
        failed = sum(count for status, count in self.statuses.items() if status >= 500)
        errors = self.statuses[0]
        return (
            self.kind,
            f"{self.count:,}",
            f"{taken:,}",
            f"{self.count - taken - failed - errors:,}",
            failed,
            errors,
            f"{self.worst_cpu:.2f}",
            f"{1000 * self.cpu / max(self.count, 1):.1f}",
            f"{self.growth / 2**20:.1f}",
        )


def processor_seconds():
    """Seconds of the processor that this process has used, with the parsers that it has started and waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def resident_bytes():
    """Bytes of this process in memory."""
    return psutil.Process().memory_info().rss


def table(results):
    """The results as a table of Markdown."""
    rows = [_HEAD, ("---",) * len(_HEAD), *(result.row() for result in results)]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def write_faults(path, results):
    """Write the faults, one JSON object a line with the input in base64. Returns how many there are."""
    faults = [fault for result in results for fault in result.faults]
    if faults:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(fault) + "\n" for fault in faults))
    return len(faults)
