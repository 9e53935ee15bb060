"""Programs that others wrote, unmodified, against the running system: JavaScript clients, a blob store, MongoDB's."""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "node"


@pytest.fixture(scope="session")
def start_script(node_packages, stack, tmp_path_factory):
    """Starts a script of `node/`. Who it is and where the vault is, it reads from the variables of `./portal env`.

    Further variables are added; None takes one away.
    """
    for pattern in ("*.mjs", "*.py"):
        for file in SCRIPTS.glob(pattern):
            shutil.copy(file, node_packages)  # packages are looked for beside the script
    environment = {**os.environ, "NODE_EXTRA_CA_CERTS": stack.ca, "PYTHON": sys.executable}
    started = []

    def start(script, **more):
        variables = {name: value for name, value in {**environment, **more}.items() if value is not None}
        output = tmp_path_factory.mktemp(script)
        with (output / "stdout").open("w") as out, (output / "stderr").open("w") as err:
            started.append(subprocess.Popen(["node", node_packages / script], stdout=out, stderr=err, env=variables))
        return started[-1], output

    yield start
    for program in started:
        with contextlib.suppress(ProcessLookupError):
            program.kill()
        program.wait()
