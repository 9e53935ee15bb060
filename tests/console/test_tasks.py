"""The tasks of security operations, as people do them; the most frequent ten are in test_ten_tasks."""

import os
import re
import uuid

from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
from playwright.sync_api import expect

from tests.support import records
from tests.support.counts import wait_counted
from tests.support.people import PORTAL, confirm
from tests.support.screenshots import accessible, picture

ME = os.environ.get("PORTAL_USER_SECOPS", "")


def make_vault(page, name, *, production=False):
    page.goto(f"{PORTAL}/secops/vaults/new")
    page.get_by_label("Name").fill(name)
    if production:
        page.get_by_label("Production vault").check()
    page.get_by_role("button", name="Create vault").click()
    page.wait_for_url(f"**/secops/vaults/{name}")


def make_key(page, vault, name, kind="EC P-256"):
    page.goto(f"{PORTAL}/secops/vaults/{vault}/new-key")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Kind").select_option(label=kind)
    page.get_by_role("button", name="Create key").click()
    page.wait_for_url(f"**/keys/{name}**")


def delete_key(page, vault, name):
    page.goto(f"{PORTAL}/secops/vaults/{vault}/keys/{name}")
    page.get_by_role("button", name=f"Delete {name}").click()
    page.wait_for_url("**/recycle-bin")


def purge_key(page, vault, name):
    page.goto(f"{PORTAL}/secops/vaults/{vault}/keys/{name}")
    page.get_by_label(f"Type {name} to confirm").fill(name)
    page.get_by_label("Reason").fill("It was a mistake.")
    page.get_by_role("button", name=f"Purge {name}").click()
    confirm(page, ME)


def test_the_history_tells_who_made_rolled_and_disabled_what(page, name, stack):
    make_vault(page, name)
    make_key(page, name, "storied")
    page.goto(f"{PORTAL}/secops/vaults/{name}/keys/storied")
    page.get_by_role("button", name=f"Rotate {name}/storied").click()
    page.wait_for_timeout(2500)  # a change within two seconds of the making is taken for part of it
    page.get_by_role("button", name="Disable version").nth(1).click()
    page.goto(f"{PORTAL}/secops/vaults/{name}/keys/storied?tab=history")
    lines = page.locator("ol.history li")
    expect(lines).to_have_count(3)
    assert "Version last changed; now disabled" in lines.nth(0).text_content()
    assert "Rotated to a new version" in lines.nth(1).text_content() and ME in lines.nth(1).text_content()
    assert "Version created" in lines.nth(2).text_content() and ME in lines.nth(2).text_content()
    assert page.get_by_text("Role changes are in the audit log").is_visible()


def test_a_kind_that_the_hsm_does_not_protect_is_created_in_software_only(page, name):
    """The form says so; the page of the key claims no HSM."""
    make_vault(page, name)
    page.goto(f"{PORTAL}/secops/vaults/{name}/new-key")
    page.get_by_label("Name").fill("notary")
    page.get_by_label("Kind").select_option(label="ML-DSA-65 (post-quantum signatures)")
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_text("cannot protect a key of type AKP ML-DSA-65")).to_be_visible()
    page.get_by_label("Software-protected").check()
    page.get_by_role("button", name="Create key").click()
    page.wait_for_url("**/keys/notary**")
    lead = page.locator("p", has_text="AKP ML-DSA-65").first
    assert [lead.get_by_text(word, exact=True).count() for word in ("software", "post-quantum", "HSM")] == [1, 1, 0]


def test_an_owner_that_a_tag_names_is_shown(page, stack):
    client = stack.sdk(KeyClient)
    key = f"owned-{uuid.uuid4().hex[:8]}"
    client.create_ec_key(key, tags={"Owner": "payments <b>team</b>"})
    page.goto(f"{PORTAL}/secops/vaults/demo-europe/keys/{key}?tab=history")
    expect(page.get_by_text("owner payments <b>team</b>")).to_be_visible()
    assert "demo-application" in page.locator("ol.history").text_content()


def test_set_a_rotation_policy_and_see_it_coming(page, name):
    make_vault(page, name)
    make_key(page, name, "scheduled")
    page.goto(f"{PORTAL}/secops/vaults/{name}/keys/scheduled?tab=rotation")
    page.get_by_label("Rotate every … days").fill("8")
    page.get_by_role("button", name="Set policy of scheduled").click()
    expect(page.get_by_text("Rotates automatically")).to_contain_text("in 8 days")
    page.goto(f"{PORTAL}/secops/")
    table = page.locator("#coming details")
    if table.get_attribute("open") is None:
        table.locator("summary").click()
    expect(table.get_by_role("link", name=f"{name}/scheduled")).to_be_visible()
    assert page.locator("#coming svg circle").count() >= 1


