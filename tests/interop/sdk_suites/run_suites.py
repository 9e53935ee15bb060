"""Microsoft's own live tests of the Python clients, unmodified, from the source distributions on PyPI.

They take minutes, since they wait as a service far away demands, so the suite leaves them out. Run them with

    ./portal test tests/interop/sdk_suites/run_suites.py [-k keys] [-s]

The vault stands for a managed HSM, too. Output of each suite: `test-artefacts/sdk-suite-NAME.txt`.
"""

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.management import vault_name
from tests.support.program_environments import LOCKS, ROOT, installed_once, python_environment
from tests.support.self_signed import pem_of, self_signed

pytestmark = pytest.mark.stack

# "PlatformManaged is for Azure Key Vault internal usage", says the test of it.
NOT_OURS = "not platform_managed"
SOURCES = LOCKS / "sdk-suites-sources.txt"
HARNESS = Path(__file__).parent


@pytest.fixture(scope="module")
def programs():
    return python_environment("sdk-suites") / "bin"


@pytest.fixture(scope="module")
def sources(programs):
    """The source distributions, unpacked."""

    def install(directory):
        pip = [sys.executable, "-m", "pip", "--python", programs / "python", "download", "--quiet", "--no-deps"]
        options = ["--no-binary", ":all:", "--no-build-isolation", "--require-hashes", "-r", SOURCES, "-d", directory]
        subprocess.run([*pip, *options], check=True, capture_output=True)
        for archive in directory.glob("*.tar.gz"):
            with tarfile.open(archive) as file:
                file.extractall(directory, filter="data")

    with installed_once("sdk-suites-sources", SOURCES.read_bytes(), install) as directory:
        return directory


@pytest.fixture(scope="module")
def variables(stack, management, issuer):
    """Of a vault of its own, in which RSA1_5 decrypts, and of the issuer that attests."""
    url = management.vault()
    assert management.ask("PATCH", f"vaults/{vault_name(url)}", {"rsa1_5": True}).status == 200
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": str(HARNESS),
        "REQUESTS_CA_BUNDLE": stack.ca,
        "SSL_CERT_FILE": stack.ca,
        "PORTAL_AUTHORITY": stack.authority,
        "AZURE_KEYVAULT_URL": url,
        "AZURE_MANAGEDHSM_URL": url,
        "AZURE_KEYVAULT_ATTESTATION_URL": issuer.url,
        "KEYVAULT_TENANT_ID": stack.tenant,
        "KEYVAULT_CLIENT_ID": stack.client_id,
        "KEYVAULT_CLIENT_SECRET": stack.client_secret,
        "KEYVAULT_SKU": "premium",
    }


def add_authority(tests):
    """The authority that signs in the tests of merging; the distribution lacks it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (tests / "ca.crt").write_bytes(pem_of(self_signed(key, begins=-1, ends=30)))
    form = serialization.PrivateFormat.TraditionalOpenSSL
    text = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (tests / "ca.key").write_bytes(text)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["secrets", "certificates", "keys"])
def test_live_tests_of_microsoft(kind, sources, programs, variables):
    tests = next(sources.glob(f"azure_keyvault_{kind}-*")) / "tests"
    add_authority(tests)
    options = ["-p", "devtools_testutils", "-p", "no:cacheprovider", "--asyncio-mode=auto", "-q", "-rfEs"]
    command = [programs / "python", "-m", "pytest", *options, "--ignore=perfstress_tests", "-k", NOT_OURS, "."]
    done = subprocess.run(command, cwd=tests, env=variables, capture_output=True, text=True, check=False)
    artefact = ROOT / "test-artefacts" / f"sdk-suite-{kind}.txt"
    artefact.parent.mkdir(exist_ok=True)
    artefact.write_text(done.stdout + done.stderr)
    summary = done.stdout.rstrip().rpartition("\n")[2]
    print(f"{kind}: {summary}")  # noqa: T201  what the run is for
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert re.search(r"[1-9]\d* passed", summary)
