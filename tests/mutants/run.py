"""Mutation check: seeds one fault at a time and tells whether the tests detect it. Run by hand, never by pytest.

    .venv/bin/python -m tests.mutants.run                 all faults
    .venv/bin/python -m tests.mutants.run --fast          those whose tests need no running system
    .venv/bin/python -m tests.mutants.run NAME [NAME ...]

`mutants.toml` lists the faults: one line of code each, and the tests of which at least one must fail with it. Each
selection of tests is first run without a fault. The faults are seeded in a copy of the tracked files, so the checkout
stays as it is. Exit status 1 when a fault was not detected.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTEST = (sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider")
FAST = ("-m", "not stack", "--reuse-db")  # one test database for all runs
CREATE = "--create-db"
FAILED = 1  # pytest's exit code for a failed test; another one means that the tests did not run


@dataclass(frozen=True)
class Mutant:
    """A fault: `old` is once in `file` and becomes `new`."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    stack: bool = False  # the tests need a running system, which runs the faulty code

    @contextmanager
    def seeded(self):
        """The fault is in the file during the block."""
        path = ROOT / self.file
        source, status = path.read_text(), path.stat()
        if source.count(self.old) != 1:
            sys.exit(f"{self.name}: the line is {source.count(self.old)} times in {self.file}. Correct mutants.toml.")
        path.write_text(source.replace(self.old, self.new))
        try:
            yield
        finally:
            path.write_text(source)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # so that its old bytecode is valid again


def main():
    """Run in a copy of the checkout, then in that copy do the work."""
    if "--here" not in sys.argv:
        sys.exit(run_in_copy(sys.argv[1:]))
    mutants = chosen(set(sys.argv[1:]) - {"--here"})
    survivors = [*undetected_beside_database(mutants), *undetected_beside_systems(mutants)]
    print(f"{len(mutants) - len(survivors)} of {len(mutants)} faults detected", *survivors, sep="\n  not detected: ")
    sys.exit(bool(survivors))


def run_in_copy(arguments):
    with tempfile.TemporaryDirectory(prefix="vaultportal-mutants-") as directory:
        copy = Path(directory)
        copy.chmod(0o755)  # PostgreSQL may run as another account
        for name in subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
        command = [sys.executable, "-m", "tests.mutants.run", "--here", *arguments]
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "vaultportal.settings.launcher", "PYTHONPATH": directory}
        return subprocess.run(command, cwd=copy, env=environment, check=False).returncode


def chosen(arguments):
    rows = tomllib.loads(Path(__file__).with_name("mutants.toml").read_text())["mutant"]
    mutants = [Mutant(**{**row, "tests": tuple(row["tests"])}) for row in rows]
    if arguments == {"--fast"}:
        return [mutant for mutant in mutants if not mutant.stack]
    unknown = arguments - {mutant.name for mutant in mutants}
    if unknown:
        sys.exit(f"There is no fault {', '.join(sorted(unknown))} in mutants.toml.")
    return [mutant for mutant in mutants if not arguments or mutant.name in arguments]


def undetected_beside_database(mutants):
    """Names of the faults that tests beside one throw-away database do not detect."""
    from apps.launcher.isolated_system import isolated_database

    groups = by_tests(mutant for mutant in mutants if not mutant.stack)
    if not groups:
        return
    with isolated_database(prefix="mutants") as run:
        anew: tuple[str, ...] = ()  # an option for a test database that an earlier fault made
        for tests, group in groups.items():
            check_sound(run, (*FAST, *anew, *tests))
            anew = ()
            for mutant in group:
                anew = (CREATE,) if anew or "/migrations/" in mutant.file else ()
                with mutant.seeded():
                    detected = fails(run, (*FAST, *anew, *tests))
                if not report(mutant, detected=detected):
                    yield mutant.name


def undetected_beside_systems(mutants):
    """The same for faults that a running system must have: one system each, started with the fault."""
    from apps.launcher.isolated_system import isolated_system

    for tests, group in by_tests(mutant for mutant in mutants if mutant.stack).items():
        with isolated_system(prefix="mutants") as run:
            check_sound(run, tests)
        for mutant in group:
            with mutant.seeded(), isolated_system(prefix="mutants") as run:
                detected = fails(run, tests)
            if not report(mutant, detected=detected):
                yield mutant.name


def by_tests(mutants):
    groups = defaultdict(list)
    for mutant in mutants:
        groups[mutant.tests].append(mutant)
    return groups


def check_sound(run, tests):
    """End the program unless the tests pass without a fault."""
    with tempfile.TemporaryFile() as output:
        if fails(run, tests, output):
            output.seek(0)
            sys.stdout.buffer.write(output.read())
            sys.exit(f"These tests fail without a fault: {' '.join(tests)}")


def fails(run, tests, output=subprocess.DEVNULL):
    code = run([*PYTEST, *tests], output)
    if code not in {0, FAILED}:
        sys.exit(f"pytest ended with exit code {code}: {' '.join(tests)}")
    return code == FAILED


def report(mutant, *, detected):
    print(f"{'detected' if detected else 'NOT DETECTED':13} {mutant.name}", flush=True)
    return detected


if __name__ == "__main__":
    main()
