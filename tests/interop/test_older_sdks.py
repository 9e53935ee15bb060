"""An older minor version of each Python client: the tests of the clients, beside these packages instead of the newest."""

import os
import subprocess
import sys

import pytest

from tests.support.compatibility import locked, proves
from tests.support.program_environments import ROOT, python_environment

pytestmark = pytest.mark.stack

PACKAGES = ("azure-identity", "azure-keyvault-keys", "azure-keyvault-secrets", "azure-keyvault-certificates")
FILES = ("test_keys.py", "test_secrets.py", "test_certificates.py", "test_sign_in_by_environment.py")
_VERSIONS = "import importlib.metadata as m, sys; print(*(m.version(name) for name in sys.argv[1:]))"


def test_older_minor_versions_of_the_python_clients():
    packages = next(python_environment("older-sdks").glob("lib/python*/site-packages"))
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    versions = [locked("older-sdks", name) for name in PACKAGES]

    def output_of(*words):
        command = [sys.executable, *words]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert output_of("-c", _VERSIONS, *PACKAGES).split() == versions
    files = [f"tests/sdk/{name}" for name in FILES]
    assert " passed" in output_of("-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "stack", *files)
    named = ", ".join(
        f"{name.removeprefix('azure-')} {version}" for name, version in zip(PACKAGES, versions, strict=True)
    )
    proves("Python, an older minor version of each", named, "the tests of the newest, but for the asynchronous clients")
