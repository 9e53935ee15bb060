"""The ten most frequent tasks of auditors, with every page on the way read by axe in each theme.

By keyboard alone where people would: signing in, asking, opening a record. Further tasks are in
test_auditors_tasks.
"""

import os
import subprocess
import sys
import time
import uuid
import zipfile
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.keys import KeyClient
from azure.keyvault.secrets import SecretClient
from playwright.sync_api import expect

from tests.support import people
from tests.support.audit_portal import AUDIT, reload_until
from tests.support.counts import wait_counted, wait_numbered
from tests.support.keyboard import fill, press
from tests.support.management import vault_name
from tests.support.waiting import wait_until

ME = os.environ.get("PORTAL_USER_AUDITOR", "")


@pytest.fixture
def me(auditor):
    return auditor


@pytest.fixture
def vault(stack, management):
    """A vault with a secret that was set and read: its name, its URL, the secret's name."""
    url = management.vault()
    name = f"t{uuid.uuid4().hex[:10]}"
    client = stack.sdk(SecretClient, url)
    client.set_secret(name, "v")
    client.get_secret(name)
    return vault_name(url), url, name


def prove(page, act):
    """An act that may ask again who one is, and is then done anew."""
    act()
    if "reauthenticate" in page.url:
        people.confirm(page, ME)
        return True
    return False


def test_1_sign_in_and_ask_who_touched_a_secret_by_keyboard(new_context, auditor_state, vault, clean):
    del auditor_state  # the second factor is set up
    with new_context() as context:
        page = context.new_page()
        page.goto(f"{AUDIT}/account/login/")
        clean(page, "audit-sign-in")
        fill(page, page.get_by_label("Username"), ME)
        fill(page, page.get_by_label("Password", exact=True), os.environ["PORTAL_PASSWORD_AUDITOR"])
        page.keyboard.press("Enter")
        page.locator("input[name=code]").wait_for()
        fill(page, page.locator("input[name=code]"), people.proof_of(ME))
        page.keyboard.press("Enter")
        page.wait_for_url("**/records**")
        page.keyboard.press("/")
        page.keyboard.type(f"secrets/{vault[2]}")
        page.keyboard.press("Enter")
        expect(page.locator("#rows tr")).to_have_count(2)
        expect(page.locator("#rows")).to_contain_text("demo-application")
        clean(page, "audit-found")


def test_2_open_a_record_its_proof_and_what_else_its_request_left(me, vault, stack, clean):
    keys = stack.sdk(KeyClient, vault[1])
    keys.create_ec_key("made")
    wait_numbered()
    me.goto(f"{AUDIT}/records?vault={vault[0]}&operation=KeyCreate")
    rows = me.locator("#rows tr")
    expect(rows).to_have_count(2)  # before the HSM was asked, and after
    press(me, rows.first.get_by_role("link"))
    expect(me.get_by_role("heading", level=1)).to_have_text("KeyCreate")
    expect(me.locator(".pill.ok", has_text="proven")).to_be_visible()
    others = me.locator("section.card-panel", has_text="Same request").get_by_role("link")
    expect(others).to_have_count(1)
    clean(me, "audit-record")
    others.click()
    phase = me.locator("dt", has_text="Phase").locator("xpath=following-sibling::dd[1]").first
    expect(phase).to_have_text("attempt")
    expect(others).to_have_count(1)
    me.get_by_role("link", name="Same object").click()
    expect(rows).to_have_count(2)
    rows.first.get_by_role("link").click()
    me.get_by_role("link", name="Same caller").click()
    expect(me.locator(".chips")).to_contain_text("caller")
    expect(rows.first).to_contain_text("demo-application")


def test_3_follow_what_happens(me, vault, stack, clean):
    me.goto(f"{AUDIT}/records?vault={vault[0]}")
    press(me, me.get_by_role("link", name="Follow live"))
    client = stack.sdk(SecretClient, vault[1])
    client.set_secret("new", "v")
    expect(me.locator("#rows")).to_contain_text("secrets/new", timeout=4000)
    clean(me, "audit-live")


def test_4_choose_a_time_in_the_picture_and_take_a_filter_away(me, vault, stack, clean):
    client = stack.sdk(SecretClient, vault[1])
    client.set_secret("latest", "v")  # in the last bar, however long the tests before took
    client.get_secret("latest")
    wait_numbered()
    time.sleep(1)  # a period ends with a whole second
    me.goto(f"{AUDIT}/records?vault={vault[0]}&operation=SecretSet&last=1h")
    press(me, me.locator("svg.chart a").last)
    me.wait_for_url("**from=**")
    assert "to=" in me.url
    expect(me.locator("#rows tr").first).to_contain_text("secrets/latest")
    expect(me.locator("#rows")).not_to_contain_text("SecretGet")
    clean(me, "audit-chosen")
    press(me, me.get_by_role("link", name="Remove the filter operation"))
    expect(me.locator("#rows")).to_contain_text("SecretGet")
    me.get_by_role("link", name="Remove the filter time").click()
    assert "from=" not in me.url and "operation" not in me.url
    assert f"vault={vault[0]}" in me.url


