"""The whole test suite: linters, the audit of dependencies, and the tests in lanes that run side by side.

Each lane has an isolated system, so what a test does to processes and data is invisible to the tests of other lanes.
A lane runs its own folders, then the groups of tests that need no running system, until none is left. A lane without
folders of its own begins with these groups: it uses the processors while the tests of the other lanes wait. The lane
whose system is the last one runs the fault tests on it, when all other lanes have ended.
"""

import compileall
import contextlib
import fcntl
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from xml.etree import ElementTree as ET

from apps.launcher import dependency_audit, system
from apps.launcher.account import ROOT
from apps.launcher.errors import LaunchError
from apps.launcher.isolated_system import Run, isolated_database, isolated_system

_CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
    ("djlint", "--check", "--lint", "templates"),
)
_FORMATTED = (  # these two tools have no check of their own; with --replace they format
    ("css-beautify", "--indent-size=2", "--end-with-newline", "static/portal.css"),
    ("js-beautify", "--indent-size=2", "--end-with-newline", "static/portal.js"),
)
_SLOWEST = 10
_Isolated = Callable[..., AbstractContextManager[Run]]


@dataclass(frozen=True)
class Group:
    """Tests that one pytest process runs."""

    name: str
    paths: tuple[str, ...]
    marks: str


def _folders(*, without: tuple[str, ...]) -> tuple[str, ...]:
    """All folders of tests but some: a new folder is in the lane of the rest."""
    found = sorted(path.name for path in (ROOT / "tests").iterdir() if any(path.glob("test_*.py")))
    return _in_tests(name for name in found if name not in without)


def _in_tests(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"tests/{name}" for name in names)


# About half of the tests that need a system each. Browsers and log delivery have no system in common: one stops
# processes that the other waits for.
_PORTALS = ("lifecycle", "console")
_LANES = (
    Group("portals", _in_tests(_PORTALS), "stack and not fault"),
    Group("interfaces", _folders(without=_PORTALS), "stack and not fault"),
)
_BOUNDARY_AND_LOG = ("hsm", "audit_log", "audit_reader", "auditor_web", "log_delivery")
_ANYWHERE = (  # about half of the others each
    Group("domain", _folders(without=_BOUNDARY_AND_LOG), "not stack"),
    Group("boundary-and-log", _in_tests(_BOUNDARY_AND_LOG), "not stack"),
)
# They measure how soon a process serves again under load: alone, so that no other test's load is in it.
_ALONE = Group("faults", _in_tests(("faults",)), "fault")


def run_all() -> int:
    """Linters, the audit of dependencies and all tests; 0 when everything is well."""
    for folder in ("apps", "vaultportal"):  # the processes of a system write no bytecode, and there are many
        compileall.compile_dir(ROOT / folder, quiet=1)
    return _run(_Lanes(_fresh_results(), own=_LANES, databases=1, anywhere=_ANYWHERE, alone=_ALONE), _audit)


def run_fast() -> int:
    """Linters and the tests that need no running system, but for the slow ones."""
    quick = [replace(group, marks=f"{group.marks} and not slow") for group in _ANYWHERE]
    return _run(_Lanes(_fresh_results(), own=(), databases=2, anywhere=quick))


def _run(lanes: "_Lanes", audit: Callable[[], int] = lambda: 0) -> int:
    with lanes.running():
        _check()
        code = audit()
        code = lanes.wait() or code
    _report(lanes.results)
    return code


