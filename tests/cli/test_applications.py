"""The command line for applications, against the running vaults."""

import base64
import hashlib
import json
import os
import ssl
import stat
import sys

import pytest

pytestmark = pytest.mark.stack


@pytest.mark.parametrize(
    ("role", "options"), [("application", ["--curve", "P-384"]), ("secops", []), ("own_vault", ["--software"])]
)
def test_key_lifecycle_is_the_same_for_every_role(request, role, options, name):
    terminal = request.getfixturevalue(role)
    created = terminal.json("key", "create", name, "--type", "EC", *options)
    rotated = terminal.json("key", "rotate", name)
    assert rotated["version"] != created["version"]
    versions = {row["version"] for row in terminal.json("key", "show", name)["versions"]}
    assert versions == {created["version"], rotated["version"]}
    assert terminal.json("key", "disable", name)["version"] == rotated["version"]
    assert terminal.json("key", "show", name, "--version", rotated["version"])["enabled"] is False
    assert terminal.json("key", "show", name, "--version", created["version"])["enabled"] is True
    terminal.run("key", "enable", name, "--version", rotated["version"])
    terminal.run("key", "delete", name)
    assert name in terminal.run("key", "list", "--deleted").stdout
    terminal.run("key", "recover", name)
    assert name in [row["name"] for row in terminal.json("key", "list")]


def test_deleted_key_is_purged_only_after_its_name_is_confirmed(application, name):
    created = application.json("key", "create", name, "--type", "EC", "--curve", "P-384")
    shown = application.json("key", "show", name)
    assert (shown["type"], shown["curve"], shown["version"]) == ("EC-HSM", "P-384", created["version"])
    application.run("key", "delete", name)
    application.run("key", "show", name, code=4)
    refused = application.run("key", "purge", name, code=2)
    assert f"--yes-purge {name}" in refused.stderr
    application.run("key", "purge", name, "--yes-purge", name)
    assert name not in [row["name"] for row in application.json("key", "list", "--deleted")]


@pytest.mark.parametrize(
    ("kind", "algorithm"), [(["--type", "RSA"], "PS256"), (["--type", "EC", "--curve", "P-521"], "ES512")]
)
def test_signature_of_a_file_verifies_with_an_independent_library(application, stack, name, tmp_path, kind, algorithm):
    contract = os.urandom(100_000)
    (tmp_path / "contract.txt").write_bytes(contract)
    application.run("key", "create", name, *kind)
    application.run("key", "sign", name, "contract.txt", "-a", algorithm, "-o", "contract.sig")
    check_signature(stack, name, contract, algorithm, (tmp_path / "contract.sig").read_bytes())
    signed = application.json("key", "sign", name, "contract.txt", "-a", algorithm)
    assert application.json("key", "verify", name, "contract.txt", "contract.sig", "-a", algorithm) == {"valid": True}
    application.run("key", "verify", name, "contract.txt", signed["signature"], "-a", algorithm)
    (tmp_path / "contract.txt").write_bytes(b"another contract")
    wrong = application.run("key", "verify", name, "contract.txt", "contract.sig", "-a", algorithm, code=1)
    assert "NOT valid" in wrong.stderr


def check_signature(stack, name, data, algorithm, signature):
    """Verify locally, with the SDK and its public key: it uses `cryptography`, not the vault."""
    from azure.identity import ClientSecretCredential
    from azure.keyvault.keys import KeyClient
    from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm

    key = KeyClient(stack.vault_url, stack.credential(ClientSecretCredential)).get_key(name).key
    digest = hashlib.new(f"sha{algorithm[2:]}", data).digest()
    assert CryptographyClient.from_jwk(key).verify(SignatureAlgorithm(algorithm), digest, signature).is_valid


def test_secret_value_comes_from_stdin_and_is_printed_only_on_request(application, name):
    value = "  päss wörd\twith 'quotes' \n in two lines "
    application.run("secret", "create", name, stdin=value + "\n")
    assert value.strip() not in application.run("secret", "show", name).stdout
    assert application.run("secret", "show", name, "--value").stdout == value
    assert application.json("secret", "show", name, "--value")["value"] == value
    again = application.run("secret", "create", name, stdin="x", code=1)
    assert f"portal secret rotate {name}" in again.stderr
    application.run("secret", "rotate", name, stdin="second\n", code=0)
    application.run("secret", "set", name, "--exact", stdin="third\n")
    assert application.run("secret", "show", name, "--value").stdout == "third\n"
    application.run("secret", "rotate", name, "--generate", "40")
    assert len(application.run("secret", "show", name, "--value").stdout) == 40
    assert len(application.json("secret", "show", name)["versions"]) == 4
    application.run("secret", "rotate", f"{name}-not", stdin="x", code=4)
    application.run("secret", "set", name, stdin="", code=2)
    application.run("secret", "disable", name)
    assert "disabled" in application.run("secret", "show", name, "--value", code=1).stderr


