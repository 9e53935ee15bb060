"""What developers do at the command line, in a test vault of their own."""

import re
import subprocess
import sys
import time
import uuid

import pytest

from tests.cli.conftest import Terminal, as_person, program

pytestmark = pytest.mark.stack


@pytest.fixture
def name():
    return f"cli-{uuid.uuid4().hex[:10]}"


@pytest.fixture
def developer(nobody):
    return as_person(nobody, "DEVELOPER")


@pytest.fixture(scope="module")
def vault(stack, tmp_path_factory):
    """One test vault for all of this module: a person may have five."""
    terminal = Terminal(tmp_path_factory.mktemp("home"), program(), PORTAL_URL=stack.portal_url, PORTAL_CA=stack.ca)
    developer, name = as_person(terminal, "DEVELOPER"), f"t{uuid.uuid4().hex[:10]}"
    made = developer.json("vault", "create", name, "--test", "--world", "europe")
    assert made["name"] == name
    assert name in [row["name"] for row in developer.json("vault", "list")]
    return name


@pytest.fixture
def mine(developer, vault):
    """The developer, with their test vault as the vault that is meant."""
    developer.environment["PORTAL_VAULT"] = vault
    return developer


def test_a_test_vault_takes_no_production(developer, name):
    developer.run("vault", "create", name[:20], "--test", "--world", "europe", "--production", code=2)
    developer.run("vault", "show", name[:20], code=4)


def test_a_key_of_a_test_vault_is_tried_rolled_stopped_deleted_and_recovered(mine, name):
    mine.run("key", "create", name, "--type", "EC", code=1)  # software only
    made = mine.json("key", "create", name, "--type", "EC", "--software")
    tried = mine.json("key", "try", name)
    assert (tried["allowed"], tried["algorithm"], len(tried["result"])) == (True, "ES256", 86)
    assert mine.json("key", "rotate", name)["version"] != made["version"]
    mine.run("key", "disable", name)
    time.sleep(1)
    assert "disabled" in mine.run("key", "try", name, code=1).stdout
    mine.run("key", "enable", name)
    mine.run("key", "delete", name)
    assert name in mine.run("key", "list", "--deleted").stdout
    mine.run("key", "recover", name)
    assert name in mine.run("key", "list").stdout


def test_a_secret_is_edited_from_its_base_and_shown_with_a_reason(mine, name):
    first = mine.json("secret", "create", name, "--content-type", "text/plain", stdin="one\n")
    assert "portal secret rotate" in mine.run("secret", "create", name, stdin="x", code=1).stderr
    second = mine.json("secret", "set", name, "--base", first["version"], stdin="two\n")
    late = mine.run("secret", "set", name, "--base", first["version"], stdin="three\n", code=1).stderr
    assert "Someone else has set" in late
    assert "--reason" in mine.run("secret", "show", name, "--value", code=2).stderr
    shown = ["secret", "show", name, "--value", "--reason", "a test looks at it"]
    assert mine.run(*shown).stdout == "two"
    assert mine.run(*shown, "--version", first["version"]).stdout == "one"
    mine.run("secret", "rotate", name, "--generate", "40")
    assert len(mine.run(*shown).stdout) == 40
    assert mine.json("secret", "show", name)["versions"][1]["version"] == second["version"]
    assert "text/plain" in str(reveal(mine, name)), "an edit keeps the content type"
    assert mine.json("secret", "try", name)["result"] == "40 bytes"


def reveal(mine, name):
    """What the management API says beside the value."""
    import os

    import urllib3

    user = f"{os.environ['PORTAL_USER_DEVELOPER']}:{os.environ['PORTAL_PASSWORD_DEVELOPER']}"
    url = f"{mine.environment['PORTAL_URL']}/api/v1/vaults/{mine.environment['PORTAL_VAULT']}/secrets/{name}/reveal"
    with urllib3.PoolManager(ca_certs=mine.environment["PORTAL_CA"]) as http:
        headers = urllib3.make_headers(basic_auth=user)
        return http.request("POST", url, json={"reason": "a test looks at it"}, headers=headers).json()


def test_a_command_gets_a_developers_secrets_with_a_reason(mine, name):
    mine.run("secret", "set", name, stdin="s3cret value\n")
    command = ["--", sys.executable, "-c", "import os; print(os.environ['DB'])"]
    assert "--reason" in mine.run("run", "-s", f"DB={name}", *command, code=2).stderr
    assert mine.run("run", "-s", f"DB={name}", "--reason", "local run", *command).stdout == "s3cret value\n"


