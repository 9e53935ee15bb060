"""Vaults of one's own, made through the management API, and programs that run as one of our processes does."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import urllib3
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.secrets import SecretClient

ROOT = Path(__file__).parents[2]


class Management:
    """The management API as security operations."""

    def __init__(self, stack):
        self._stack = stack
        self._headers = urllib3.make_headers(
            basic_auth=f"{os.environ['PORTAL_USER_SECOPS']}:{os.environ['PORTAL_PASSWORD_SECOPS']}"
        ) | {"Content-Type": "application/json"}

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        url = f"{self._stack.portal_url}/api/v1/{path}"
        return self._stack.http().request(method, url, body=data, headers=self._headers)

    def vault(self, *, world="europe", production=False, **settings):
        """A new vault in which the demo's application may do everything; its URL. Guarded last: grants wait then."""
        name = f"t{uuid.uuid4().hex[:12]}"
        made = self.ask("POST", "vaults", {"name": name, "world": world, **settings})
        assert made.status == 201, made.data
        role = {"application": "demo-application", "role": "key-vault-administrator"}
        assert self.ask("POST", f"vaults/{name}/role-assignments", role).status == 201
        if production:
            assert self.ask("PATCH", f"vaults/{name}", {"production": True}).status == 200
        return self._stack.vault_url.replace(self._stack.vault_url.split(".")[0], f"https://{name}")


@pytest.fixture(scope="session")
def management(stack):
    return Management(stack)


@pytest.fixture(scope="session")
def credential(stack):
    return stack.credential(ClientSecretCredential)


@pytest.fixture
def keys_of(credential):
    return lambda url: KeyClient(url, credential)


@pytest.fixture
def secrets_of(credential):
    return lambda url: SecretClient(url, credential)


@pytest.fixture
def name():
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def as_scheduler(stack):
    """Run a program as the job worker runs: its settings, and its database role."""

    def run(program, *arguments):
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "vaultportal.settings.scheduler",
            "DATABASE_URL": os.environ["JOBS_DATABASE_URL"],
        }
        prelude = "import django, sys; django.setup()\n"
        return subprocess.Popen(
            [sys.executable, "-c", prelude + program, *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


@pytest.fixture
def finished():
    def wait(process):
        output, errors = process.communicate(timeout=280)
        assert process.returncode == 0, errors
        return output

    return wait


@pytest.fixture
def owner():
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        yield connection
