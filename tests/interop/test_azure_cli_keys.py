"""Azure CLI: every `az keyvault key` command."""

import base64
import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from apps.domain.keys import keyverify
from tests.support.azure_cli import Refused
from tests.support.compatibility import locked, proves
from tests.support.management import vault_name

pytestmark = pytest.mark.stack

DIGEST = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(scope="module")
def vault(stack):
    return f"--vault-name={vault_name(stack.vault_url)}"


def pem_of(key, password=None):
    scheme = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, scheme)


@pytest.mark.parametrize(
    ("options", "kty"),
    [
        ("", "RSA"),
        ("--kty RSA --size 3072", "RSA"),
        ("--kty RSA-HSM", "RSA-HSM"),
        ("--kty EC --curve P-384", "EC"),
        ("--kty EC --curve P-256 --protection hsm", "EC-HSM"),
    ],
)
def test_create(az, vault, stack, name, options, kty):
    made = az(f"keyvault key create {vault} --name {name} {options} --tags of=cli --expires 2040-01-02T03:04:05Z")
    assert made["key"]["kty"] == kty
    assert made["key"]["kid"].startswith(f"{stack.vault_url}/keys/{name}/")
    assert made["tags"] == {"of": "cli"}
    assert made["attributes"]["expires"] == "2040-01-02T03:04:05+00:00"
    assert az(f"keyvault key show {vault} --name {name}")["key"] == made["key"]
    assert az(f"keyvault key show --id {made['key']['kid']}")["key"] == made["key"]


def test_attributes_lists_and_rotation(az, vault, name):
    made = az(f"keyvault key create {vault} --name {name} --kty EC --curve P-256 --ops sign verify")
    changed = az(f"keyvault key set-attributes {vault} --name {name} --enabled false --tags a=1 --ops sign")
    assert (changed["attributes"]["enabled"], changed["tags"], changed["key"]["keyOps"]) == (
        False,
        {"a": "1"},
        ["sign"],
    )
    az(f"keyvault key set-attributes {vault} --name {name} --enabled true")
    rotated = az(f"keyvault key rotate {vault} --name {name}")
    assert rotated["key"]["kid"] != made["key"]["kid"]
    listed = az(f"keyvault key list-versions {vault} --name {name}")
    assert {item["kid"] for item in listed} == {made["key"]["kid"], rotated["key"]["kid"]}
    assert name in {item["name"] for item in az(f"keyvault key list {vault} --include-managed")}


def test_rotation_policy(az, vault, name):
    az(f"keyvault key create {vault} --name {name}")
    actions = [{"trigger": {"timeAfterCreate": "P90D"}, "action": {"type": "Rotate"}}]
    policy = {"lifetimeActions": actions, "attributes": {"expiryTime": "P2Y"}}
    az(f"keyvault key rotation-policy update {vault} --name {name}", "--value", json.dumps(policy))
    shown = az(f"keyvault key rotation-policy show {vault} --name {name}")
    assert shown["expiresIn"] == "P2Y"
    assert shown["lifetimeActions"][0]["timeAfterCreate"] == "P90D"


def test_sign_and_verify(az, vault, name):
    az(f"keyvault key create {vault} --name {name} --kty EC --curve P-256")
    signature = az(f"keyvault key sign {vault} --name {name} --algorithm ES256 --digest {DIGEST}")["signature"]
    verify = f"keyvault key verify {vault} --name {name} --algorithm ES256 --signature {signature}"
    assert az(f"{verify} --digest {DIGEST}")["isValid"] is True
    assert az(verify, "--digest", base64.b64encode(bytes(32)).decode())["isValid"] is False


def test_encrypt_and_decrypt(az, vault, name):
    az(f"keyvault key create {vault} --name {name}")
    options = f"{vault} --name {name} --algorithm RSA-OAEP-256 --data-type plaintext"
    encrypted = az(f"keyvault key encrypt {options} --value secret")
    assert az(f"keyvault key decrypt {options}", "--value", encrypted["result"])["result"] == "secret"