class _Lanes:
    """Processes, each with an isolated system or an isolated database, that run groups of tests one after another.

    `own`: a group for each lane with a system. `databases`: the number of other lanes. `anywhere`: groups for the lane
    that is free. `alone`: a group for the last lane with a system, when all others have ended.
    """

    def __init__(
        self,
        results: Path,
        *,
        own: Sequence[Group],
        databases: int,
        anywhere: Sequence[Group],
        alone: Group | None = None,
    ) -> None:
        self.results = results
        self._anywhere, self._alone = anywhere, alone
        forked = multiprocessing.get_context("fork")
        self._taken, self._systems = forked.Value("i", 0), forked.Value("i", len(own))
        self._running = forked.Value("i", len(own) + databases)
        self._processes = [
            *(forked.Process(target=self._run, args=(isolated_system, group)) for group in own),
            *(forked.Process(target=self._run, args=(isolated_database, None)) for _ in range(databases)),
        ]

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Until the end of the block; what still runs then is stopped."""
        for process in self._processes:
            process.start()
        try:
            yield
        finally:
            for process in self._processes:
                if process.is_alive():
                    process.terminate()
            for process in self._processes:
                process.join()

    def wait(self) -> int:
        """1 when a group failed."""
        for process in self._processes:
            process.join()
        return int(any(process.exitcode for process in self._processes))

    def _run(self, isolated: _Isolated, own: Group | None) -> None:
        try:
            with isolated(prefix="test") as run:
                codes = [self._run_group(run, group) for group in self._turns(own)]
        except LaunchError as fault:
            sys.exit(str(fault))
        except system.Stopped:
            sys.exit(130)
        finally:
            _add(self._running, -1)
        sys.exit(int(any(codes)))

    def _turns(self, own: Group | None) -> Iterator[Group]:
        if own is not None:
            yield own
        while (turn := _add(self._taken, 1) - 1) < len(self._anywhere):
            yield self._anywhere[turn]
        if own is not None and self._alone is not None and _add(self._systems, -1) == 0:
            while self._running.value > 1:
                time.sleep(0.1)
            yield self._alone

    def _run_group(self, run: Run, group: Group) -> int:
        started = time.monotonic()
        report = self.results / f"{group.name}.xml"
        command = [sys.executable, "-m", "pytest", "-q", "--durations=0", f"--junitxml={report}"]
        if group in self._anywhere:
            command += ["-W", "error::pytest.PytestUnraisableExceptionWarning"]
        with (self.results / f"{group.name}.out").open("w+b") as output:
            code = run([*command, "-m", group.marks, *group.paths], output)
            output.seek(0)
            self._show(group, code, output.read(), time.monotonic() - started)
        return code

    def _show(self, group: Group, code: int, output: bytes, seconds: float) -> None:
        """All that pytest wrote when a test failed, else its last line; whole, whatever other lanes write."""
        with (self.results / "terminal").open("w") as terminal:
            fcntl.flock(terminal, fcntl.LOCK_EX)
            if code != 0:
                sys.stdout.buffer.write(output)
                sys.stdout.buffer.flush()
            last = output.strip().rpartition(b"\n")[2].decode()
            system.print_step(f"{group.name}: {last}" if code == 0 else f"{group.name}: FAILED", seconds)


def _add(number: "Synchronized[int]", change: int) -> int:
    with number.get_lock():
        number.value += change
        return number.value


def _fresh_results() -> Path:
    """Where each group's whole output and JUnit report can be read after the run."""
    directory = ROOT / "test-artefacts"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    return directory


def _check() -> None:
    """Ends the process when a linter finds a fault."""
    tools = Path(sys.executable).parent
    checks = [[str(tools / tool), *arguments] for tool, *arguments in _CHECKS]
    checks.append([sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"])
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "vaultportal.settings.test"}
    for command in checks:
        started = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        name = " ".join([Path(command[0]).name, *command[1:]])
        if done.returncode != 0:
            sys.exit(f"{done.stdout}{done.stderr}\nA fault was found by: {name}")
        system.print_step(name, time.monotonic() - started)
    for tool, *arguments in _FORMATTED:
        formatted = subprocess.run(
            [tools / tool, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        if formatted != (ROOT / arguments[-1]).read_text():
            sys.exit(f"{arguments[-1]} is not formatted. Run: {tool} --replace {' '.join(arguments)}")


def _audit() -> int:
    """1 for a package with a known vulnerability. A database that cannot be reached is reported, and fails nothing."""
    started, result = time.monotonic(), dependency_audit.audit_locks()
    for line in result.lines:
        system.print_step(line, time.monotonic() - started)
    return int(bool(result.vulnerable))


def _report(results: Path) -> None:
    """The slowest tests of the whole run, with their fixtures."""
    tests = [
        (float(case.get("time", "0")), f"{case.get('classname')}::{case.get('name')}")
        for report in results.glob("*.xml")
        for case in ET.parse(report).iter("testcase")  # noqa: S314  written by our own pytest
    ]
    system.print_step(f"{len(tests)} tests; the slowest:", None)
    for seconds, name in sorted(tests, reverse=True)[:_SLOWEST]:
        system.print_step(name, seconds)
