"""One OpenBao server in a temporary directory: raft storage, TLS on loopback, a file audit device, unsealed."""

import contextlib
import datetime as dt
import ipaddress
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks.https import Https
from benchmarks.scenarios import WrongAnswer

_START_SECONDS = 30


@dataclass(frozen=True)
class Server:
    """A running, unsealed server; `https` carries its root token."""

    url: str
    pid: int
    https: Https


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a server with nothing in it; stop it and forget its data on the way out.

    Raises `WrongAnswer` when the program is not installed or does not come up.
    """
    program = Path(sys.executable).with_name("bao")
    if not program.exists():
        raise WrongAnswer("OpenBao is not installed beside this Python. Use `./portal bench`, or pass --no-peer.")
    with tempfile.TemporaryDirectory(prefix="vaultportal-openbao-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        port, cluster_port = _free_ports()
        _write_certificate(directory)
        (directory / "raft").mkdir()
        configuration = directory / "server.hcl"
        configuration.write_text(_configuration(directory, port, cluster_port), encoding="utf-8")
        with (directory / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [str(program), "server", f"-config={configuration}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PATH": os.defpath, "HOME": name},
            )
        try:
            url = f"https://127.0.0.1:{port}"
            https = Https(url, authority=directory / "server.pem")
            _wait(https, process, directory / "server.log")
            _unseal(https)
            yield Server(url=url, pid=process.pid, https=https)
        finally:
            _stop(process)


def _configuration(directory: Path, port: int, cluster_port: int) -> str:
    return f"""
        storage "raft" {{
            path = "{directory}/raft"
            node_id = "one"
        }}
        listener "tcp" {{
            address = "127.0.0.1:{port}"
            cluster_address = "127.0.0.1:{cluster_port}"
            tls_cert_file = "{directory}/server.pem"
            tls_key_file = "{directory}/server.key"
        }}
        audit "file" "to-file" {{
            options {{
                file_path = "{directory}/audit.log"
            }}
        }}
        api_addr = "https://127.0.0.1:{port}"
        cluster_addr = "https://127.0.0.1:{cluster_port}"
        log_level = "error"
    """


def _write_certificate(directory: Path) -> None:
    """Self-signed, P-256, as ours is."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "server.key").write_bytes(private)  # in a directory of mode 0700
    (directory / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _wait(https: Https, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            https.call("GET", "/v1/sys/seal-status")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise WrongAnswer(f"OpenBao did not start: {log.read_text(errors='replace').strip()[-500:]}")


def _unseal(https: Https) -> None:
    """Initialise with one share, unseal with it, and wait until the node leads its raft of one."""
    made = https.call("PUT", "/v1/sys/init", {"secret_shares": 1, "secret_threshold": 1})
    https.call("PUT", "/v1/sys/unseal", {"key": made["keys_base64"][0]})
    https.headers["X-Vault-Token"] = made["root_token"]
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            https.call("GET", "/v1/sys/health")
        except WrongAnswer:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]
