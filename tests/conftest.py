"""The stage: a database of one's own for rows, and the running system (`./portal test` starts it) for the rest."""

import fcntl
import hashlib
import io
import os
import shutil
import ssl
import subprocess
import sys
import threading
import urllib.request
import uuid
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
import pytest
import urllib3
from azure.identity import ClientSecretCredential
from azure.keyvault.certificates import CertificateClient
from azure.keyvault.keys import KeyClient
from azure.keyvault.secrets import SecretClient

from tests.support.lane import lane  # noqa: F401  a fixture of all tests
from tests.support.management import Management
from tests.support.own_token import hsm, token  # noqa: F401  the same

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Stack:
    """The running system, as a client sees it."""

    vault_url: str
    vault2_url: str
    portal_url: str
    authority: str
    tenant: str
    ca: str
    client_id: str
    client_secret: str
    stranger_id: str
    stranger_secret: str

    def token(self, *, stranger=False):
        """An access token of the demo application, or of the stranger."""
        resource = "https://" + self.vault_url.split(".", 1)[1]
        fields = {
            "grant_type": "client_credentials",
            "client_id": self.stranger_id if stranger else self.client_id,
            "client_secret": self.stranger_secret if stranger else self.client_secret,
            "scope": f"{resource}/.default",
        }
        answer = self.http().request(
            "POST", f"{self.authority}/{self.tenant}/oauth2/v2.0/token", fields=fields, encode_multipart=False
        )
        assert answer.status == 200, answer.data
        return answer.json()["access_token"]

    def http(self):
        return urllib3.PoolManager(ca_certs=self.ca, retries=False, timeout=70)

    def healthy(self):
        context = ssl.create_default_context(cafile=self.ca)
        try:
            with urllib.request.urlopen(f"{self.portal_url}/health", timeout=3, context=context) as answer:
                return answer.status == 200
        except OSError:
            return False

    def credential(self, kind, *, stranger=False):
        """A credential of azure-identity (`kind`: its sync or async ClientSecretCredential class)."""
        return kind(
            self.tenant,
            self.stranger_id if stranger else self.client_id,
            self.stranger_secret if stranger else self.client_secret,
            authority=self.authority,
            **({} if "aio" in kind.__module__ else {"disable_instance_discovery": True}),
        )

    def sdk(self, kind, url=None, *, stranger=False):
        """A client of the official SDK (`kind`: its class), for the demo's vault unless another is given."""
        credential = self.credential(ClientSecretCredential, stranger=stranger)
        return kind(url or self.vault_url, credential, connection_verify=self.ca)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """What asks for the running system is known by it: `-m "not stack"` is the fast part."""
    for item in items:
        if "stack" in item.fixturenames:
            item.add_marker(pytest.mark.stack)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(call):
    """Native tracebacks begin at the first frame of this repository, not at pytest's own."""
    if call.excinfo is not None:
        first = call.excinfo.tb
        while first is not None and not first.tb_frame.f_code.co_filename.startswith(str(HERE)):
            first = first.tb_next
        if first is not None:
            error = call.excinfo.value
            call.excinfo = pytest.ExceptionInfo.from_exc_info((type(error), error.with_traceback(first), first))


@pytest.fixture(scope="session")
def stack():
    """The running system. Tests that need it are started by `./portal test`."""
    names = {
        "vault_url": "VAULT_URL",
        "vault2_url": "VAULT2_URL",
        "portal_url": "PORTAL_URL",
        "authority": "PORTAL_AUTHORITY",
        "tenant": "AZURE_TENANT_ID",
        "ca": "PORTAL_CA",
        "client_id": "AZURE_CLIENT_ID",
        "client_secret": "AZURE_CLIENT_SECRET",
        "stranger_id": "PORTAL_STRANGER_CLIENT_ID",
        "stranger_secret": "PORTAL_STRANGER_CLIENT_SECRET",
    }
    missing = [name for name in names.values() if name not in os.environ]
    if missing:
        pytest.fail(f"run through ./portal test: {', '.join(missing)} is not set")
    return Stack(**{field: os.environ[name] for field, name in names.items()})


