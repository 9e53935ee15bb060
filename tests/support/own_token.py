"""A token of the tests' own, and the HSM boundary over it, without Django.

A process initialises its PKCS#11 library once, so there is one `Hsm` for all tests; what needs a fresh one runs in a
process of its own (`run_alone`).
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from apps.hsm.api import Hsm
from apps.hsm.types import ModuleConfig

ROOT = Path(__file__).parents[2]


@cache
def module_path():
    """The library of SoftHSM, which distributions put at different places."""
    return next(Path("/usr/lib").rglob("libsofthsm2.so"), Path("install-softhsm2"))


@dataclass(frozen=True)
class Token:
    directory: Path

    @property
    def config(self):
        return ModuleConfig(module=module_path(), token_label="vp-tests", pin_file=self.directory / "pin")

    @property
    def environment(self):
        return {"SOFTHSM2_CONF": str(self.directory / "softhsm.conf"), "PATH": os.defpath, "PYTHONPATH": str(ROOT)}

    def run_alone(self, program, *arguments):
        """The lines that a program in a process of its own writes, which has `config` at hand."""
        done = subprocess.run(
            [sys.executable, "-c", PRELUDE + program, str(module_path()), str(self.directory), *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


PRELUDE = """
import sys, pathlib, pickle
from apps.hsm.api import Hsm
from apps.hsm.types import *
from apps.hsm import errors
directory = pathlib.Path(sys.argv[2])
config = ModuleConfig(pathlib.Path(sys.argv[1]), "vp-tests", directory / "pin")
"""


def make_token(directory):
    (directory / "tokens").mkdir()
    (directory / "softhsm.conf").write_text(f"directories.tokendir = {directory}/tokens\nobjectstore.backend = file\n")
    (directory / "pin").write_text("1234-5678-a-long-pin")
    token = Token(directory)
    command = ["softhsm2-util", "--init-token", "--free", "--label", "vp-tests", "--so-pin", "87654321"]
    subprocess.run([*command, "--pin", "1234-5678-a-long-pin"], env=token.environment, check=True, capture_output=True)
    return token


@pytest.fixture(scope="session")
def token(tmp_path_factory):
    return make_token(tmp_path_factory.mktemp("token"))


@pytest.fixture(scope="session")
def hsm(token):
    os.environ["SOFTHSM2_CONF"] = token.environment["SOFTHSM2_CONF"]
    hsm = Hsm.open(token.config)
    hsm.load_world(hsm.create_masters(world="tests", generation=1))
    yield hsm
    hsm.close()
