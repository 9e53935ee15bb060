"""The command line as somebody at a terminal has it: a program of its own, with a home of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Terminal:
    """A home directory, and an environment with nothing of ours but what `given` says."""

    def __init__(self, home, program, **given):
        self.home, self.program = home, program
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **given}

    def run(self, *arguments, stdin="", code=0, **more):
        environment = {**self.environment, **more}
        command = [*self.program, *arguments]
        done = subprocess.run(
            command,
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
    """The program of this checkout, wherever one stands (what ./portal does)."""
    start = "import sys; sys.path.insert(0, sys.argv.pop(1)); from apps.cli.main import main; main()"
    return [sys.executable, "-P", "-c", start, str(ROOT)]


@pytest.fixture
def nobody(stack, tmp_path):
    """A terminal where nobody has signed in."""
    return Terminal(tmp_path, program(), PORTAL_URL=stack.portal_url, PORTAL_CA=stack.ca)


@pytest.fixture
def application(stack, nobody):
    """The demo's application, by its environment alone."""
    nobody.environment |= {"AZURE_CLIENT_ID": stack.client_id, "AZURE_CLIENT_SECRET": stack.client_secret}
    nobody.environment |= {"AZURE_TENANT_ID": stack.tenant, "PORTAL_VAULT": "demo-europe"}
    return nobody


@pytest.fixture
def secops(nobody):
    """A person of security operations; with a password, which demos alone allow."""
    return as_person(nobody, "SECOPS")


def as_person(terminal, role):
    terminal.environment |= {
        "PORTAL_USERNAME": os.environ[f"PORTAL_USER_{role}"],
        "PORTAL_PASSWORD": os.environ[f"PORTAL_PASSWORD_{role}"],
        "PORTAL_VAULT": "demo-europe",
    }
    return terminal
