"""The client library as its own package: a wheel that is typed and knows nothing of the service."""

import os
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICE = ("django", "celery", "rest_framework", "psycopg", "pkcs11", "apps", "vaultportal")


@pytest.mark.slow  # asks the package index for the build backend
def test_the_wheel_is_typed_and_depends_on_the_sdk_and_cryptography_alone(tmp_path):
    # The certificate authority of the running system, which the environment names, is not that of a package index.
    clean = {name: value for name, value in os.environ.items() if name not in {"REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}}
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["-w", str(tmp_path), str(ROOT / "clients" / "python")]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("vaultportal_client-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = message_from_string(archive.read(next(n for n in names if n.endswith("/METADATA"))).decode())
    assert "vaultportal_client/py.typed" in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"vaultportal_client"}
    required = {line.split(">")[0] for line in metadata.get_all("Requires-Dist") if "extra" not in line}
    assert required == {"azure-identity", "azure-keyvault-keys", "cryptography"}
    code = "import sys, vaultportal_client.command_line, vaultportal_client.aio;"
    code += f"print(sorted({set(SERVICE)!r} & {{name.split('.')[0] for name in sys.modules}}))"
    installed = {**clean, "PYTHONPATH": str(wheel)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, env=installed, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
