"""The command line in a terminal: a separate process with its own home directory."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.support import forked_command_line

ROOT = Path(__file__).parents[2]


class Terminal:
    """A home directory, and an environment that contains only the given variables."""

    def __init__(self, home, program, **variables):
        self.home, self.program = home, program
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **variables}

    def run(self, *arguments, stdin="", code=0, **more):
        environment = {**self.environment, **more}
        for_python = any(variable.startswith("PYTHON") for variable in more)  # read at the start of an interpreter
        if self.program == program() and not for_python:
            done = forked_command_line.run(arguments, cwd=self.home, environment=environment, stdin=stdin, seconds=120)
        else:
            done = subprocess.run(
                [*self.program, *arguments],
                cwd=self.home,
                env=environment,
                input=stdin,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
        assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments, **more):
        return json.loads(self.run(*arguments, "--json", **more).stdout)

    @property
    def profile(self):
        return self.home / ".config" / "vaultportal" / "default.json"


def program():
    """The command line of this checkout, from any directory (as ./portal starts it)."""
    start = "import sys; sys.path.insert(0, sys.argv.pop(1)); from apps.cli.main import main; main()"
    return [sys.executable, "-P", "-c", start, str(ROOT)]


@pytest.fixture
def name():
    return f"cli-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def signed_out(stack, tmp_path):
    """A terminal without a sign-in."""
    return Terminal(tmp_path, program(), PORTAL_URL=stack.portal_url, PORTAL_CA=stack.ca)


@pytest.fixture
def application(stack, signed_out):
    """The demo's application, signed in with environment variables."""
    signed_out.environment |= {"AZURE_CLIENT_ID": stack.client_id, "AZURE_CLIENT_SECRET": stack.client_secret}
    signed_out.environment |= {"AZURE_TENANT_ID": stack.tenant, "PORTAL_VAULT": "demo-europe"}
    return signed_out


@pytest.fixture
def secops(signed_out):
    """A person of security operations, with a password (demos only)."""
    return as_person(signed_out, "SECOPS")


@pytest.fixture
def developer(signed_out):
    return as_person(signed_out, "DEVELOPER")


@pytest.fixture(scope="session")
def developers_vault(stack, tmp_path_factory):
    """One test vault for all tests: a person can have five."""
    terminal = Terminal(tmp_path_factory.mktemp("home"), program(), PORTAL_URL=stack.portal_url, PORTAL_CA=stack.ca)
    developer, name = as_person(terminal, "DEVELOPER"), f"t{uuid.uuid4().hex[:10]}"
    created = developer.json("vault", "create", name, "--test", "--world", "europe")
    assert created["name"] == name
    assert name in [row["name"] for row in developer.json("vault", "list")]
    return name


@pytest.fixture
def own_vault(developer, developers_vault):
    """The developer, with their test vault as the default vault."""
    developer.environment["PORTAL_VAULT"] = developers_vault
    return developer


@pytest.fixture
def auditor(signed_out):
    return as_person(signed_out, "AUDITOR")


def as_application(created):
    """The environment that signs in as an application that was just created."""
    credential = {"AZURE_CLIENT_ID": created["client_id"], "AZURE_CLIENT_SECRET": created["client_secret"]}
    return {**credential, "PORTAL_USERNAME": ""}


def as_person(terminal, role):
    terminal.environment |= {
        "PORTAL_USERNAME": os.environ[f"PORTAL_USER_{role}"],
        "PORTAL_PASSWORD": os.environ[f"PORTAL_PASSWORD_{role}"],
        "PORTAL_VAULT": "demo-europe",
    }
    if address := os.environ.get("PORTAL_AUDIT_URL"):
        terminal.environment["PORTAL_AUDIT_URL"] = address
    return terminal
