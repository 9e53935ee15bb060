"""CPU time of groups of processes, from /proc."""

import os
import time
from collections.abc import Mapping, Sequence

import psutil  # type: ignore[import-untyped]  # it has no stubs in our locks

Groups = Mapping[str, Sequence[int]]


class Meter:
    """What groups of processes use between its making and `read`.

    `groups` names the leaders by process id; children count with their leader, also those that end. `ended`, if given,
    names one more group: the children of this very process that end meanwhile.
    """

    def __init__(self, groups: Groups, *, ended: str = "") -> None:
        self._groups = groups
        self._ended = ended
        self._before = self._used()
        self._machine = _machine_seconds()
        self._begun = time.monotonic()

    def read(self) -> tuple[dict[str, float], float]:
        """(CPU seconds by group, share of the machine's CPU that everybody else used)."""
        used = {group: seconds - self._before[group] for group, seconds in self._used().items()}
        busy = _machine_seconds() - self._machine
        available = (time.monotonic() - self._begun) * (os.cpu_count() or 1)
        return used, max(0.0, busy - sum(used.values())) / available

    def _used(self) -> dict[str, float]:
        used = {name: sum(_tree(pid) for pid in pids) for name, pids in self._groups.items()}
        if self._ended:
            times = os.times()
            used[self._ended] = times.children_user + times.children_system
        return used


class Theft:
    """What the host of this virtual machine gave to others since this was made (`steal` of proc(5), /proc/stat)."""

    def __init__(self) -> None:
        self._before = psutil.cpu_times()

    def share(self) -> float:
        """The share of the machine's time."""
        now = psutil.cpu_times()
        return float(getattr(now, "steal", 0.0) - getattr(self._before, "steal", 0.0)) / (sum(now) - sum(self._before))


def wait_for_quiet(*, below: float, at_most: float) -> None:
    """Wait until all programs together use less than the share `below` of the CPU, at most so many seconds."""
    until = time.monotonic() + at_most
    while time.monotonic() < until:
        meter = Meter({})
        time.sleep(1)
        if meter.read()[1] < below:
            return


def _tree(pid: int) -> float:
    """Seconds of a process and its children. A process that is gone counts nothing."""
    try:
        leader = psutil.Process(pid)
        processes = [leader, *leader.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    return sum(_seconds(process) for process in processes)


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _machine_seconds() -> float:
    """Busy seconds of all cores, with what other machines on the same host took from us (proc(5), /proc/stat)."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)