def test_what_no_person_does_is_said_with_what_to_do_next(mine, name, tmp_path):
    (tmp_path / "file").write_text("x")
    for command in (
        ["key", "sign", name, "file", "-a", "ES256"],
        ["certificate", "create", name, "--subject", "CN=x"],
    ):
        told = mine.run(*command, code=1).stderr
        assert "portal login --application" in told
        assert "portal application create" in told
    for role in ("SECOPS", "AUDITOR"):
        told = as_person(mine, role).run("secret", "set", name, stdin="x", code=1).stderr
        assert "Your duty reads and sets no values" in told
        assert "portal login" in mine.run("key", "try", name, code=1).stderr


def test_somebody_elses_vault_is_none(developer, name):
    for command in (
        ["secret", "set", name],
        ["secret", "show", name, "--value", "--reason", "curious"],
        ["secret", "create", name],
        ["key", "try", name],
    ):
        told = developer.run(*command, "--vault", "demo-europe", stdin="x", code=4).stderr
        assert "There is no vault" in told


def test_a_credential_gets_a_successor_before_it_goes(mine, name):
    made = mine.json(
        "application", "create", name, "--vault", mine.environment["PORTAL_VAULT"], "--role", "key-vault-reader"
    )
    as_it = {"AZURE_CLIENT_ID": made["client_id"], "PORTAL_USERNAME": ""}
    old, new = made["client_secret"], mine.json("application", "secret", name)["client_secret"]
    for secret in (old, new):
        mine.run("key", "list", AZURE_CLIENT_SECRET=secret, **as_it)
    listed = mine.json("application", "credentials", name)
    assert [row["kind"] for row in listed] == ["secret", "secret"]
    first = min(listed, key=lambda row: row["created"])
    mine.run("application", "remove-credential", name, first["id"])
    time.sleep(1)
    assert "AADSTS7000215" in mine.run("key", "list", code=3, AZURE_CLIENT_SECRET=old, **as_it).stderr
    mine.run("key", "list", AZURE_CLIENT_SECRET=new, **as_it)


def test_a_certificate_and_another_issuer_stand_for_an_application(mine, name, tmp_path):
    mine.run("application", "create", name)
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "key.pem"]
    pem = subprocess.run([*openssl, "-subj", "/CN=pipeline"], capture_output=True, text=True, check=True).stdout
    key = (tmp_path / "key.pem").read_text()
    assert "without a private key" in mine.run("application", "certificate", name, stdin=pem + key, code=2).stderr
    assert mine.json("application", "certificate", name, stdin=pem)["subject"] == "CN=pipeline"
    where = [
        "--issuer",
        "https://token.actions.githubusercontent.com",
        "--subject",
        "repo:acme/shop:ref:refs/heads/main",
    ]
    mine.run("application", "trust", name, *where)
    listed = {row["kind"]: row for row in mine.json("application", "credentials", name)}
    assert set(listed) == {"secret", "certificate", "federated"}
    assert listed["certificate"]["about"] == "CN=pipeline"
    assert where[3] in listed["federated"]["about"]
    for kind in ("certificate", "federated"):
        mine.run("application", "remove-credential", name, listed[kind]["id"])
    assert [row["kind"] for row in mine.json("application", "credentials", name)] == ["secret"]


def test_another_persons_application_is_none(mine):
    for command in (["credentials"], ["secret"], ["disable"]):
        mine.run("application", *command, "demo-application", code=4)


def test_refusals_and_calls_of_the_own_applications_are_listed(mine, name):
    made = mine.json("application", "create", name)
    as_it = {"AZURE_CLIENT_ID": made["client_id"], "AZURE_CLIENT_SECRET": made["client_secret"], "PORTAL_USERNAME": ""}
    told = mine.run("key", "list", code=1, **as_it).stderr
    request_id = re.search(r"portal explain ([0-9a-f-]{36})", told)[1]
    time.sleep(2.5)  # counted once a second
    assert request_id in [row["request_id"] for row in mine.json("refusals")]
    assert name in mine.run("refusals").stdout
    assert "KeyList" in mine.run("usage").stdout