@pytest.fixture(scope="session")
def management(stack):
    """The management API as security operations."""
    return Management(stack)


@pytest.fixture(scope="session")
def credential(stack):
    return stack.credential(ClientSecretCredential)


@pytest.fixture(scope="session")
def keys(stack):
    with stack.sdk(KeyClient) as client:
        yield client


@pytest.fixture(scope="session")
def secrets(stack):
    with stack.sdk(SecretClient) as client:
        yield client


@pytest.fixture(scope="session")
def certificates(stack):
    with stack.sdk(CertificateClient) as client:
        yield client


@pytest.fixture
def name():
    """A name that no other test has, good for a vault too."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def owner():
    """The running system's database as the owner of its tables."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def node_packages():
    """The directory with the locked packages of `interop/node/package-lock.json`, installed once per lock."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            pytest.fail(f"{program} is missing; on Debian: sudo apt-get install nodejs npm")
    scripts = HERE / "interop" / "node"
    lock = (scripts / "package-lock.json").read_bytes()
    directory = Path(sys.prefix) / f".node-{hashlib.sha256(lock).hexdigest()[:16]}"
    with directory.with_suffix(".lock").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)  # another lane of tests may need them at the same time
        if not (directory / ".installed").exists():
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(scripts / name, directory)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
            done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=240)
            if done.returncode != 0:
                pytest.fail(f"{' '.join(command)} failed; is the package registry reachable?\n{done.stderr}")
            (directory / ".installed").touch()
    return directory


# Each table, and the tables that refer to it: PostgreSQL truncates those only together.
_REFERENCES = "SELECT confrelid::regclass::text, conrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"


def _truncate_used_tables(connection, _style, tables, **_options):
    """The statement after a test that commits: tables without rows stay as they are, which takes a tenth of the time.

    So do the content types and permissions of the migrations.
    """
    emptied = set(tables) - {"django_content_type", "auth_permission"}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in emptied))
        used = {table for (table,) in cursor.fetchall()}
        cursor.execute(_REFERENCES)
        references = cursor.fetchall()
    while more := {referring for referred, referring in references if referred in used} - used:
        used |= more
    return [f"TRUNCATE {', '.join(sorted(used))}"] if used else []


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The test database has the roles' privileges and the guards, as every installation has.

    What threads and clients of this process keep open must not outlive the test database, nor the process.
    """
    from django.core.management import call_command
    from django.core.management.commands import flush
    from django.db import connection

    flush.emit_post_migrate_signal = lambda *_arguments, **_options: None  # it creates what was not deleted
    with django_db_blocker.unblock():
        call_command("apply_privileges", verbosity=0, stdout=io.StringIO())
        connection.ops.sql_flush = partial(_truncate_used_tables, connection)
    yield

    from apps.audit_reader.decryption import audit_lane

    if audit_lane.cache_info().currsize:
        audit_lane().close()
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session", autouse=True)
def _counts_when_asked():
    """The thread of this process that writes counts would write a test's outside of the test's transaction."""
    from apps.usage import counters

    counters.FLUSH_SECONDS = threading.TIMEOUT_MAX


@pytest.fixture(autouse=True)
def _no_memory():
    """Each test starts without what an earlier one left in the caches; and what it used is not counted after it."""
    yield
    from apps.core.leased_cache import LeasedCache
    from apps.core.ttl_cache import TtlCache
    from apps.usage import counters

    counters.clear()
    for cache in (*LeasedCache.all(), *TtlCache.all()):
        cache.clear()


@pytest.fixture
def a_second_later():
    """Call it instead of waiting a second: what the caches of this process keep is older then."""
    from apps.core.leased_cache import LeasedCache

    def pass_second():
        for cache in LeasedCache.all():
            for key, (loaded, value) in cache._entries.items():
                cache._entries.put(key, (loaded - 1, value))

    return pass_second


@pytest.fixture
def vault(db):
    from tests.support import actors

    return actors.make_vault(actors.make_world(), "payroll")


@pytest.fixture
def people(vault):
    from tests.support import actors

    return actors.assemble(vault)
