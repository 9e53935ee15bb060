"""The official Go clients, unmodified, and the portal's Go samples as shown. They need Go (apps/launcher/toolchains.py).

The program prints `method X` for each public method of its clients and `ok X` for each that it proved, so a method that
a newer SDK brings makes the test fail until it is covered.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from apps.launcher import toolchains
from tests.support.code_samples import samples
from tests.support.compatibility import proves
from tests.support.identity_agent import make_application, running_agent
from tests.support.management import vault_name
from tests.support.program_environments import installed_once

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif("Go" in toolchains.missing(), reason=toolchains.missing().get("Go", "")),
]
MODULES = Path(__file__).parent / "go" / "go.mod"
SOURCES = sorted((Path(__file__).parent / "go").iterdir())


def build(directory, *packages):
    """Programs of a directory with our go.mod, at `bin` in it. Modules are read from the user's cache."""
    command = ["go", "build", "-trimpath", "-o", "bin/", *packages]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    return directory / "bin"


@pytest.fixture(scope="session")
def clients():
    """The program that proves the clients, compiled once for the same sources."""

    def install(directory):
        for file in SOURCES:
            (directory / file.name).write_bytes(file.read_bytes())
        build(directory, ".")

    with installed_once("go", b"".join(file.read_bytes() for file in SOURCES), install) as directory:
        return directory / "bin" / "interop"


@pytest.fixture
def run(stack, only_ours):
    """Runs a program with the variables of docs/programs.md; None takes a variable away. What it printed."""

    def run(program, *words, **more):
        ours = {"AZURE_AUTHORITY_HOST": stack.authority.replace("login.", ""), "AZURE_REGIONAL_AUTHORITY_NAME": "auth"}
        variables = {**os.environ, **only_ours, **ours, **more}
        environment = {name: value for name, value in variables.items() if value is not None}
        command = [program, *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def words_after(word, text):
    return {line.removeprefix(f"{word} ") for line in text.splitlines() if line.startswith(f"{word} ")}


def test_every_method_of_the_go_clients_is_proven(clients, run, environment):
    printed = run(clients, **environment.variables)
    methods = words_after("method", printed)
    assert methods
    assert words_after("ok", printed) == methods
    environment.check(printed)
    versions = re.findall(r"/sdk/(?:\S*/)?(az(?:identity|keys|secrets|certificates)) v(\S+)", MODULES.read_text())
    named = ", ".join(" ".join(one) for one in sorted(versions))
    proves(
        "Go `azidentity`, `azkeys`, `azsecrets`, `azcertificates`",
        named,
        "every method, and the portal's samples; sign-in by environment",
    )


def test_default_credential_of_go_signs_in_with_a_certificate(clients, run, management, stack, tmp_path):
    client_id, certificate = make_application(management, vault_name(stack.vault_url), tmp_path)
    files = {"AZURE_CLIENT_ID": client_id, "AZURE_CLIENT_CERTIFICATE_PATH": str(certificate)}
    run(clients, "signin", **files, AZURE_CLIENT_SECRET=None)
    nobody = dict.fromkeys(("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_AUTHORITY_HOST"))
    with running_agent(stack, tmp_path, client_id, certificate) as (variables, _):
        run(clients, "signin", **nobody, **variables)


def test_samples_of_the_portal_run_as_shown(run, stack, keys, secrets, certificates, tmp_path):
    for file in SOURCES:
        if file.name.startswith("go."):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    shown = samples("go", stack, keys, secrets, certificates)
    for kind, (text, _) in shown.items():
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "use.go").write_text(text)
    programs = build(tmp_path, *(f"./{kind}" for kind in shown))
    for kind, (_, expected) in shown.items():
        printed = run(programs / kind, AZURE_AUTHORITY_HOST=None, AZURE_REGIONAL_AUTHORITY_NAME=None)  # in the code
        assert expected(printed), kind
