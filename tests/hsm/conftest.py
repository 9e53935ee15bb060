"""A token of one's own. No Django here: the boundary is plain Python.

A process initialises its PKCS#11 library once, so there is one `Hsm` for all tests; what needs a fresh one runs in a
process of its own (`run_alone`).
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from apps.hsm.api import Hsm
from apps.hsm.types import Binding, Custody, KeyType, ModuleConfig

ROOT = Path(__file__).parents[2]
MODULE = next((path for path in Path("/usr/lib").rglob("libsofthsm2.so")), Path("install-softhsm2"))


@dataclass(frozen=True)
class Token:
    directory: Path

    @property
    def config(self):
        return ModuleConfig(module=MODULE, token_label="vp-tests", pin_file=self.directory / "pin")

    @property
    def environment(self):
        return {"SOFTHSM2_CONF": str(self.directory / "softhsm.conf"), "PATH": os.defpath, "PYTHONPATH": str(ROOT)}

    def run_alone(self, program, *arguments):
        """The lines that a program in a process of its own writes, which has `config` at hand."""
        done = subprocess.run(
            [sys.executable, "-c", PRELUDE + program, str(MODULE), str(self.directory), *arguments],
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


@pytest.fixture
def fresh_token(tmp_path):
    return make_token(tmp_path)


@pytest.fixture(scope="session")
def hsm(token):
    os.environ["SOFTHSM2_CONF"] = token.environment["SOFTHSM2_CONF"]
    hsm = Hsm.open(token.config)
    hsm.load_world(hsm.create_masters(world="tests", generation=1))
    yield hsm
    hsm.close()


OPERATIONS = {
    KeyType.RSA: ("decrypt", "encrypt", "sign", "unwrapKey", "verify", "wrapKey"),
    KeyType.EC: ("sign", "verify"),
    KeyType.OCT: ("seal",),
    KeyType.OKP: ("sign", "verify"),
    KeyType.AKP: ("sign", "unwrapKey", "verify", "wrapKey"),
}


def binding(custody=Custody.WRAPPED, key_type=KeyType.RSA, parameter="2048", **changes):
    facts = {
        "world": "tests",
        "generation": 1,
        "custody": custody,
        "vault": "ab" * 16,
        "name": "key",
        "version": "cd" * 16,
        "key_type": key_type,
        "parameter": parameter,
        "operations": OPERATIONS[key_type],
    }
    return Binding(**(facts | changes))


@pytest.fixture(scope="session")
def vault_key(hsm):
    return hsm.generate(binding(key_type=KeyType.OCT, parameter="256", name="vault-key"))


@pytest.fixture(scope="session")
def make(hsm, vault_key):
    """Makes and remembers one key per kind: RSA takes time."""
    made = {}

    def key(custody, key_type, parameter):
        kind = (custody, key_type, parameter)
        if kind not in made:
            made[kind] = hsm.generate(binding(*kind), vault_key=vault_key)
        return made[kind]

    return key


def pytest_collection_modifyitems(items):
    for item in items:
        if "/tests/hsm/" in str(item.path):
            item.add_marker(pytest.mark.hsm)
