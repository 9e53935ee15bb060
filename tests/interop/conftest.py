"""Programs that others wrote, unmodified, against the running system: clients, command lines, a blob store, MongoDB's."""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.attestation_issuer import Environment, trusted_issuer
from tests.support.azure_cli import AzureCli
from tests.support.forwarding_proxy import ForwardingProxy
from tests.support.program_environments import python_environment

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


@pytest.fixture
def only_ours():
    """Variables with which a program reaches our hosts alone. It fails the test when the program asks for another."""
    with ForwardingProxy() as proxy:
        yield {"HTTPS_PROXY": proxy.url, "HTTP_PROXY": proxy.url, "NO_PROXY": "127.0.0.1"}
        assert not proxy.refused


@pytest.fixture(scope="session")
def programs():
    """Where the programs `bao` and `sops` are, and a Python with `pydantic-settings`."""
    return python_environment("programs") / "bin"


@pytest.fixture(scope="session")
def azure_cli():
    """Where `az` is."""
    return python_environment("azure-cli") / "bin"


@pytest.fixture(scope="session")
def ansible():
    """Where `ansible-playbook` is."""
    return python_environment("ansible") / "bin"


@pytest.fixture(scope="session")
def az(azure_cli, stack, tmp_path_factory):
    """Azure CLI, signed in as the demo's application; a function of the words of a command."""
    directory = tmp_path_factory.mktemp("azure")
    with ForwardingProxy() as proxy:
        with AzureCli(azure_cli / "python", stack, directory, {"HTTPS_PROXY": proxy.url}) as cli:
            cli.sign_in()
            yield cli
        assert not proxy.refused


@pytest.fixture(scope="session")
def issuer(stack):
    """An attestation issuer that is trusted."""
    with trusted_issuer(stack) as made:
        yield made


@pytest.fixture(scope="session")
def environment(issuer):
    """An attested environment, to which programs release keys."""
    return Environment(issuer)
