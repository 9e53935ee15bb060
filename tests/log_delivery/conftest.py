"""Storage of owners, real and over TLS: S3 (moto's server), Azurite, rsyslogd, a webhook, a directory."""

import base64
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psycopg
import pytest
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.secrets import SecretClient

from tests.support import programs
from tests.support.certificate_authority import Authority
from tests.support.https_server import Handler, HttpsServer
from tests.support.immutable_container import Immutable
from tests.support.management import Management, vault_name
from tests.support.processes import free_port, in_transaction, pid_of, server_program
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def s3(authority, tmp_path_factory):
    """moto's S3 over TLS: (endpoint, boto3 client)."""
    import boto3
    from botocore.config import Config

    port, (certificate, key) = free_port(), authority.issue("s3")
    command = [Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(port)]
    command += ["-c", str(certificate), "-k", str(key)]
    with server_program(command, tmp_path_factory.mktemp("s3") / "log", port):
        endpoint = f"https://localhost:{port}"
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            verify=str(authority.file),
            region_name="us-east-1",
            aws_access_key_id="tests",
            aws_secret_access_key="tests",
            config=Config(s3={"addressing_style": "path"}),
        )
        client.create_bucket(Bucket="usage-logs")
        yield endpoint, client


@pytest.fixture(scope="session")
def azurite(authority, node_packages, tmp_path_factory):
    """A blob store over TLS: (account url, account key, client of its container)."""
    from azure.storage.blob import ContainerClient

    directory, port, (certificate, key) = tmp_path_factory.mktemp("azurite"), free_port(), authority.issue("blob")
    account_key = base64.b64encode(secrets.token_bytes(64)).decode()
    command = [node_packages / "node_modules/.bin/azurite-blob", "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    command += ["--cert", str(certificate), "--key", str(key)]
    environment = {**os.environ, "AZURITE_ACCOUNTS": f"owner:{account_key}"}
    with server_program(command, directory / "log", port, cwd=directory, env=environment):
        url = f"https://localhost:{port}/owner"
        credential = {"account_name": "owner", "account_key": account_key}
        with ContainerClient(url, "usage-logs", credential, connection_verify=str(authority.file)) as container:
            container.create_container()
            yield url, account_key, container


@pytest.fixture
def immutable(authority, azurite):
    made = Immutable(authority, azurite)
    yield made
    made.close()


@pytest.fixture(scope="session")
def syslog(authority, tmp_path_factory):
    """rsyslogd over TLS that wants client certificates: (port, the file that it writes, client's files)."""
    directory, port, (certificate, key) = tmp_path_factory.mktemp("syslog"), free_port(), authority.issue("syslog")
    received = directory / "received"
    configuration = directory / "rsyslog.conf"
    configuration.write_text(f"""
global(workDirectory="{directory}" maxMessageSize="1m"
       defaultNetstreamDriverCAFile="{authority.file}"
       defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid")
input(type="imtcp" port="{port}" address="127.0.0.1")
template(name="whole" type="string" string="%APP-NAME% %PROCID% %MSGID% %TIMESTAMP:::date-rfc3339% %msg%\\n")
action(type="omfile" file="{received}" template="whole" asyncWriting="off")
""")
    command = ["/usr/sbin/rsyslogd", "-n", "-f", str(configuration), "-i", str(directory / "pid")]
    with server_program(command, directory / "log", port):
        yield port, received, authority.issue("client")


class Hook:
    """A webhook's receiver: keeps what comes; answers with `status`, or what `answer` says."""

    def __init__(self, authority):
        self.received, self.status, self.location = [], 204, ""
        self.meanwhile = lambda name: None  # what happens between an object's arrival and the answer
        hook = self

        class Receiver(Handler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.received.append((dict(self.headers), body))
                hook.meanwhile(self.headers["X-Vault-Portal-Object"])
                self.answer(hook.status, headers={"Location": hook.location} if hook.location else {})

        self._server = HttpsServer(Receiver, *authority.issue("hook"))
        self.url = f"https://localhost:{self._server.port}/logs"
        self.secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
        self.settings = {"url": self.url, "ca_pem": authority.pem, "secret": self.secret}  # of a log destination
        self.close = self._server.close


@pytest.fixture
def hook(authority):
    hook = Hook(authority)
    yield hook
    hook.close()


class Owned:
    """A vault of the running system, with its log's destination."""

    def __init__(self, management, stack):
        self.management = management
        self.url = management.vault()
        self.name = vault_name(self.url)
        credential = stack.credential(ClientSecretCredential)
        self.keys, self.secrets = KeyClient(self.url, credential), SecretClient(self.url, credential)
        self.path = f"vaults/{self.name}/log-destination"

    def use(self, count=5):
        """Leave some records."""
        self.secrets.set_secret("used", "v")
        for _ in range(count):
            self.secrets.get_secret("used")

    def deliver_to(self, kind, settings, **more):
        answer = self.management.ask("PUT", self.path, {"kind": kind, "settings": settings, **more})
        assert answer.status == 200, answer.data
        return answer.json()

    def read_status(self):
        def answered():
            """None while a process finds out that its database was restarted."""
            answer = self.management.ask("GET", self.path)
            return answer if answer.status != 503 else None

        answer = wait_until(answered, "an answer", pause=0.2)
        assert answer.status == 200, answer.data
        return answer.json()

    def size(self):
        with psycopg.connect(os.environ["AUDITOR_DATABASE_URL"]) as connection:
            row = connection.execute("SELECT size FROM audit_log WHERE log_id = %s", [self.id]).fetchone()
            return row[0] if row else 0

    @property
    def id(self):
        with psycopg.connect(os.environ["AUDITOR_DATABASE_URL"]) as connection:
            return str(connection.execute("SELECT id FROM vaults_vault WHERE name = %s", [self.name]).fetchone()[0])

    def settle(self):
        """Until each record of the log has its number: within a second, where nobody else wants the processor."""
        query = (
            "SELECT NOT EXISTS (SELECT FROM audit_event e WHERE log_id = %s "
            "AND NOT EXISTS (SELECT FROM audit_leaf l WHERE l.event_id = e.id))"
        )
        with psycopg.connect(os.environ["AUDITOR_DATABASE_URL"], autocommit=True) as connection:
            wait_until(lambda: connection.execute(query, [self.id]).fetchone()[0], "numbers for all records")

    def wait_delivered(self, seconds=60):
        """Until the storage has everything that is in the log now, the opening of its credentials too."""
        time.sleep(1.0)
        self.settle()
        size = self.size()
        assert size > 0
        return wait_until(
            lambda: (found := self.read_status())["delivery"]["delivered"] >= size and found,
            "delivery",
            seconds=seconds,
        )


@pytest.fixture
def owned(management, stack):
    made = Owned(management, stack)
    yield made
    management.ask("DELETE", made.path)  # or the delivery process works for it until the end of the run


another = owned


@pytest.fixture
def verified(tmp_path):
    """Check an export with auditverify, as an auditor would; its lines. `code`: 1 when it finds something."""

    def check(directory, *options, code=0):
        vkey = Path(os.environ["AUDIT_VKEY_FILE"]).read_text().strip()
        file = shutil.copy(ROOT / "apps/audit_log/auditverify.py", tmp_path)  # one file, alone
        command = [sys.executable, file, str(directory), "--vkey", vkey, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    return check


@pytest.fixture
def delivered_root():
    return Path(os.environ["TEST_STATE_DIR"]) / "delivered"


@pytest.fixture
def folder():
    """A new folder's name."""
    return f"t-{uuid.uuid4().hex[:10]}"


@pytest.fixture(scope="session")
def colleague(stack, tmp_path_factory):
    """A second person of security operations: asks the management API as `Management.ask` does."""
    password, name = tmp_path_factory.mktemp("colleague") / "password", f"colleague-{secrets.token_hex(3)}"
    password.write_text("a-long-enough-passphrase")
    code, _, errors = programs.manage(
        "create_person", name, "--duty", "security-operations", "--password-file", password
    )
    assert code == 0, errors
    return Management(stack, username=name, password=password.read_text()).ask


@pytest.fixture
def stopped_delivery():
    """The delivery process stands still, so that a test can do its work at a time of its own."""

    def stopped():
        """The one that runs: after a fault of another test it may be about to be started again."""
        pid = pid_of("log-delivery")
        try:
            os.kill(pid, signal.SIGSTOP)
        except ProcessLookupError:
            return 0
        time.sleep(0.5)
        if pid_of("log-delivery") != pid:
            return 0
        if in_transaction("vault_delivery"):
            os.kill(pid, signal.SIGCONT)
            return 0
        return pid

    pid = wait_until(stopped, "a delivery process")
    yield
    os.kill(pid, signal.SIGCONT)
