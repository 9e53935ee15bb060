"""Programs that others wrote, unmodified, against the running system: JavaScript clients, a blob store, MongoDB's."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "node"


@pytest.fixture(scope="session")
def node_packages():
    """The directory with the locked packages of `node/package-lock.json`, installed once per lock."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            pytest.fail(f"{program} is missing; on Debian: sudo apt-get install nodejs npm")
    lock = (SCRIPTS / "package-lock.json").read_bytes()
    directory = Path(sys.prefix) / f".node-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not (directory / ".installed").exists():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SCRIPTS / name, directory)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=240)
        if done.returncode != 0:
            pytest.fail(f"{' '.join(command)} failed; is the package registry reachable?\n{done.stderr}")
        (directory / ".installed").touch()
    return directory


@pytest.fixture(scope="session")
def node(node_packages, stack):
    """Runs a script of `node/`. Who it is and where the vault is, it reads from the variables of `./portal env`."""
    for pattern in ("*.mjs", "*.py"):
        for file in SCRIPTS.glob(pattern):
            shutil.copy(file, node_packages)  # packages are looked for beside the script
    environment = {**os.environ, "NODE_EXTRA_CA_CERTS": stack.ca, "PYTHON": sys.executable}

    def run(script):
        command = ["node", node_packages / script]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=280, env=environment)

    return run