def test_5_see_that_the_log_is_as_it_was_signed(me, vault, clean):
    check = me.get_by_role("button", name="Verify the whole log")
    reload_until(me, f"integrity?vault={vault[0]}", check)  # it is there when its first records have their numbers
    check.click()
    expect(me.locator("#checks .task").first).to_contain_text("0 findings", timeout=20_000)
    me.goto(f"{AUDIT}/integrity?vault={vault[0]}")
    expect(me.locator("main .state-ok .value, main .state-attention .value")).to_be_visible()
    clean(me, "audit-integrity")


def test_6_see_how_far_the_owners_storage_has_it_and_take_the_verifier(me, vault, management, clean):
    place = {"kind": "directory", "settings": {"path": f"portal/{vault[0]}"}}
    assert management.ask("PUT", f"vaults/{vault[0]}/log-destination", place).status == 200
    path = f"vaults/{vault[0]}/log-destination"
    wait_until(lambda: management.ask("GET", path).json()["delivery"]["delivered"], "a delivery", pause=0.2)
    row = me.get_by_role("row", name=f"portal/{vault[0]}")

    def shown():
        me.goto(f"{AUDIT}/integrity?vault={vault[0]}")
        expect(row).to_contain_text("delivering")
        return int(row.locator("td.num").inner_text())

    wait_until(shown, "the number of records that the storage has", pause=0.5)
    with me.expect_download() as download:
        press(me, me.get_by_role("link", name="Download auditverify.py"))
    assert (
        download.value.path().read_bytes() == (Path(__file__).parents[2] / "apps/audit_log/auditverify.py").read_bytes()
    )
    clean(me, "audit-delivered")
    assert management.ask("DELETE", f"vaults/{vault[0]}/log-destination").status == 204


def test_7_review_the_week_and_sign_off(me, vault, stack, clean):
    stranger = stack.sdk(SecretClient, vault[1], stranger=True)
    for _ in range(11):
        with pytest.raises(HttpResponseError):
            stranger.get_secret("none")
    item = me.locator("section.card-panel", has_text="Denial spike").filter(has_text=vault[0])

    me.goto(f"{AUDIT}/queue")
    me.get_by_role("navigation", name="Rules").get_by_role("link", name="Denial spike").click()
    expect(me.locator("main section h2", has_text="Access or policy changed")).to_have_count(0)
    expect(item).to_contain_text("demo-stranger")
    item.get_by_label("Note").fill("Asked the owner of demo-stranger.")
    item.get_by_role("button", name="Escalate").click()
    people.confirm(me, ME)  # what was suspended for it goes on by itself
    me.goto(f"{AUDIT}/queue?rule=burst")
    expect(item).to_contain_text("escalated")
    expect(item).to_contain_text("Asked the owner of demo-stranger.")
    clean(me, "audit-signed")


def test_8_see_who_can_do_what_and_attest_it(me, vault, clean):
    me.goto(f"{AUDIT}/access?vault={vault[0]}")
    expect(me.get_by_role("row", name="demo-application").first).to_contain_text("Key Vault Administrator")
    clean(me, "audit-access")

    def attest():
        me.goto(f"{AUDIT}/access?vault={vault[0]}")
        me.get_by_label("Note").fill("Reviewed with the owner.")
        me.get_by_role("button", name=f"Attest access to {vault[0]}").click()
        me.wait_for_load_state()

    if prove(me, attest):
        attest()
    expect(me.locator(".pill.ok", has_text="attested")).to_be_visible()


def test_9_see_what_is_unusual(me, vault, clean):
    wait_counted(vault[0], "SecretGet", vault[2])
    me.goto(f"{AUDIT}/patterns?vault={vault[0]}")
    expect(me.get_by_role("figure").last).to_contain_text(f"secrets/{vault[2]}")
    press(me, me.get_by_text("as table").last)
    expect(me.get_by_role("cell", name=f"secrets/{vault[2]}")).to_be_visible()
    clean(me, "audit-patterns")


def test_10_pack_evidence_that_verifies_without_us(me, vault, clean, tmp_path):
    wait_numbered()
    me.goto(f"{AUDIT}/evidence")
    me.get_by_label("Log").select_option(vault[0])
    me.get_by_role("button", name="Create evidence pack").click()
    task = me.locator(".task", has_text=vault[0])
    link = task.get_by_role("link", name="Download the pack")
    link.wait_for(timeout=60_000)
    expect(me.locator("#spoken[aria-live=polite]")).to_have_text(f"The evidence pack of {vault[0]} is ready.")
    clean(me, "audit-packed")
    with me.expect_download() as download:
        link.click()
    with zipfile.ZipFile(download.value.path()) as pack:
        pack.extractall(tmp_path)
    folder = tmp_path / f"evidence-{vault[0]}"
    verify = [sys.executable, folder / "packverify.py", folder, "--vkey", (folder / "vkey.txt").read_text().strip()]
    done = subprocess.run(verify, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"secrets/{vault[2]}" in "".join(path.read_text() for path in (folder / "csv").iterdir())