def test_import_and_download(az, vault, name, tmp_path):
    for kind, key in {
        "rsa": rsa.generate_private_key(65537, 2048),
        "ec": ec.generate_private_key(ec.SECP256R1()),
    }.items():
        file, public = tmp_path / f"{kind}.pem", tmp_path / f"{kind}-public.pem"
        file.write_bytes(pem_of(key))
        az(f"keyvault key import {vault} --name {name}-{kind} --pem-file {file}")
        az(f"keyvault key download {vault} --name {name}-{kind} --file {public}")
        assert serialization.load_pem_public_key(public.read_bytes()) == key.public_key()
    encrypted = tmp_path / "encrypted.pem"
    encrypted.write_bytes(pem_of(key, b"four"))
    made = az(f"keyvault key import {vault} --name {name}-locked --pem-file {encrypted} --pem-password four -p hsm")
    assert made["key"]["kty"] == "EC-HSM"


def test_delete_recover_purge_and_restore(az, vault, name, tmp_path):
    made = az(f"keyvault key create {vault} --name {name}")
    az(f"keyvault key backup {vault} --name {name} --file {tmp_path / 'backup'}")
    recovery = az(f"keyvault key delete {vault} --name {name}")["recoveryId"]
    assert az(f"keyvault key show-deleted {vault} --name {name}")["recoveryId"] == recovery
    assert recovery in {item["recoveryId"] for item in az(f"keyvault key list-deleted {vault}")}
    az(f"keyvault key recover {vault} --name {name}")
    az(f"keyvault key delete {vault} --name {name}")
    az(f"keyvault key purge {vault} --name {name}")
    with pytest.raises(Refused, match="KeyNotFound"):
        az(f"keyvault key show {vault} --name {name}")
    assert az(f"keyvault key restore {vault} --file {tmp_path / 'backup'}")["key"]["kid"] == made["key"]["kid"]


def test_policy_of_release(az, vault, name):
    claim = {"claim": "x-ms-compliance-status", "equals": "azure-compliant-cvm"}
    policy = {"version": "1.0.0", "anyOf": [{"authority": "https://attest.example", "allOf": [claim]}]}
    words = f"keyvault key create {vault} --name {name} --protection hsm --exportable true --policy"
    made = az(words, json.dumps(policy))
    assert made["attributes"]["exportable"] is True
    assert made["releasePolicy"]
    assert set(az("keyvault key get-policy-template")) == {"anyOf", "version"}


def test_attestation(az, vault, name, tmp_path):
    """The options name HSMs only; the identifier may be that of a vault's key."""
    made = az(f"keyvault key create {vault} --name {name} --kty EC --curve P-256 --protection hsm")
    file, command = tmp_path / "attestation.json", f"keyvault key get-attestation --id {made['key']['kid']}"
    az(command, "--file", file)
    ceremonies = Path(os.environ["TEST_STATE_DIR"]) / "ceremonies"
    root = keyverify.read_root(str(ceremonies / "europe" / "statement-authority-europe.pem"))
    statement, chain, _ = keyverify.read(file)
    stated = keyverify.verify(statement, chain, root=root)["key"]
    assert (stated["name"], stated["origin"]) == (name, "generated")
    shown = az(command)
    assert base64.b64decode(shown["certificatePemFile"]) == chain


def test_random_bytes(az, stack):
    """The option names an HSM; its identifier may be that of a vault."""
    assert len(base64.b64decode(az(f"keyvault key random --id {stack.vault_url} --count 8")["value"])) == 8


def test_every_command_was_run(az):
    """Runs last in this file."""
    commands = {name for name in az.offered() if name.startswith("keyvault key ")}
    assert commands
    assert commands == {name for name in az.used if name.startswith("keyvault key ")}
    proves("Azure CLI, `az keyvault key`", locked("azure-cli", "azure-cli"), "every command")