def test_certificate_is_created_renewed_and_read(application, name):
    created = application.json("certificate", "create", name, "--subject", "CN=shop.example", "--dns", "shop.example")
    pem = application.run("certificate", "pem", name).stdout
    assert len(ssl.PEM_cert_to_DER_cert(pem)) > 400
    renewed = application.json("certificate", "rotate", name)
    assert renewed["version"] != created["version"]
    shown = application.json("certificate", "show", name)
    assert (shown["subject"], shown["issuer"], len(shown["versions"])) == ("CN=shop.example", "Self", 2)
    application.run("certificate", "disable", name)
    application.run("certificate", "delete", name)
    application.run("certificate", "recover", name)


def test_run_passes_secrets_only_in_the_environment(application, name, tmp_path):
    application.run("secret", "set", name, stdin="s3cret value\n")
    program = "import json, os, sys; print(json.dumps([os.environ['DB'], sys.argv[1:]]))"
    command = ["--", sys.executable, "-c", program, "--port", "80"]
    ran = application.run("run", "--secret", f"DB={name}", *command)
    assert json.loads(ran.stdout) == ["s3cret value", ["--port", "80"]]
    written = [path for path in tmp_path.rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]
    assert written == []
    assert application.run("run", "-s", f"DB={name}", "--", "sh", "-c", "exit 42", code=42)
    quiet = application.run("run", "-s", f"DB={name}", "--", "sh", "-c", "yes | head -1")
    assert (quiet.stdout, quiet.stderr) == ("y\n", ""), "a pipe that breaks ends a program, as without us"
    application.run("run", "-s", f"DB={name}/../x", "--", "true", code=2)
    application.run("run", "-s", f"DB={name}", "--", "no-such-command", code=127)
    application.run("run", "-s", f"DB={name}-not", "--", "true", code=4)
    application.run("run", "-s", "no-assignment", "--", "true", code=2)


def test_stored_session_is_private_and_has_no_client_secret(application, stack):
    application.run("login", "--application")
    kept = application.profile.read_text()
    assert stat.S_IMODE(application.profile.stat().st_mode) == 0o600
    assert stat.S_IMODE(application.profile.parent.stat().st_mode) == 0o700
    assert stack.client_secret not in kept
    for variable in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "PORTAL_URL", "PORTAL_CA"):
        application.environment.pop(variable)
    assert application.json("whoami")["name"] == stack.client_id
    assert "token" not in application.run("whoami").stdout
    application.run("key", "list")
    application.profile.chmod(0o644)
    assert "chmod 600" in application.run("key", "list", code=2).stderr
    application.profile.chmod(0o600)
    application.run("logout")
    assert not application.profile.exists()
    application.run("whoami", code=3)


def test_tenant_is_discovered(application):
    application.environment.pop("AZURE_TENANT_ID")
    application.run("login", "--application")
    application.run("key", "list")


def test_expired_token_is_renewed_from_the_environment(application):
    application.run("login", "--application")
    kept = json.loads(application.profile.read_text())
    application.profile.write_text(json.dumps({**kept, "expires": 1.0}))
    application.run("key", "list")
    secret = application.environment.pop("AZURE_CLIENT_SECRET")
    assert "portal login --application" in application.run("key", "list", code=3).stderr
    application.run("key", "list", AZURE_CLIENT_SECRET=secret)


def test_denial_names_the_next_step(application, stack):
    strange = {"AZURE_CLIENT_ID": stack.stranger_id, "AZURE_CLIENT_SECRET": stack.stranger_secret}
    output = application.run("key", "list", code=1, **strange).stderr
    assert "Caller is not authorized" in output
    assert "portal explain" in output


def test_exit_codes_of_service_errors(application, stack):
    assert "AADSTS7000215" in application.run("key", "list", code=3, AZURE_CLIENT_SECRET="wrong").stderr
    application.run("key", "list", "--vault", "no-such-vault", code=4)
    application.run("key", "list", "--vault", "evil.example/", code=2)
    assert "PORTAL_CA" in application.run("key", "list", code=5, PORTAL_CA="").stderr
    application.run("key", "list", code=5, PORTAL_URL="https://portal.vault.localhost:1")
    application.run("key", "list", code=2, PORTAL_URL="http://portal.vault.localhost:1")
    application.run("key", "list", code=2, PORTAL_URL=stack.vault_url)
    application.run("vault", "list", code=3)


def test_list_of_many_pages_is_complete(application, name):
    for number in range(30):
        application.run("secret", "set", f"{name}-{number}", stdin="x")
    listed = application.json("secret", "list")
    assert len([row for row in listed if row["name"].startswith(name)]) == 30


