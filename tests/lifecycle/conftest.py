"""Vaults of one's own, made through the management API, and programs that run as one of our processes does."""

import functools
import json
import os
import uuid

import psycopg
import pytest
import urllib3
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.secrets import SecretClient

from tests.support import programs

# The scheduler's work at a time: so many days from now, or now.
SWEEP = """
from datetime import timedelta
from apps.core.clock import now
from apps.workers.scheduler.maintenance import sweep
sweep(now=now() + timedelta(days=float((sys.argv[1:] or [0])[0])))
"""


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

    return functools.partial(programs.output_of, settings="scheduler", role="JOBS")


@pytest.fixture
def owner():
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        yield connection
