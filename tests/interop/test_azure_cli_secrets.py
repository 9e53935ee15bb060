"""Azure CLI: every `az keyvault secret` command."""

import pytest

from tests.support.azure_cli import Refused
from tests.support.compatibility import locked, proves
from tests.support.management import vault_name

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def vault(stack):
    return f"--vault-name={vault_name(stack.vault_url)}"


def test_set_show_and_list(az, vault, stack, name):
    options = "--tags of=cli --description text/plain --expires 2040-01-02T03:04:05Z --disabled false"
    made = az(f"keyvault secret set {vault} --name {name} --value 'pässwörd 鍵' {options}")
    assert made["id"].startswith(f"{stack.vault_url}/secrets/{name}/")
    shown = az(f"keyvault secret show {vault} --name {name}")
    assert (shown["value"], shown["contentType"]) == ("pässwörd 鍵", "text/plain")
    assert shown["tags"] == {"of": "cli", "file-encoding": "utf-8"}  # the second is of the program
    assert shown["attributes"]["expires"] == "2040-01-02T03:04:05+00:00"
    newer = az(f"keyvault secret set {vault} --name {name} --value two")
    assert az(f"keyvault secret show --id {made['id']}")["value"] == "pässwörd 鍵"
    versions = az(f"keyvault secret list-versions {vault} --name {name}")
    assert {item["id"] for item in versions} == {made["id"], newer["id"]}
    assert name in {item["name"] for item in az(f"keyvault secret list {vault}")}
    assert name in {item["name"] for item in az(f"keyvault secret list --id {stack.vault_url}")}


def test_attributes(az, vault, name):
    az(f"keyvault secret set {vault} --name {name} --value one")
    changed = az(f"keyvault secret set-attributes {vault} --name {name} --enabled false --content-type a/b --tags c=d")
    assert (changed["attributes"]["enabled"], changed["contentType"], changed["tags"]) == (False, "a/b", {"c": "d"})
    with pytest.raises(Refused, match="disabled"):
        az(f"keyvault secret show {vault} --name {name}")


@pytest.mark.parametrize("encoding", ["utf-8", "base64", "hex"])
def test_files(az, vault, name, tmp_path, encoding):
    content = "Zeile 1\nLigne é\n".encode() if encoding == "utf-8" else bytes(range(256))
    (tmp_path / "in").write_bytes(content)
    az(f"keyvault secret set {vault} --name {name} --file {tmp_path / 'in'} --encoding {encoding}")
    az(f"keyvault secret download {vault} --name {name} --file {tmp_path / 'out'}")
    assert (tmp_path / "out").read_bytes() == content


def test_delete_recover_purge_and_restore(az, vault, name, tmp_path):
    made = az(f"keyvault secret set {vault} --name {name} --value one")
    az(f"keyvault secret backup {vault} --name {name} --file {tmp_path / 'backup'}")
    recovery = az(f"keyvault secret delete {vault} --name {name}")["recoveryId"]
    assert az(f"keyvault secret show-deleted {vault} --name {name}")["recoveryId"] == recovery
    assert recovery in {item["recoveryId"] for item in az(f"keyvault secret list-deleted {vault}")}
    az(f"keyvault secret recover {vault} --name {name}")
    az(f"keyvault secret delete {vault} --name {name}")
    az(f"keyvault secret purge {vault} --name {name}")
    with pytest.raises(Refused, match="SecretNotFound"):
        az(f"keyvault secret show {vault} --name {name}")
    assert az(f"keyvault secret restore {vault} --file {tmp_path / 'backup'}")["id"] == made["id"]
    assert az(f"keyvault secret show {vault} --name {name}")["value"] == "one"


def test_every_command_was_run(az):
    """Runs last in this file."""
    commands = {name for name in az.offered() if name.startswith("keyvault secret ")}
    assert commands
    assert commands == {name for name in az.used if name.startswith("keyvault secret ")}
    proves("Azure CLI, `az keyvault secret`", locked("azure-cli", "azure-cli"), "every command")
