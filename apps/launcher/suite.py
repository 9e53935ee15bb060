"""The whole test suite: linters, the audit of dependencies, and the tests in lanes that run side by side.

Each lane has an isolated system and takes groups of tests from one queue, the longest first, until none is left. The
groups of a lane run one after another: what a test does to processes and data disturbs no test of another group. The
lane that ends last runs the tests with the mark `alone`, when the systems of all other lanes have stopped.
"""

import compileall
import contextlib
import fcntl
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from xml.etree import ElementTree as ET

from apps.launcher import dependency_audit, system, toolchains
from apps.launcher.account import ROOT
from apps.launcher.errors import LaunchError
from apps.launcher.isolated_system import Run, isolated_database, isolated_system

_CLIENT_LIBRARY = "clients/python"  # its modules are found there
_CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
    ("lint-imports", "--config", f"{_CLIENT_LIBRARY}/pyproject.toml"),
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
    files: tuple[str, ...]
    marks: str


_FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py"))


def _groups(marks: str, patterns: dict[str, tuple[str, ...]]) -> list[Group]:
    """A group for each name. A file is in the first group with a pattern that matches it, else in the one without."""
    files: dict[str, list[str]] = {name: [] for name in patterns}
    rest = next(name for name, globs in patterns.items() if not globs)
    for path in _FILES:
        name = next((name for name, globs in patterns.items() if any(path.match(glob) for glob in globs)), rest)
        files[name].append(str(path))
    return [Group(name, tuple(files[name]), marks) for name in patterns]


# The longest first, so that all lanes end at about the same time: test-artefacts/*.xml has the time of each group.
# "others" is one of the first three, which get new systems: its tests of reviews see a hundred items of this week.
_STACK = _groups(
    "stack and not alone",
    {
        "auditors-and-developers": ("console/*auditors*", "console/*developers*"),
        "console": ("console/*",),
        "others": (),
        "log-delivery": ("log_delivery/*",),
        "azure-cli-go-java": ("interop/test_azure_cli*", "interop/test_go*", "interop/test_java*"),
        "programs": ("interop/*", "launcher/*"),
        "clients": ("sdk/*", "cli/*", "client_library/*"),
        "lifecycle": ("lifecycle/*",),
        "faults": ("faults/*",),
    },
)
_NO_STACK = _groups(
    "not stack",
    {
        "domain": (),
        "database-and-core": ("database/*", "core/*", "access/*", "hsm_client/*"),
        "logs-and-launcher": ("audit_*/*", "log_delivery/*", "launcher/*"),
        "hsm": ("hsm/*",),
    },
)
_MEASURING = [str(path) for path in _FILES if "mark.alone" in (ROOT / path).read_text()]
_ALONE = Group("alone", tuple(_MEASURING), "alone")


def run_all() -> int:
    """Linters, the audit of dependencies and all tests; 0 when everything is well."""
    for folder in ("apps", "vaultportal"):  # the processes of a system write no bytecode, and there are many
        compileall.compile_dir(ROOT / folder, quiet=1)
    return _run(_Lanes(_fresh_results(), [isolated_system] * 3, [*_STACK, *_NO_STACK], alone=_ALONE), _audit)


def run_fast() -> int:
    """Linters and the tests that need no running system, but for the slow ones."""
    quick = [replace(group, marks=f"{group.marks} and not slow") for group in _NO_STACK]
    return _run(_Lanes(_fresh_results(), [isolated_database] * 2, quick))


def _run(lanes: "_Lanes", audit: Callable[[], int] = lambda: 0) -> int:
    try:
        with lanes.running():
            _check()
            code = audit()
            code = lanes.wait() or code
    except KeyboardInterrupt:
        return 130
    _report(lanes.results)
    return code


class _Lanes:
    """Processes, each with an isolated system or an isolated database, that run groups of tests one after another.

    `alone`: a group for the last lane, when all others have ended.
    """

    def __init__(
        self, results: Path, isolated: Sequence[_Isolated], groups: Sequence[Group], alone: Group | None = None
    ) -> None:
        self.results = results
        self._groups, self._alone = groups, alone
        forked = multiprocessing.get_context("fork")
        self._taken, self._running = forked.Value("i", 0), forked.Value("i", len(isolated))
        self._processes = [forked.Process(target=self._run, args=(each,)) for each in isolated]

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Until the end of the block; what still runs then is stopped. Raises `KeyboardInterrupt` for SIGTERM too."""
        for process in self._processes:
            process.start()
        for number in (signal.SIGTERM, signal.SIGHUP):  # after the start: the lanes have handlers of their own
            signal.signal(number, signal.default_int_handler)
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

    def _run(self, isolated: _Isolated) -> None:
        try:
            with isolated(prefix="test") as run:
                codes = [self._run_group(run, group) for group in self._turns()]
        except LaunchError as fault:
            sys.exit(str(fault))
        except system.Stopped:
            sys.exit(130)
        finally:
            _add(self._running, -1)
        sys.exit(int(any(codes)))

    def _turns(self) -> Iterator[Group]:
        while (turn := _add(self._taken, 1) - 1) < len(self._groups):
            yield self._groups[turn]
        last = turn == len(self._groups) + len(self._processes) - 1
        if self._alone is not None and last:
            while self._running.value > 1:
                time.sleep(0.1)
            yield self._alone

    def _run_group(self, run: Run, group: Group) -> int:
        started = time.monotonic()
        report = self.results / f"{group.name}.xml"
        command = [sys.executable, "-m", "pytest", "-q", "--durations=0", f"--junitxml={report}"]
        if group.marks.startswith("not stack"):
            command += ["-W", "error::pytest.PytestUnraisableExceptionWarning"]
        with (self.results / f"{group.name}.out").open("w+b") as output:
            code = run([*command, "-m", group.marks, *group.files], output)
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
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "vaultportal.settings.test", "PYTHONPATH": _CLIENT_LIBRARY}
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
    """The slowest tests of the whole run, with their fixtures; and which clients no toolchain was there for."""
    tests = [
        (float(case.get("time", "0")), f"{case.get('classname')}::{case.get('name')}")
        for report in results.glob("*.xml")
        for case in ET.parse(report).iter("testcase")  # noqa: S314  written by our own pytest
    ]
    system.print_step(f"{len(tests)} tests; the slowest:", None)
    for seconds, name in sorted(tests, reverse=True)[:_SLOWEST]:
        system.print_step(name, seconds)
    for language, reason in toolchains.missing().items():
        system.print_step(f"not run: the tests of the {language} clients, because {reason}", None)