def test_purging_wants_the_name_typed(page, name):
    make_vault(page, name)
    make_key(page, name, "gone")
    delete_key(page, name, "gone")
    page.goto(f"{PORTAL}/secops/vaults/{name}/keys/gone")
    page.get_by_role("button", name="Purge gone").click()
    confirm(page, ME)
    expect(page.get_by_role("status")).to_contain_text("Type the name gone to confirm. Nothing was changed")
    page.get_by_label("Type gone to confirm").fill("gone")
    page.get_by_role("button", name="Purge gone").click()
    expect(page.get_by_role("status")).to_contain_text("A reason is required to purge gone. Nothing was changed")
    purge_key(page, name, "gone")
    expect(page.get_by_role("status")).to_contain_text("is purged")
    purges = [record["properties"] for record in records.running("operation = 'KeyPurge'")]
    assert [purge["reason"] for purge in purges if purge["vault"] == name] == ["It was a mistake."]


def test_what_is_undoable_is_done_at_once_and_undone_with_one_button(page, name):
    make_vault(page, name)
    make_key(page, name, "wavering")
    page.goto(f"{PORTAL}/secops/vaults/{name}/keys/wavering")
    page.get_by_role("button", name="Disable version").click()
    expect(page.get_by_role("status")).to_contain_text("is disabled")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("is enabled")
    assert page.get_by_role("button", name="Undo").count() == 0
    page.get_by_role("button", name="Delete wavering").click()
    expect(page.get_by_role("status")).to_contain_text("is deleted")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("is recovered")
    page.goto(f"{PORTAL}/secops/vaults")
    assert page.get_by_role("button", name="Undo").count() == 0  # offered once


def test_what_is_in_use_shows_who_breaks_before_it_is_disabled_or_deleted(page, name, stack):
    key = f"busy-{name}"
    credential = stack.credential(ClientSecretCredential)
    client = KeyClient(stack.vault_url, credential, connection_verify=stack.ca)
    made = client.create_ec_key(key)
    CryptographyClient(made.id, credential, connection_verify=stack.ca).sign(SignatureAlgorithm.es256, bytes(32))
    wait_counted("demo-europe", "KeySign", key)
    address = f"{PORTAL}/secops/vaults/demo-europe/keys/{key}"
    for button, verb, message in (
        (f"Disable the current version of {key}", "Disable version", "is disabled"),
        (f"Delete {key}", f"Delete {key}", "is deleted"),
    ):
        page.goto(address)
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(verb)
        expect(page.get_by_role("cell", name="demo-application")).to_be_visible()
        expect(page.get_by_role("link", name="Cancel")).to_be_focused()
        page.get_by_role("link", name="Cancel").click()
        assert client.get_key(key).properties.enabled  # nothing was changed
        page.goto(address)
        page.get_by_role("button", name=button).click()
        page.get_by_role("button", name=verb).click()
        assert page.url.split("?")[0] != address  # the browser wants the box ticked
        page.get_by_label("I have notified the owners").check()
        page.get_by_label("Reason (optional)").fill("Rehearsal.")
        accessible(page)
        page.get_by_role("button", name=verb).click()
        expect(page.get_by_role("status")).to_contain_text(message)
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("status")).to_contain_text("is")
        page.wait_for_timeout(1000)


def test_a_guarded_vault_purges_with_a_second_person_only(page, colleague, name):
    make_vault(page, name, production=True)
    make_key(page, name, "precious")
    delete_key(page, name, "precious")
    purge_key(page, name, "precious")
    expect(page.get_by_role("status")).to_contain_text("needs approval")
    page.goto(f"{PORTAL}/secops/approvals")
    mine = page.locator("section", has_text=f"{name}/keys/precious")
    expect(mine).to_contain_text("You requested this")
    assert mine.get_by_role("button").count() == 0
    expect(mine.get_by_role("row", name="can be recovered")).to_contain_text("never again")
    expect(mine).to_contain_text("Last used: never")
    assert re.fullmatch(r"23:5\d:\d\d", mine.locator("[data-countdown]").text_content())
    picture(page, "approval-waiting")
    accessible(page)
    colleague.goto(f"{PORTAL}/secops/approvals")
    theirs = colleague.locator("section", has_text=f"{name}/keys/precious")
    theirs.get_by_role("button", name="Approve").click()
    confirm(colleague, "colleague")
    expect(colleague.get_by_role("status")).to_contain_text("Approved")
    purge_key(page, name, "precious")
    expect(page.get_by_role("status")).to_contain_text("is purged")


def test_stop_an_application(page, name):
    page.goto(f"{PORTAL}/secops/applications/new")
    page.get_by_label("Name", exact=True).fill(f"app-{name}")
    page.get_by_role("button", name="Create application identity").click()
    page.get_by_role("link", name=f"app-{name}").click()
    page.get_by_role("button", name=f"Suspend app-{name}").click()
    confirm(page, ME)
    expect(page.get_by_text("suspended", exact=True)).to_be_visible()


def test_the_palette_goes_anywhere(page):
    page.goto(f"{PORTAL}/secops/")
    page.keyboard.press("Control+k")
    page.keyboard.type("recycle")
    page.keyboard.press("Enter")
    page.wait_for_url("**/recycle-bin")
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_url("**/hsm")
