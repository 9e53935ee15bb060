"""Azure CLI: every `az keyvault certificate` command."""

import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.interop.node import throwaway
from tests.support.azure_cli import Refused
from tests.support.compatibility import locked, proves
from tests.support.management import vault_name
from tests.support.self_signed import pem_of, self_signed

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def vault(stack):
    return f"--vault-name={vault_name(stack.vault_url)}"


@pytest.fixture(scope="module")
def policy(az, tmp_path_factory):
    """A function that writes the default policy with an issuer to a file, as the option wants it."""
    default = az("keyvault certificate get-default-policy")

    def write(issuer="Self"):
        file = tmp_path_factory.mktemp("policy") / "policy.json"
        default["issuerParameters"]["name"] = issuer
        file.write_text(json.dumps(default))
        return f"@{file}"

    return write


@pytest.fixture
def pending(az, vault, name, policy):
    """The request of a certificate that somebody else signs."""
    made = az(f"keyvault certificate create {vault} --name {name}", "--policy", policy("Unknown"))
    assert made["status"] == "inProgress"
    return made["csr"]


def test_create_show_and_list(az, vault, stack, name, policy, tmp_path):
    words = f"keyvault certificate create {vault} --name {name} --validity 24 --tags of=cli"
    assert az(words, "--policy", policy())["status"] == "completed"
    shown = az(f"keyvault certificate show {vault} --name {name}")
    assert shown["id"].startswith(f"{stack.vault_url}/certificates/{name}/")
    assert (shown["tags"], shown["policy"]["x509CertificateProperties"]["validityInMonths"]) == ({"of": "cli"}, 24)
    az(f"keyvault certificate download {vault} --name {name} --file {tmp_path / 'pem'}")
    az(f"keyvault certificate download --id {shown['id']} --file {tmp_path / 'der'} --encoding DER")
    loaded = x509.load_pem_x509_certificate((tmp_path / "pem").read_bytes())
    assert loaded == x509.load_der_x509_certificate((tmp_path / "der").read_bytes())
    assert loaded.subject.rfc4514_string() == "CN=CLIGetDefaultPolicy"
    listed = az(f"keyvault certificate list {vault} --include-pending")
    assert name in {item["name"] for item in listed}
    versions = az(f"keyvault certificate list-versions {vault} --name {name}")
    assert [item["id"] for item in versions] == [shown["id"]]


def test_attributes(az, vault, name, policy):
    az(f"keyvault certificate create {vault} --name {name}", "--policy", policy())
    changed = az(f"keyvault certificate set-attributes {vault} --name {name} --enabled false --tags a=1")
    assert (changed["attributes"]["enabled"], changed["tags"]) == (False, {"a": "1"})
    az(f"keyvault certificate set-attributes {vault} --name {name} --enabled true", "--policy", policy("Unknown"))
    assert az(f"keyvault certificate show {vault} --name {name}")["policy"]["issuerParameters"]["name"] == "Unknown"


def test_import(az, vault, name, tmp_path):
    key = rsa.generate_private_key(65537, 2048)
    certificate = self_signed(key, "imported")
    none = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none)
    (tmp_path / "pem").write_bytes(pem + pem_of(certificate))
    protected = serialization.BestAvailableEncryption(b"pw")
    (tmp_path / "pfx").write_bytes(pkcs12.serialize_key_and_certificates(b"a", key, certificate, None, protected))
    for kind, options in {"pem": "", "pfx": "--password pw"}.items():
        made = az(f"keyvault certificate import {vault} --name {name}-{kind} --file {tmp_path / kind} {options}")
        assert made["policy"]["x509CertificateProperties"]["subject"] == "CN=imported"


def test_merge(az, vault, name, pending, tmp_path):
    assert az(f"keyvault certificate pending show {vault} --name {name}")["csr"] == pending
    chain = throwaway.sign({"csr": pending})["chain"]
    lines = [f"-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n" for der in chain]
    (tmp_path / "chain.pem").write_text("".join(lines))
    merged = az(f"keyvault certificate pending merge {vault} --name {name} --file {tmp_path / 'chain.pem'}")
    assert merged["cer"] == chain[0]


