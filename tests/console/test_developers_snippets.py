"""Snippets run exactly as shown, in the languages that run here; and live test calls."""

import base64
import json
import os
import shlex
import subprocess

import pytest
from azure.keyvault.certificates import CertificateClient, CertificatePolicy
from azure.keyvault.keys import KeyClient
from playwright.sync_api import expect

from tests.cli.conftest import program
from tests.support import developers
from tests.support.developers import fresh


def curl(page, bench, stack, path):
    command = ["bash", "-eu", "-o", "pipefail", "-c", developers.snippet_of(page, bench, path, "curl")]
    return developers.run(command, bench.environment, stack)


def node(page, bench, stack, path, packages):
    file = packages / f"{fresh()}.mjs"
    file.write_text(developers.snippet_of(page, bench, path, "javascript"))
    try:
        return developers.run(["node", str(file)], bench.environment, stack)
    finally:
        file.unlink()


@pytest.mark.parametrize(
    ("kind", "size"), [("EC P-256", 64), ("EC P-384", 96), ("EC P-521", 132), ("RSA 2048", 256), ("AES 256", 40)]
)
def test_key_snippets_run_as_copied(dev, bench, stack, node_packages, kind, size):
    name = f"k{fresh()}"
    developers.make_key(dev, bench.vault, name, kind)
    path = f"keys/{name}"
    assert len(bytes.fromhex(developers.python(dev, bench, stack, path))) == size
    assert len(bytes.fromhex(node(dev, bench, stack, path, node_packages))) == size
    value = json.loads(curl(dev, bench, stack, path))["value"]
    assert len(base64.urlsafe_b64decode(value + "==")) == size


def test_a_key_that_may_only_wrap_is_shown_wrapping(dev, bench, stack, node_packages):
    name = f"w{fresh()}"
    keys = developers.sdk(KeyClient, bench, stack)
    keys.create_rsa_key(name, size=2048, key_operations=["wrapKey", "unwrapKey"])
    path = f"keys/{name}"
    assert len(bytes.fromhex(developers.python(dev, bench, stack, path))) == 256
    assert len(bytes.fromhex(node(dev, bench, stack, path, node_packages))) == 256
    assert len(base64.urlsafe_b64decode(json.loads(curl(dev, bench, stack, path))["value"] + "==")) == 256
    dev.get_by_role("button", name="Run a test call").click()
    expect(dev.locator("#tried")).to_contain_text("wrapkey RSA-OAEP-256")


@pytest.mark.parametrize(("kind", "size"), [("Ed25519", 64), ("ML-DSA-65 (post-quantum signatures)", 3309)])
def test_keys_that_the_sdks_do_not_know_have_snippets_for_curl_and_the_command_line(
    dev, bench, stack, terminal, kind, size
):
    name = f"n{fresh()}"
    developers.make_key(dev, bench.vault, name, kind)
    path = f"keys/{name}"
    value = json.loads(curl(dev, bench, stack, path))["value"]
    assert len(base64.urlsafe_b64decode(value + "==")) == size
    signature = terminal(developers.snippet_of(dev, bench, path, "cli"))
    assert len(base64.urlsafe_b64decode(signature + "==")) == size
    assert dev.get_by_label("Language").get_by_role("link").all_text_contents() == ["curl", "portal"]
    expect(dev.get_by_text("do not know keys of this type")).to_be_visible()
    assert dev.get_by_text("post-quantum", exact=True).count() == kind.startswith("ML")
    assert dev.get_by_text("HSM", exact=True).count() == 0
    dev.get_by_role("button", name="Run a test call").click()
    expect(dev.locator("#tried")).to_contain_text("EdDSA" if size == 64 else "ML-DSA-65")


def test_an_ml_kem_key_is_shown_wrapping_a_fresh_key(dev, bench, stack, terminal):
    name = f"m{fresh()}"
    developers.make_key(dev, bench.vault, name, "ML-KEM-768 (post-quantum key wrapping)")
    path = f"keys/{name}"
    answer = json.loads(curl(dev, bench, stack, path))
    assert len(base64.urlsafe_b64decode(answer["value"] + "==")) == 1088
    assert len(base64.urlsafe_b64decode(answer["shared_secret"] + "==")) == 32
    ciphertext, secret = terminal(developers.snippet_of(dev, bench, path, "cli")).split()
    assert [len(base64.urlsafe_b64decode(text + "==")) for text in (ciphertext, secret)] == [1088, 32]
    dev.get_by_role("button", name="Run a test call").click()
    expect(dev.locator("#tried")).to_contain_text("wrapkey ML-KEM-768")


def test_certificate_snippets_run_as_copied(dev, bench, stack, node_packages, terminal):
    name = f"c{fresh()}"
    client = developers.sdk(CertificateClient, bench, stack)
    policy = CertificatePolicy.get_default()
    made = client.begin_create_certificate(name, policy).result().properties.x509_thumbprint.hex()
    path = f"certificates/{name}"
    assert developers.python(dev, bench, stack, path) == made
    assert node(dev, bench, stack, path, node_packages) == made
    assert base64.urlsafe_b64decode(json.loads(curl(dev, bench, stack, path))["x5t"] + "==").hex() == made
    assert name in terminal(developers.snippet_of(dev, bench, path, "cli"))


def test_secret_snippets_run_as_copied(dev, bench, stack, node_packages):
    assert developers.python(dev, bench, stack, "secrets/password") == "28 characters"
    assert node(dev, bench, stack, "secrets/password", node_packages) == "28 characters"
    assert json.loads(curl(dev, bench, stack, "secrets/password"))["value"] == "correct horse\nbattery staple"


@pytest.fixture
def terminal(bench, stack, tmp_path):
    """Runs a snippet as shown, where `portal` is installed and only the application's credentials are set."""
    command = tmp_path / "portal"
    command.write_text("#!/bin/sh\nexec " + shlex.join(program()) + ' "$@"\n')
    command.chmod(0o755)
    credentials = {name: bench.environment[name] for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")}
    path = f"{tmp_path}:{os.environ['PATH']}"

    def run_it(text):
        shown = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", text],
            env={"PATH": path, "HOME": str(tmp_path), "LANG": "C.UTF-8", "PORTAL_CA": stack.ca, **credentials},
            capture_output=True,
            text=True,
            check=False,
        )
        assert shown.returncode == 0, shown.stderr
        return shown.stdout.strip()

    return run_it


@pytest.mark.parametrize(("kind", "size"), [("EC P-256", 64), ("EC P-521", 132), ("RSA 2048", 256), ("AES 256", 40)])
def test_the_command_line_uses_a_key_as_copied(dev, bench, terminal, kind, size):
    name = f"t{fresh()}"
    developers.make_key(dev, bench.vault, name, kind)
    assert (
        len(base64.urlsafe_b64decode(terminal(developers.snippet_of(dev, bench, f"keys/{name}", "cli")) + "==")) == size
    )


def test_the_command_line_reads_a_secret_as_copied(dev, bench, terminal):
    assert terminal(developers.snippet_of(dev, bench, "secrets/password", "cli")) == "28"


@pytest.mark.parametrize("language", ["dotnet", "java", "go", "cli"])
def test_every_language_names_the_object_and_where_it_is(dev, bench, stack, language):
    shown = developers.snippet_of(dev, bench, "keys/signing", language)
    assert "signing" in shown
    assert bench.vault in shown
    assert stack.tenant in shown
    assert (stack.portal_url if language == "cli" else stack.authority) in shown
