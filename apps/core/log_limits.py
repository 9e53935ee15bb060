"""Bounds on what a process logs: a stranger who causes a line must not be able to fill the disk.

A line is cut to `LONGEST` characters, and of one kind of line (a logger and its message without arguments) at most
`MOST_OF_A_KIND` a minute are written, of all kinds `MOST`. The first line of the next minute has the number left out.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable

SECONDS = 60.0
MOST_OF_A_KIND, MOST = 30, 300
LONGEST = 8000  # characters, with the traceback


class LogLimits(logging.Filter):
    """A filter of a handler (`settings.LOGGING`)."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._timer = timer
        self._ends = 0.0
        self._written: Counter[tuple[str, str]] = Counter()
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a record is written. A handler calls this under its lock only when it emits, so counts may be
        a few lines off with several threads.
        """
        left_out = 0
        if self._timer() >= self._ends:
            self._ends = self._timer() + SECONDS
            left_out, self._left_out = self._left_out, 0
            self._written.clear()
        kind = (record.name, str(record.msg)[:200])
        if self._written[kind] >= MOST_OF_A_KIND or self._written.total() >= MOST:
            self._left_out += 1
            return False
        self._written[kind] += 1
        record.left_out = f"[{left_out} lines left out] " if left_out else ""
        return True


class LimitedFormatter(logging.Formatter):
    """A formatter that cuts lines and tells what `LogLimits` left out."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = f"{getattr(record, 'left_out', '')}{super().format(record)}"
        return line if len(line) <= LONGEST else f"{line[:LONGEST]} ... [{len(line) - LONGEST} characters cut]"