def test_pending_request_is_deleted(az, vault, name, pending):
    az(f"keyvault certificate pending delete {vault} --name {name}")
    with pytest.raises(Refused, match="NotFound"):
        az(f"keyvault certificate pending show {vault} --name {name}")


@pytest.fixture
def no_contacts(stack):
    """The contacts that requests of other tests left are deleted."""
    headers = {"Authorization": f"Bearer {stack.token()}"}
    answer = stack.http().request("DELETE", f"{stack.vault_url}/certificates/contacts?api-version=7.4", headers=headers)
    assert answer.status in (200, 404)


@pytest.mark.usefixtures("no_contacts")
def test_contacts(az, vault):
    for person in ("a", "b"):
        az(f"keyvault certificate contact add {vault} --email {person}@c.example --name {person} --phone 1")
    listed = az(f"keyvault certificate contact list {vault}")["contactList"]
    assert [contact["emailAddress"] for contact in listed] == ["a@c.example", "b@c.example"]
    remaining = az(f"keyvault certificate contact delete {vault} --email a@c.example")["contactList"]
    assert [contact["emailAddress"] for contact in remaining] == ["b@c.example"]
    az(f"keyvault certificate contact delete {vault} --email b@c.example")
    with pytest.raises(Refused, match="NotFound"):
        az(f"keyvault certificate contact list {vault}")


def test_issuers(az, vault, name):
    issuer = f"{vault} --issuer-name {name}"
    az(f"keyvault certificate issuer create {issuer} --provider-name Test --account-id me --password pw")
    az(f"keyvault certificate issuer update {issuer} --organization-id acme")
    shown = az(f"keyvault certificate issuer show {issuer}")
    assert (shown["provider"], shown["organizationDetails"]["id"]) == ("Test", "acme")
    assert name in {item["id"].rpartition("/")[2] for item in az(f"keyvault certificate issuer list {vault}")}
    for person in ("a", "b"):
        az(f"keyvault certificate issuer admin add {issuer} --email {person}@c.example --first-name A --last-name B")
    az(f"keyvault certificate issuer admin delete {issuer} --email a@c.example")
    assert [admin["emailAddress"] for admin in az(f"keyvault certificate issuer admin list {issuer}")] == [
        "b@c.example"
    ]
    az(f"keyvault certificate issuer delete {issuer}")
    with pytest.raises(Refused, match="NotFound"):
        az(f"keyvault certificate issuer show {issuer}")


def test_delete_recover_purge_and_restore(az, vault, name, policy, tmp_path):
    az(f"keyvault certificate create {vault} --name {name}", "--policy", policy())
    made = az(f"keyvault certificate show {vault} --name {name}")
    az(f"keyvault certificate backup {vault} --name {name} --file {tmp_path / 'backup'}")
    recovery = az(f"keyvault certificate delete {vault} --name {name}")["recoveryId"]
    assert az(f"keyvault certificate show-deleted {vault} --name {name}")["recoveryId"] == recovery
    assert recovery in {item["recoveryId"] for item in az(f"keyvault certificate list-deleted {vault}")}
    az(f"keyvault certificate recover {vault} --name {name}")
    az(f"keyvault certificate delete {vault} --name {name}")
    az(f"keyvault certificate purge {vault} --name {name}")
    with pytest.raises(Refused, match="CertificateNotFound"):
        az(f"keyvault certificate show {vault} --name {name}")
    assert az(f"keyvault certificate restore {vault} --file {tmp_path / 'backup'}")["id"] == made["id"]


def test_every_command_was_run(az):
    """Runs last in this file."""
    commands = {name for name in az.offered() if name.startswith("keyvault certificate ")}
    assert commands
    assert commands == {name for name in az.used if name.startswith("keyvault certificate ")}
    proves("Azure CLI, `az keyvault certificate`", locked("azure-cli", "azure-cli"), "every command")
