"""The whole test suite: linters, and the tests in lanes that run side by side.

Each lane has an isolated system, so what a test does to processes and data is invisible to the tests of other lanes.
A lane runs its own folders, then the groups of tests that need no running system, until none is left. A lane without
folders of its own begins with these groups: it uses the processors while the tests of the other lanes wait.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from apps.launcher import system
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
    return tuple(f"tests/{name}" for name in found if name not in without)


# About half of the tests that need a system each.
_PORTALS = ("tests/auditor_web", "tests/lifecycle", "tests/console")
_LANES = (
    Group("portals", _PORTALS, "stack and not fault"),
    Group("interfaces", _folders(without=("auditor_web", "console", "lifecycle")), "stack and not fault"),
)
_ANYWHERE = (
    Group("boundary", ("tests/hsm",), "not stack"),
    Group("domain", _folders(without=("hsm",)), "not stack"),
)
# They measure how soon a process serves again under load: alone, so that no other test's load is in it.
_ALONE = Group("faults", ("tests/faults",), "fault")


def run_all() -> int:
    """Linters and all tests; 0 when everything is well."""
    for folder in ("apps", "vaultportal"):  # the processes of a system write no bytecode, and there are many
        compileall.compile_dir(ROOT / folder, quiet=1)
    results = _fresh_results()
    own = [(isolated_system, (group,)) for group in _LANES]
    lanes = _Lanes(results, [*own, (isolated_database, ())], _ANYWHERE)
    with lanes.running():
        _check()
        code = lanes.wait()
    alone = _Lanes(results, [(isolated_system, (_ALONE,))], ())
    with alone.running():
        code = alone.wait() or code
    _report(results)
    return code


def run_fast() -> int:
    """Linters and the tests that need no running system."""
    results = _fresh_results()
    lanes = _Lanes(results, [(isolated_database, ())] * 2, _ANYWHERE)
    with lanes.running():
        _check()
        code = lanes.wait()
    _report(results)
    return code


class _Lanes:
    """Processes, each with an isolated system, that run groups of tests one after another."""

    def __init__(
        self, results: Path, lanes: Sequence[tuple[_Isolated, Sequence[Group]]], anywhere: Sequence[Group]
    ) -> None:
        self._results, self._anywhere = results, anywhere
        forked = multiprocessing.get_context("fork")
        self._taken = forked.Value("i", 0)
        self._processes = [forked.Process(target=self._run, args=lane) for lane in lanes]

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

    def _run(self, isolated: _Isolated, groups: Sequence[Group]) -> None:
        try:
            with isolated(prefix="test") as run:
                codes = [self._run_group(run, group) for group in self._turns(groups)]
        except LaunchError as fault:
            sys.exit(str(fault))
        except system.Stopped:
            sys.exit(130)
        sys.exit(int(any(codes)))

    def _turns(self, groups: Sequence[Group]) -> Iterator[Group]:
        yield from groups
        while True:
            with self._taken.get_lock():
                number = self._taken.value
                self._taken.value += 1
            if number >= len(self._anywhere):
                return
            yield self._anywhere[number]

    def _run_group(self, run: Run, group: Group) -> int:
        started = time.monotonic()
        report = self._results / f"{group.name}.xml"
        command = [sys.executable, "-m", "pytest", "-q", "--durations=0", f"--junitxml={report}"]
        if group in _ANYWHERE:
            command += ["-W", "error::pytest.PytestUnraisableExceptionWarning"]
        with (self._results / f"{group.name}.out").open("w+b") as output:
            code = run([*command, "-m", group.marks, *group.paths], output)
            output.seek(0)
            self._show(group, code, output.read(), time.monotonic() - started)
        return code

    def _show(self, group: Group, code: int, output: bytes, seconds: float) -> None:
        """All that pytest wrote when a test failed, else its last line; whole, whatever other lanes write."""
        with (self._results / "terminal").open("w") as terminal:
            fcntl.flock(terminal, fcntl.LOCK_EX)
            if code != 0:
                sys.stdout.buffer.write(output)
                sys.stdout.buffer.flush()
            last = output.strip().rpartition(b"\n")[2].decode()
            system.print_step(f"{group.name}: {last}" if code == 0 else f"{group.name}: FAILED", seconds)


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
