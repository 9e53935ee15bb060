"""Parsers of foreign bytes in processes of their own, with limits on processor time and memory.

A file can ask for any amount of work (rounds of a password's hash, memory of scrypt), in places that no check in front
can see: inside what the password decrypts. In a process of its own the work is bounded wherever the number stands. The
parser is C code, which no thread can stop.

The bytes and the answer go over pipes: there is nothing secret in arguments or environment. The process imports what it
needs first and limits itself then, so that the limits are those of the work.
"""

import contextlib
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from apps.core.errors import Throttled

_ROOT = Path(__file__).resolve().parents[2]
_PROCESSOR_SECONDS = 1.0
_MEMORY_BYTES = 64 * 1024 * 1024
_LONGEST_ANSWER = 4 * 1024 * 1024
_WALL_SECONDS = 20.0  # a busy machine; the processor's time is the limit that counts
_WAIT_SECONDS = 20.0
_AT_ONCE = 2

_START = """
import sys, runpy
_, root, module = sys.argv
sys.path.insert(0, root)
runpy.run_module(module, run_name="__main__")
"""

_slots = threading.BoundedSemaphore(_AT_ONCE)


class TooMuchWork(Exception):
    """The process reached a limit, or died of its input."""


class ParserBusy(Throttled):
    """As many files as may be are being read."""


def run_limited(module: str, data: bytes) -> bytes:
    """Run `module`, whose main block is `serve(...)`, on these bytes. Returns its answer.

    Raises `TooMuchWork`, `ParserBusy`.
    """
    if not _slots.acquire(timeout=_WAIT_SECONDS):
        raise ParserBusy("Many certificates with passwords are being read. Try again in a second.")
    try:
        return _run(module, data)
    finally:
        _slots.release()


def _run(module: str, data: bytes) -> bytes:
    # -I: no environment, no working directory.
    with subprocess.Popen(  # noqa: S603  our own interpreter and module
        [sys.executable, "-I", "-c", _START, str(_ROOT), module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a traceback may hold a value
        env={},
        cwd="/",
    ) as process:
        try:
            answer, _ = process.communicate(data, timeout=_WALL_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise TooMuchWork from None
    if process.returncode != 0 or len(answer) > _LONGEST_ANSWER:
        raise TooMuchWork
    return answer


def serve(parse: Callable[[bytes], bytes]) -> None:
    """In the process: limit it, then answer the bytes of its standard input."""
    _limit()
    sys.stdout.buffer.write(parse(sys.stdin.buffer.read()))
    sys.stdout.buffer.flush()


def _limit() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime + _PROCESSOR_SECONDS) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, _PROCESSOR_SECONDS)  # RLIMIT_CPU counts whole seconds
    memory = _virtual_bytes() + _MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with contextlib.suppress(ValueError, OSError):  # not more than there are already
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def _virtual_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    return pages * resource.getpagesize()