def test_value_does_not_depend_on_the_terminals_encoding(application, name):
    application.run("secret", "set", name, stdin="pässwörd €")
    command, latin = ["secret", "show", name, "--value"], {"PYTHONIOENCODING": "latin-1"}
    assert application.run(*command, **latin).stdout == "pässwörd €"
    as_json = application.run(*command, "--json", **latin).stdout
    assert (as_json.isascii(), json.loads(as_json)["value"]) == (True, "pässwörd €")


@pytest.mark.parametrize("odd", ["..", "a?b", "ä", "%2e%2e", "a b", "*"])
def test_invalid_name_is_rejected_by_the_service(application, odd):
    output = application.run("key", "show", odd, code=1)
    assert (output.stdout, "invalid name" in output.stderr) == ("", True)


@pytest.mark.parametrize(("kind", "algorithm"), [(["--type", "oct"], "A256KW"), (["--type", "RSA"], "RSA-OAEP-256")])
def test_own_key_is_wrapped_and_unwrapped_by_the_vault(application, name, tmp_path, kind, algorithm):
    application.run("key", "create", name, *kind)
    own = os.urandom(32)
    (tmp_path / "own").write_bytes(own)
    application.run("key", "wrap", name, "own", "-a", algorithm, "-o", "wrapped")
    (tmp_path / "opened").write_bytes(bytes(100))
    (tmp_path / "opened").chmod(0o644)  # readable by others, before the command overwrites it
    application.run("key", "unwrap", name, "wrapped", "-a", algorithm, "-o", "opened")
    assert (tmp_path / "opened").read_bytes() == own
    assert (tmp_path / "opened").stat().st_mode & 0o077 == 0
    wrapped = application.json("key", "wrap", name, "own", "-a", algorithm)["value"]
    opened = application.run("key", "unwrap", name, "-", "-a", algorithm, stdin=f"{wrapped}\n").stdout.strip()
    assert base64.urlsafe_b64decode(opened + "==") == own
    application.run("key", "unwrap", name, "own", "-a", algorithm, code=1)
    application.run("key", "unwrap", name, "wrapped", "-a", algorithm, "-o", "absent/opened", code=2)


def test_a_fresh_key_comes_from_an_ml_kem_key(application, name, tmp_path):
    kind = ("--type", "AKP", "--algorithm", "ML-KEM-768")
    assert "software-protected" in application.run("key", "create", name, *kind, code=1).stderr, "the HSM has no ML-KEM"
    application.run("key", "create", name, *kind, "--software")
    shown = application.run("key", "encapsulate", name, "-a", "ML-KEM-768", "-o", "wrapped", "--secret", "fresh").stdout
    assert shown == ""
    assert (tmp_path / "fresh").stat().st_mode & 0o077 == 0
    application.run("key", "unwrap", name, "wrapped", "-a", "ML-KEM-768", "-o", "opened")
    assert (tmp_path / "opened").read_bytes() == (tmp_path / "fresh").read_bytes() != bytes(32)
    made = application.json("key", "encapsulate", name, "-a", "ML-KEM-768")
    opened = application.run("key", "unwrap", name, "-", "-a", "ML-KEM-768", stdin=made["value"]).stdout.strip()
    assert opened == made["shared_secret"]
    assert "shared_secret" not in application.json("key", "encapsulate", name, "-a", "ML-KEM-768", "--secret", "fresh")
    assert "encapsulate" in application.run("key", "wrap", name, "fresh", "-a", "ML-KEM-768", code=2).stderr


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [(["--type", "OKP"], "EdDSA"), (["--type", "AKP", "--algorithm", "ML-DSA-87"], "ML-DSA-87")],
)
def test_a_message_is_signed_whole(application, name, tmp_path, kind, algorithm):
    application.run("key", "create", name, *kind, "--software")
    (tmp_path / "message").write_bytes(b"m" * 8192)
    application.run("key", "sign", name, "message", "-a", algorithm, "-o", "signature")
    assert (tmp_path / "signature").stat().st_size == {"EdDSA": 64, "ML-DSA-87": 4627}[algorithm]
    application.run("key", "verify", name, "message", "signature", "-a", algorithm)
    (tmp_path / "message").write_bytes(b"n" * 8192)
    application.run("key", "verify", name, "message", "signature", "-a", algorithm, code=1)
    (tmp_path / "message").write_bytes(b"n" * 8193)
    assert "8192" in application.run("key", "sign", name, "message", "-a", algorithm, code=2).stderr
    for wrong in (["--size", "256"], ["--curve", "P-256", "--algorithm", "ML-DSA-44"]):
        application.run("key", "create", name, "--type", kind[1], *wrong, code=2)
