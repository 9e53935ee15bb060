"""`portal key attestation`, `verify-attestation` and `verifier`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.stack


@pytest.fixture
def authority():
    return Path(os.environ["TEST_STATE_DIR"]) / "ceremonies" / "europe" / "statement-authority-europe.pem"


@pytest.mark.parametrize("role", ["application", "secops"])
def test_a_statement_is_fetched_and_verified_offline(request, role, authority, name, tmp_path):
    application = request.getfixturevalue(role)
    created = application.json("key", "create", name, "--type", "EC")
    file, program = tmp_path / "statement.json", tmp_path / "keyverify.py"
    application.run("key", "attestation", name, "--output", str(file))
    verify = ("key", "verify-attestation", str(file), "--root", str(authority))
    assert "the statement is good" in application.run(*verify).stdout
    shown = application.json(*verify, "--expect", "key.origin=generated")
    assert shown["statement"]["key"]["version"] == created["version"]
    assert "not imported" in application.run(*verify, "--expect", "key.origin=imported", code=1).stdout
    application.run("key", "verifier", "--output", str(program))
    command = [sys.executable, "-I", program, file, "--root", authority]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    printed = json.loads(application.run("key", "attestation", name, "--version", created["version"]).stdout)
    assert printed.keys() == json.loads(file.read_text()).keys()


def test_a_software_key_has_no_statement(application, name):
    application.run("key", "create", name, "--type", "EC", "--software")
    assert "HSM-protected" in application.run("key", "attestation", name, code=1).stderr
