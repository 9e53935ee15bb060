"""The command line for developers, in their own test vault."""

import os
import re
import subprocess
import sys
import time
import uuid

import pytest
import urllib3

from tests.cli.conftest import as_application, as_person
from tests.support.counts import wait_explainable

pytestmark = pytest.mark.stack


def test_test_vault_cannot_be_production(developer, name):
    developer.run("vault", "create", name[:20], "--test", "--world", "europe", "--production", code=2)
    developer.run("vault", "show", name[:20], code=4)


def test_test_call_with_a_key_of_a_test_vault(own_vault, name):
    own_vault.run("key", "create", name, "--type", "EC", code=1)  # only software-protected keys
    own_vault.run("key", "create", name, "--type", "EC", "--software")
    tried = own_vault.json("key", "try", name)
    assert (tried["allowed"], tried["algorithm"], len(tried["result"])) == (True, "ES256", 86)
    own_vault.run("key", "disable", name)
    time.sleep(1)
    assert "disabled" in own_vault.run("key", "try", name, code=1).stdout


def test_secret_is_edited_from_a_base_version_and_revealed_with_a_reason(own_vault, name):
    first = own_vault.json("secret", "create", name, "--content-type", "text/plain", stdin="one\n")
    assert "portal secret rotate" in own_vault.run("secret", "create", name, stdin="x", code=1).stderr
    second = own_vault.json("secret", "set", name, "--base", first["version"], stdin="two\n")
    late = own_vault.run("secret", "set", name, "--base", first["version"], stdin="three\n", code=1).stderr
    assert "Someone else has set" in late
    assert "--reason" in own_vault.run("secret", "show", name, "--value", code=2).stderr
    shown = ["secret", "show", name, "--value", "--reason", "a test looks at it"]
    assert own_vault.run(*shown).stdout == "two"
    assert own_vault.run(*shown, "--version", first["version"]).stdout == "one"
    own_vault.run("secret", "rotate", name, "--generate", "40")
    assert len(own_vault.run(*shown).stdout) == 40
    assert own_vault.json("secret", "show", name)["versions"][1]["version"] == second["version"]
    assert "text/plain" in str(reveal(own_vault, name)), "an edit keeps the content type"
    assert own_vault.json("secret", "try", name)["result"] == "40 bytes"


def reveal(own_vault, name):
    """The response of the management API, which contains more than the value."""
    user = f"{os.environ['PORTAL_USER_DEVELOPER']}:{os.environ['PORTAL_PASSWORD_DEVELOPER']}"
    url = f"{own_vault.environment['PORTAL_URL']}/api/v1/vaults/{own_vault.environment['PORTAL_VAULT']}/secrets/{name}/reveal"
    with urllib3.PoolManager(ca_certs=own_vault.environment["PORTAL_CA"]) as http:
        headers = urllib3.make_headers(basic_auth=user)
        return http.request("POST", url, json={"reason": "a test looks at it"}, headers=headers).json()


def test_run_needs_a_reason_from_developers(own_vault, name):
    own_vault.run("secret", "set", name, stdin="s3cret value\n")
    command = ["--", sys.executable, "-c", "import os; print(os.environ['DB'])"]
    assert "--reason" in own_vault.run("run", "-s", f"DB={name}", *command, code=2).stderr
    assert own_vault.run("run", "-s", f"DB={name}", "--reason", "local run", *command).stdout == "s3cret value\n"


def test_error_names_the_role_that_can_run_the_command(own_vault, name, tmp_path):
    (tmp_path / "file").write_text("x")
    for command in (
        ["key", "sign", name, "file", "-a", "ES256"],
        ["certificate", "create", name, "--subject", "CN=x"],
    ):
        output = own_vault.run(*command, code=1).stderr
        assert "portal login --application" in output
        assert "portal application create" in output
    for role in ("SECOPS", "AUDITOR"):
        output = as_person(own_vault, role).run("secret", "set", name, stdin="x", code=1).stderr
        assert "Your role cannot read or set values" in output
        assert "portal login" in own_vault.run("key", "try", name, code=1).stderr


def test_other_peoples_vaults_are_not_found(developer, name):
    for command in (
        ["secret", "set", name],
        ["secret", "show", name, "--value", "--reason", "curious"],
        ["secret", "create", name],
        ["key", "try", name],
    ):
        output = developer.run(*command, "--vault", "demo-europe", stdin="x", code=4).stderr
        assert "There is no vault" in output


def test_credential_is_replaced_without_an_outage(own_vault, name):
    created = own_vault.json(
        "application", "create", name, "--vault", own_vault.environment["PORTAL_VAULT"], "--role", "key-vault-reader"
    )
    old = as_application(created)
    new = {**old, "AZURE_CLIENT_SECRET": own_vault.json("application", "secret", name)["client_secret"]}
    for environment in (old, new):
        own_vault.run("key", "list", **environment)
    listed = own_vault.json("application", "credentials", name)
    assert [row["kind"] for row in listed] == ["secret", "secret"]
    first = min(listed, key=lambda row: row["created"])
    own_vault.run("application", "remove-credential", name, first["id"])
    time.sleep(1)
    assert "AADSTS7000215" in own_vault.run("key", "list", code=3, **old).stderr
    own_vault.run("key", "list", **new)


def test_application_credentials_by_certificate_and_federation(own_vault, name, tmp_path):
    own_vault.run("application", "create", name)
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "key.pem"]
    pem = subprocess.run([*openssl, "-subj", "/CN=pipeline"], capture_output=True, text=True, check=True).stdout
    key = (tmp_path / "key.pem").read_text()
    assert "without a private key" in own_vault.run("application", "certificate", name, stdin=pem + key, code=2).stderr
    assert own_vault.json("application", "certificate", name, stdin=pem)["subject"] == "CN=pipeline"
    issuer, subject = "https://token.actions.githubusercontent.com", "repo:acme/shop:ref:refs/heads/main"
    own_vault.run("application", "trust", name, "--issuer", issuer, "--subject", subject)
    listed = {row["kind"]: row for row in own_vault.json("application", "credentials", name)}
    assert set(listed) == {"secret", "certificate", "federated"}
    assert listed["certificate"]["about"] == "CN=pipeline"
    assert subject in listed["federated"]["about"]
    for kind in ("certificate", "federated"):
        own_vault.run("application", "remove-credential", name, listed[kind]["id"])
    assert [row["kind"] for row in own_vault.json("application", "credentials", name)] == ["secret"]


def test_other_peoples_applications_are_not_found(own_vault):
    for command in (["credentials"], ["secret"], ["disable"]):
        own_vault.run("application", *command, "demo-application", code=4)


def test_denials_and_usage_of_own_applications_are_listed_and_explained(own_vault, name):
    created = own_vault.json("application", "create", name)
    output = own_vault.run("key", "list", code=1, **as_application(created)).stderr
    request_id = re.search(r"portal explain ([0-9a-f-]{36})", output)[1]
    wait_explainable(request_id)
    assert request_id in [row["request_id"] for row in own_vault.json("denials")]
    assert name in own_vault.run("denials").stdout
    assert "KeyList" in own_vault.run("usage").stdout
    explained = own_vault.json("explain", request_id)
    assert (explained["status"], "keys/list" in str(explained)) == (403, True)
    own_vault.run("explain", str(uuid.UUID(int=0)), code=4)
    own_vault.run("explain", "../whoami", code=2)
