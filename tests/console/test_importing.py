"""Bringing a key by the portal and by the management API, and the second person on a production vault."""

import pytest
from azure.identity import ClientSecretCredential
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from playwright.sync_api import expect

from tests.console.test_tasks import ME, make_vault
from tests.support.management import vault_name
from tests.support.people import PORTAL, confirm, let_proof_grow_old, session_of
from tests.support.screenshots import picture


@pytest.fixture
def private():
    return ec.generate_private_key(ec.SECP256R1())


def pem(private):
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def open_wizard(page, vault):
    page.goto(f"{PORTAL}/secops/vaults/{vault}/import-key")
    confirm(page, ME)


def bring(page, vault, key, data):
    open_wizard(page, vault)
    page.get_by_label("Name").fill(key)
    page.get_by_label("File with the private key").set_input_files(
        {"name": "key.pem", "mimeType": "application/x-pem-file", "buffer": data}
    )
    page.get_by_role("button", name="Import the key").click()
    page.wait_for_load_state()


def test_an_imported_key_signs_as_the_one_that_was_brought(page, stack, management, private):
    url = management.vault()
    vault = vault_name(url)
    bring(page, vault, "brought", pem(private))
    page.wait_for_url("**/keys/brought**")
    expect(page.get_by_role("status")).to_contain_text("Destroy the file")
    crypto = CryptographyClient(
        f"{url}/keys/brought", stack.credential(ClientSecretCredential), connection_verify=stack.ca
    )
    signature = crypto.sign(SignatureAlgorithm.es256, bytes(32)).signature
    r, s = (int.from_bytes(signature[at : at + 32]) for at in (0, 32))
    der = utils.encode_dss_signature(r, s)
    private.public_key().verify(der, bytes(32), ec.ECDSA(utils.Prehashed(hashes.SHA256())))


def test_a_guarded_vault_takes_it_once_a_second_person_has_approved(page, colleague, name, private):
    make_vault(page, name, production=True)
    bring(page, name, "brought", pem(private))
    expect(page.get_by_role("status")).to_contain_text("needs approval")
    colleague.goto(f"{PORTAL}/secops/approvals")
    card = colleague.locator("section", has_text=f"{name}/keys/brought")
    expect(card).to_contain_text("type: EC")
    card.get_by_role("button", name="Approve").click()
    confirm(colleague, "colleague")
    bring(page, name, "brought", pem(ec.generate_private_key(ec.SECP256R1())))
    expect(page.get_by_role("status")).to_contain_text("needs approval")  # another key
    bring(page, name, "brought", pem(private))
    page.wait_for_url("**/keys/brought**")
    bring(page, name, "brought", pem(private))
    expect(page.get_by_role("status")).to_contain_text("needs approval")  # once


def test_a_mistake_is_told_and_the_key_is_not_shown_again(page, name):
    make_vault(page, name)
    open_wizard(page, name)
    page.get_by_label("Name").fill("brought")
    page.get_by_label("Or the key as text").fill("-----BEGIN PRIVATE KEY-----\nc2VjcmV0LXNlY3JldA==\n")
    page.get_by_role("button", name="Import the key").click()
    expect(page.get_by_role("alert")).to_contain_text("its line 'END' is missing")
    assert "c2VjcmV0" not in page.content()
    assert page.get_by_label("Name").input_value() == "brought"
    picture(page, "import-refused")
    page.get_by_role("button", name="Import the key").click()
    expect(page.get_by_text("Choose a file or paste the key")).to_be_visible()
    bring(page, name, "brought", b"x" * 300_000)  # too much to be held in memory
    expect(page.get_by_text("Choose a file or paste the key")).to_be_visible()
    bring(page, name, "brought", b"x" * 40_000)
    expect(page.get_by_text("Too large")).to_be_visible()


def test_nothing_of_a_key_waits_in_the_session_while_somebody_proves_who_they_are(page, name, private):
    """django-allauth keeps a suspended POST in the session, which rests in the database."""
    make_vault(page, name)
    open_wizard(page, name)
    let_proof_grow_old(page.context)
    page.get_by_label("Name").fill("brought")
    page.get_by_label("Or the key as text").fill(pem(private).decode())
    page.get_by_role("button", name="Import the key").click()
    page.wait_for_load_state()
    assert "reauthenticate" in page.url
    assert "PRIVATE KEY" not in str(session_of(page.context))
    expect(page.get_by_text("The form was not saved")).to_be_visible()
    confirm(page, ME)
    page.wait_for_url("**/import-key")
    assert page.get_by_label("Or the key as text").input_value() == ""


def test_the_management_api_takes_a_key_too(management, private):
    vault = management.named_vault()
    body = {"name": "brought", "key": pem(private).decode(), "hardware": False}
    made = management.ask("POST", f"vaults/{vault}/import-key", body)
    assert made.status == 201, made.data
    assert set(made.json()) == {"version", "enabled", "created", "expires"}
    assert management.ask("POST", f"vaults/{vault}/import-key", {**body, "key": "{}"}).status == 400
    assert management.ask("PATCH", f"vaults/{vault}", {"production": True}).status == 200
    assert management.ask("POST", f"vaults/{vault}/import-key", body).status == 403
