"""The command line for security operations, with the management API."""

import uuid

import pytest

from tests.cli.conftest import as_application, as_person

pytestmark = pytest.mark.stack


def test_people_cannot_use_keys_or_read_values(secops, name, tmp_path):
    (tmp_path / "file").write_text("x")
    for command in (
        ["key", "sign", name, "file", "-a", "ES256"],
        ["secret", "show", name, "--value"],
        ["secret", "set", name],
        ["run", "-s", f"A={name}", "--", "true"],
    ):
        assert "portal login --application" in secops.run(*command, stdin="x", code=1).stderr


def test_vault_application_and_role_assignment_are_created(secops, stack, name):
    vault = f"v{uuid.uuid4().hex[:10]}"
    created = secops.json("vault", "create", vault, "--world", "europe", "--days", "7")
    assert secops.json("vault", "show", vault)["url"] == created["url"]
    assert vault in secops.run("vault", "list").stdout
    identity = secops.json("application", "create", name, "--vault", vault, "--role", "key-vault-secrets-officer")
    assert identity["client_secret"]
    assert name in secops.run("application", "list").stdout
    roles = secops.json("access", "list", "--vault", vault)
    assert [(row["application"], row["role"]) for row in roles] == [(name, "key-vault-secrets-officer")]
    question = ["access", "simulate", name, "secrets/set", "--vault", vault]
    assert "allowed: " in secops.run(*question).stdout
    denied = secops.run("access", "simulate", name, "keys/sign", "--vault", vault, code=1).stdout
    assert "Roles that allow it" in denied
    secops.run("secret", "set", "first", "--vault", vault, stdin="value", **as_application(identity))
    secops.run("access", "revoke", name, "key-vault-secrets-officer", "--vault", vault)
    secops.run(*question, code=1)
    secops.run("access", "assign", name, "key-vault-secrets-user", "--vault", vault, "--secret", "first")
    assert secops.json("access", "list", "--vault", vault)[0]["secret"] == "first"
    secops.run("application", "disable", name)
    secops.run("secret", "list", "--vault", vault, code=3, **as_application(identity))
    secops.run("application", "enable", name)
    assert secops.json("application", "secret", name)["client_secret"] != identity["client_secret"]
    secops.run("vault", "freeze", vault)
    assert secops.json("vault", "show", vault)["frozen"] is True
    secops.run("vault", "unfreeze", vault)


def test_vault_is_deleted_recovered_and_purged(secops):
    vault = f"v{uuid.uuid4().hex[:10]}"
    secops.run("vault", "create", vault, "--world", "europe")
    assert f"--yes-delete {vault}" in secops.run("vault", "delete", vault, code=2).stderr
    deleted = secops.json("vault", "delete", vault, "--yes-delete", vault)
    assert deleted["purge_after"] > deleted["deleted"]
    assert vault not in secops.run("vault", "list").stdout
    assert vault in [row["name"] for row in secops.json("vault", "deleted")]
    secops.run("vault", "show", vault, code=4)
    assert "Recover it, purge it" in secops.run("vault", "create", vault, "--world", "europe", code=1).stderr
    assert secops.json("vault", "recover", vault)["name"] == vault
    secops.run("vault", "recover", vault, code=4)
    secops.run("vault", "delete", vault, "--yes-delete", vault)
    secops.run("vault", "purge", vault, code=2)
    secops.run("vault", "purge", vault, "--yes-purge", vault)
    assert vault not in [row["name"] for row in secops.json("vault", "deleted")]


def test_an_application_is_a_vault_manager_no_longer(secops, name):
    secops.run("application", "create", name)
    assert secops.json("application", "manager", name, "--remove") == {"name": name, "vault_manager": False}


def test_other_roles_are_denied_with_a_message(signed_out):
    developer = as_person(signed_out, "DEVELOPER")
    assert developer.json("whoami")["duty"] == "developer"
    assert "There is no vault" in developer.run("key", "list", code=4).stderr, "not one of theirs"
    developer.run("vault", "list")
    developer.run("vault", "create", "never-made", "--world", "europe", code=1)
    auditor = as_person(signed_out, "AUDITOR")
    assert "does not allow this" in auditor.run("key", "list", code=1).stderr


def test_pending_request_is_listed_and_needs_another_person(secops, name):
    vault = f"v{uuid.uuid4().hex[:10]}"
    secops.run("vault", "create", vault, "--world", "europe", "--production")
    secops.run("application", "create", name)
    output = secops.run("access", "assign", name, "key-vault-crypto-user", "--vault", vault, code=1).stderr
    waiting = [row for row in secops.json("approval", "list") if row["vault"] == vault]
    assert len(waiting) == 1
    assert waiting[0]["id"] in output
    assert secops.json("approval", "show", waiting[0]["id"])["state"] == "open"
    secops.run("approval", "approve", waiting[0]["id"], code=1)
    secops.run("approval", "show", str(uuid.UUID(int=0)), code=4)
