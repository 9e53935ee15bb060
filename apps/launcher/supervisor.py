"""Supervisor: starts processes in order, restarts those that die, stops them all in reverse order.

Each leads a process group, which is killed with it: a web server's workers must not hold the port after their parent
has died. Each asks the kernel for its stop signal in case the supervisor itself is killed.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from apps.launcher import credentials, softhsm
from apps.launcher.account import ROOT
from apps.launcher.errors import LaunchError
from apps.launcher.processes import Process
from apps.launcher.state import StateDirectory

EX_CONFIG = 78  # sysexits.h: starting again would not help, and a wrong PIN may lock a token
_STOP_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE, _SETTLED_SECONDS = 0.2, 5.0, 10.0
_PR_SET_PDEATHSIG = 1
_LARGEST_LOG, _SHOWN_LINES = 5 * 1024 * 1024, 12
_libc = ctypes.CDLL(None)


@dataclass
class Child:
    """One supervised process and its state."""

    process: Process
    popen: subprocess.Popen[bytes]
    state: str = "running"
    since: float = field(default_factory=time.time)
    pause: float = _FIRST_PAUSE
    restart_at: float = 0.0
    restarts: int = 0

    def kill_group(self) -> None:
        """Kill the process and all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)

    def wait_for_exit(self) -> None:
        """Wait for the end that a signal has asked for; kill what remains."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(_STOP_SECONDS)
        self.kill_group()
        self.popen.wait()


class Supervisor:
    """The processes of one state directory."""

    def __init__(self, state: StateDirectory) -> None:
        self._state = state
        self._children: dict[str, Child] = {}

    def start(self, process: Process) -> None:
        """Start a process and keep it running from now on."""
        self._children[process.name] = Child(process, self._spawn(process))
        self._write_status()

    def wait_until(self, what: str, ready: Callable[[], bool], *, seconds: float, processes: Sequence[str]) -> None:
        """Wait while restarting dead processes. Raises `LaunchError` with the end of the log that explains it."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.restart_dead()
            broken = [name for name in processes if self._children[name].state == "failed"]
            if broken or time.monotonic() > deadline:
                suspects = broken or [name for name in processes if self._children[name].restarts] or list(processes)
                raise LaunchError(f"{what} did not come up.\n{self.log_end(suspects[0])}")
            time.sleep(0.05)

    def restart_dead(self) -> None:
        """Notice dead processes and restart those that are due. Call it often."""
        changed = False
        for child in self._children.values():
            changed |= self._restart_one(child)
            self._rotate_log(child.process)
        if changed:
            self._write_status()

    def stop(self) -> None:
        """Stop all, the last started first; those that do not end are killed after 10 s."""
        for child in reversed(self._children.values()):
            child.popen.send_signal(getattr(signal, child.process.stop_signal))
            if child.process.data:
                child.wait_for_exit()
        for child in reversed(self._children.values()):
            child.wait_for_exit()
            child.state, child.since = "stopped", time.time()
        if self._children:
            self._write_status()

    def log_end(self, name: str) -> str:
        """Return the last lines of a process's log, with its path."""
        path = self._state.directory / "logs" / f"{name}.log"
        with contextlib.suppress(OSError):
            end = path.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN_LINES:]
            return "\n".join([f"The end of {path}:", *(f"    {line}" for line in end)])
        return f"It wrote nothing to {path}."

    def _restart_one(self, child: Child) -> bool:
        now = time.time()
        if child.state == "running":
            code = child.popen.poll()
            if code is None:
                if now - child.since > _SETTLED_SECONDS:
                    child.pause = _FIRST_PAUSE
                return False
            child.kill_group()
            child.since = now
            if code == EX_CONFIG:
                child.state = "failed"
                return True
            child.state, child.restart_at = "restarting", now + child.pause
            child.pause = min(child.pause * 2, _LONGEST_PAUSE)
            return True
        if child.state == "restarting" and now >= child.restart_at:
            child.restarts += 1
            child.popen = self._spawn(child.process)
            child.state, child.since = "running", time.time()
            return True
        return False

    def _spawn(self, process: Process) -> subprocess.Popen[bytes]:
        log = self._rotate_log(process)
        if process.world:
            softhsm.restore_or_back_up_token(self._state, process.world)
        account = self._state.account if process.data else self._state.account.of(process.account)
        environment = credentials.hand_out(self._state, process.name, process.env, account)
        if process.socket is not None:
            process.socket.unlink(missing_ok=True)
        stop_signal = getattr(signal, process.stop_signal)
        with log.open("ab") as output:
            child = subprocess.Popen(
                process.argv,
                env={**_base_environment(self._state), **environment},
                cwd="/" if process.data else ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
                preexec_fn=lambda: _libc.prctl(_PR_SET_PDEATHSIG, stop_signal),  # noqa: PLW1509  one system call
                **account.popen(),
            )
        if process.niceness:
            _lower_priority(child.pid, process.niceness)
        return child

    def _rotate_log(self, process: Process) -> Path:
        """Keep a log and the one before it below a size, also while the process runs and has it open to append."""
        log = self._state.directory / "logs" / f"{process.name}.log"
        if log.exists() and log.stat().st_size > _LARGEST_LOG:
            earlier = log.with_suffix(".log.1")
            with open(log, "r+b", opener=_open_file) as source, open(earlier, "wb", opener=_open_file) as target:
                source.seek(-_LARGEST_LOG, os.SEEK_END)
                target.write(source.read(_LARGEST_LOG))  # no more: the process may write faster than a copy is made
                source.truncate(0)  # what was written since is lost: a process cannot be asked to open its log again
        return log

    def _write_status(self) -> None:
        status: dict[str, Any] = {
            "supervisor": os.getpid(),
            "processes": {
                name: {
                    "pid": child.popen.pid,
                    "state": child.state,
                    "since": datetime.fromtimestamp(child.since, UTC).isoformat(timespec="seconds"),
                    "restarts": child.restarts,
                }
                for name, child in self._children.items()
            },
        }
        self._state.write(self._state.directory / "status.json", json.dumps(status, indent=2))


def _lower_priority(pid: int, niceness: int) -> None:
    """Give a child, which leads its session, its priority, before it starts others."""
    os.setpriority(os.PRIO_PROCESS, pid, niceness)
    with contextlib.suppress(OSError):  # sched(7): where it exists, time is shared between sessions first
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness), encoding="ascii")


def _open_file(path: str, flags: int) -> int:
    """Open a log: no link, for the directory may belong to another account than this process."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _base_environment(state: StateDirectory) -> dict[str, str]:
    """Return the base environment: nothing is inherited but PATH, language and time zone."""
    inherited = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    return {"PATH": os.defpath, **inherited, "HOME": str(state.run)}
