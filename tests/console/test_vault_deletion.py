"""Deleting, recovering and purging a whole vault in the portal of security operations, and making a vault manager."""

import os

from playwright.sync_api import expect

from tests.support.people import PORTAL, confirm
from tests.support.screenshots import accessible, picture

ME = os.environ.get("PORTAL_USER_SECOPS", "")


def delete(page, vault):
    page.goto(f"{PORTAL}/secops/vaults/{vault}/settings")
    page.get_by_role("link", name=f"Delete {vault}").click()
    page.get_by_label("Type the vault's name to confirm").fill(vault)
    page.get_by_label("Reason").fill("It was a test.")
    page.get_by_role("button", name=f"Delete {vault}").click()
    confirm(page, ME)


def test_a_vault_is_deleted_by_its_typed_name_recovered_and_purged(page, management):
    vault = management.named_vault()
    page.goto(f"{PORTAL}/secops/vaults/{vault}/delete")
    accessible(page)
    picture(page, "secops-vault-delete")
    page.get_by_label("Type the vault's name to confirm").fill("another")
    page.get_by_role("button", name=f"Delete {vault}").click()
    confirm(page, ME)
    expect(page.get_by_text(f"Type the name {vault} to confirm. Nothing was changed.")).to_be_visible()
    delete(page, vault)
    page.wait_for_url("**/secops/deleted-vaults")
    expect(page.get_by_text(f"Vault {vault} is deleted.")).to_be_visible()
    accessible(page)
    picture(page, "secops-deleted-vaults")
    assert page.goto(f"{PORTAL}/secops/vaults/{vault}").status == 404
    page.goto(f"{PORTAL}/secops/vaults")
    page.get_by_role("link", name="Deleted vaults").click()
    page.get_by_role("button", name=f"Recover {vault}").click()
    page.wait_for_url(f"**/secops/vaults/{vault}")
    delete(page, vault)
    zone = page.locator("section, div").filter(has=page.get_by_role("heading", name=vault, exact=True)).last
    zone.get_by_label("Type the vault's name to confirm").fill(vault)
    page.get_by_role("button", name=f"Purge {vault}").click()
    expect(page.get_by_text(f"Vault {vault} is purged.")).to_be_visible()
    expect(page.get_by_role("button", name=f"Recover {vault}")).to_have_count(0)


def test_the_deletion_of_a_production_vault_waits_for_a_second_person(page, management):
    vault = management.named_vault(production=True)
    delete(page, vault)
    expect(page.get_by_text("needs approval")).to_be_visible()
    assert page.goto(f"{PORTAL}/secops/vaults/{vault}").status == 200
    page.goto(f"{PORTAL}/secops/approvals")
    expect(page.get_by_text(vault).first).to_be_visible()


def test_the_page_of_an_application_makes_it_a_vault_manager(page, management, name):
    client_id = management.ask("POST", "applications", {"name": name}).json()["client_id"]
    page.goto(f"{PORTAL}/secops/applications/{client_id}")
    accessible(page)
    page.get_by_role("button", name=f"Make {name} a vault manager").click()
    confirm(page, ME)
    made = page.get_by_text(f"{name} manages all vaults.")
    expect(made.or_(page.get_by_text("needs approval"))).to_be_visible()  # approval: where another test has production
