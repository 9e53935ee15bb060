"""An application with a certificate, and `portal agent` that speaks for it on this machine."""

import contextlib
import os
import subprocess
import sys
import uuid
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.self_signed import pem_of, self_signed
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from apps.cli.main import main; main()"


def make_application(management, vault, directory):
    """(client id, file of a certificate and its key) of a new application that may do everything in a vault."""
    name = f"app-{uuid.uuid4().hex[:10]}"
    client_id = management.ask("POST", "applications", {"name": name}).json()["client_id"]
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = pem_of(self_signed(key, begins=-1, ends=30))
    added = management.ask("POST", f"applications/{client_id}/certificates", {"certificate": certificate.decode()})
    assert added.status == 201, added.data
    role = {"application": name, "role": "key-vault-administrator"}
    assert management.ask("POST", f"vaults/{vault}/role-assignments", role).status == 201
    file = directory / f"{name}.pem"
    form = serialization.PrivateFormat.PKCS8
    file.write_bytes(certificate + key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    file.chmod(0o600)
    return client_id, file


@contextlib.contextmanager
def running_agent(stack, directory, client_id, certificate, *options):
    """The variables that programs need (of the file that it writes), and what it has printed so far."""
    env_file, output = directory / "agent.env", directory / "agent.txt"
    words = ("agent", "--client-id", client_id, "--certificate", certificate, "--env-file", env_file, "--port", "0")
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "PORTAL_URL": stack.portal_url}
    environment["PORTAL_CA"] = stack.ca
    with output.open("w") as stream:
        command = [sys.executable, "-P", "-c", _START, ROOT, *words, *options]
        process = subprocess.Popen(command, cwd=directory, env=environment, stdout=stream, stderr=stream)
    try:
        wait_until(lambda: "Tokens of" in output.read_text() or process.poll() is not None, "the agent")
        assert process.poll() is None, output.read_text()
        yield dict(line.split("=", 1) for line in env_file.read_text().splitlines()), output.read_text
    finally:
        process.terminate()
        process.wait()
