"""Settings by security operations: vaults, groups, people, bulk rotations, policies, log destinations."""

import json
import os
import subprocess
import time
import uuid

import psycopg
import pytest

from tests.support import people

pytestmark = pytest.mark.stack


@pytest.fixture
def vault(secops):
    created = secops.json("vault", "create", f"v{uuid.uuid4().hex[:10]}", "--world", "europe")
    secops.environment["PORTAL_VAULT"] = created["name"]
    return created["name"]


def test_vault_settings_change_and_omitted_ones_are_kept(secops, vault):
    assert secops.json("vault", "set", vault, "--days", "30")["recoverable_days"] == 30
    output = secops.json("vault", "set", vault, "--production", "--purge-protection")
    assert (output["recoverable_days"], output["production"], output["purge_protection"]) == (30, True, True)
    assert "needs approval" in secops.run("vault", "set", vault, "--no-production", code=1).stderr
    assert secops.json("vault", "show", vault)["production"] is True
    secops.run("vault", "set", vault, code=2)


def test_group_members_have_the_groups_roles(secops, vault, name):
    group = f"team {name}"
    secops.run("application", "create", name)
    secops.run("group", "create", group)
    secops.run("access", "assign", "--group", group, "key-vault-crypto-user", "--vault", vault)
    question = ["access", "simulate", name, "keys/sign", "--vault", vault]
    secops.run(*question, code=1)
    secops.run("group", "add", group, name)
    secops.run(*question)
    assert name in json.dumps(secops.json("group", "show", group))
    assert group in [row["name"] for row in secops.json("group", "list")]
    secops.run("group", "remove", group, name)
    secops.run(*question, code=1)
    secops.run("access", "revoke", "--group", group, "key-vault-crypto-user", "--vault", vault)
    secops.run("group", "delete", group)
    secops.run("group", "show", group, code=4)


def test_names_from_older_releases_with_slashes_are_reachable(secops, name):
    """Today such names are rejected."""
    created = secops.json("application", "create", name)
    secops.run("group", "create", name)
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
        renamed = "UPDATE identity_applicationidentity SET name = %s WHERE client_id = %s"
        owner.execute(renamed, [f"{name}/x", created["client_id"]])
    people.add_of_old(f"{name}/p")
    secops.run("group", "add", name, f"{name}/x")
    assert f"{name}/x" in json.dumps(secops.json("group", "show", name))
    secops.run("group", "remove", name, f"{name}/x")
    secops.run("application", "disable", f"{name}/x")
    secops.run("person", "suspend", f"{name}/p")


def test_person_is_invited_with_a_link(secops, stack, name):
    invited = secops.json("person", "invite", "--role", "developer", "--name", name)
    assert invited["link"].startswith(f"{stack.portal_url}/invitation/")
    answer = stack.http().request("GET", invited["link"])
    assert (answer.status, name in answer.data.decode()) == (200, True)
    secops.run("person", "invite", "--role", "emperor", code=2)
    assert "demo-developer" in [row["username"] for row in secops.json("person", "list")]
    secops.run("person", "suspend", "nobody-known", code=4)


def test_bulk_rotation(secops, vault):
    created = secops.json("key", "create", "first", "--type", "EC", "--software")
    started = secops.json("bulk-rotation", "start", "--reason", "a test")
    until = time.monotonic() + 60
    while secops.json("bulk-rotation", "show", started["id"])["state"] != "done":
        assert time.monotonic() < until
    assert secops.json("key", "show", "first")["version"] != created["version"]
    assert [row["id"] for row in secops.json("bulk-rotation", "list")] == [started["id"]]
    secops.run("bulk-rotation", "pause", started["id"], code=1)


def test_key_import_and_rotation_policy(secops, vault, name):
    generate = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    pem = subprocess.run(generate, capture_output=True, text=True, check=True).stdout
    brought = secops.run("key", "import", name, stdin=pem)
    assert "Destroy the file now" in brought.stderr
    assert pem.splitlines()[1] not in brought.stdout + brought.stderr
    secops.run("key", "import", name, stdin="no key", code=1)
    secops.run("key", "import", name, stdin="", code=2)
    secops.run("key", "policy", name, "--rotate-after", "30")
    secops.run("key", "policy", name, "--rotate-after", "3", code=1)
    assert "Nothing to change" in secops.run("key", "policy", name, code=2).stderr
    assert secops.json("key", "policy", name, "--rotate-after", "0")["rotate_after_create"] == ""


def test_log_destination_and_retention(secops, vault):
    secops.run("log", "show", vault, code=4)
    output = secops.json("log", "set", vault, "--kind", "directory", "--setting", f"path=cli/{vault}")
    assert output["kind"] == "directory"
    assert secops.json("log", "test", vault)["ok"] is True
    assert secops.json("log", "retention", vault, "--days", "30")["days"] == 30
    secops.run("log", "retention", vault, "--days", "0")
    secops.run("log", "replay", vault, "--first", "5", "--last", "1", code=1)
    secops.run("log", "remove", vault)
    secops.run("log", "show", vault, code=4)


def test_omitted_destination_settings_are_kept(secops, vault):
    key = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True).stdout
    public = subprocess.run(["openssl", "rsa", "-pubout"], input=key, capture_output=True, check=True).stdout.decode()
    (secops.home / "owner.pem").write_text(public)
    public = public.strip()
    output, kind = ("public_key", "on_full", "settings"), ("log", "set", vault, "--kind", "directory")
    path = {"path": f"cli/{vault}"}
    more = ["--setting", f"path=cli/{vault}", "--public-key", "owner.pem", "--on-full", "fail-closed"]
    created = secops.json(*kind, *more)
    assert [created[name] for name in output] == [public, "fail-closed", path]
    again = secops.json(*kind)
    assert [again[name] for name in output] == [public, "fail-closed", path]
    moved = secops.json(*kind, "--setting", f"path=cli/{vault}-2")
    assert [moved[name] for name in output] == [public, "fail-closed", {"path": f"cli/{vault}-2"}]
    plain = secops.json(*kind, "--no-public-key", "--on-full", "go-on")
    assert [plain[name] for name in output] == ["", "go-on", {"path": f"cli/{vault}-2"}]
    secops.run(*kind, "--no-public-key", "--public-key", "owner.pem", code=2)


def test_storage_credential_comes_from_standard_input_and_an_empty_setting_is_removed(secops, vault):
    s3 = ["log", "set", vault, "--kind", "s3", "--setting", "endpoint=https://127.0.0.1:1", "--setting", "bucket=logs"]
    keys = ["--credential", "access_key_id", "--credential", "secret_access_key"]
    region = ["--setting", "region=eu-west-1"]
    output = secops.run(*s3, *region, *keys, "--json", stdin="an-id\nnot-to-be-shown\n").stdout
    assert sorted(json.loads(output)["credentials"]) == ["access_key_id", "secret_access_key"]
    assert "not-to-be-shown" not in output
    assert secops.run("log", "test", vault, code=1).stdout == ""
    assert "cannot be an argument" in secops.run(*s3, "--credential", "secret_access_key=x", code=2).stderr
    secops.run(*s3, *keys, stdin="one line\n", code=2)
    assert secops.json("log", "set", vault, "--kind", "s3")["settings"]["region"] == "eu-west-1"
    assert "region" not in secops.json("log", "set", vault, "--kind", "s3", "--setting", "region=")["settings"]
