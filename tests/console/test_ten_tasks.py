"""The ten most frequent tasks of security operations, with every page on the way read by axe in each theme.

Where the design asks for it, by keyboard alone: signing in, finding, rotating, approving, disabling. Further tasks are in
test_tasks.
"""

import os
import uuid

import psycopg
import pytest
from azure.keyvault.keys import KeyClient
from playwright.sync_api import expect

from tests.support import activity_data, people
from tests.support.counts import wait_counted
from tests.support.developers import environment_of, run_python
from tests.support.keyboard import press, tab_to
from tests.support.management import vault_name
from tests.support.people import PORTAL

ME = os.environ.get("PORTAL_USER_SECOPS", "")


@pytest.fixture
def me(page):
    return page


@pytest.fixture
def other(colleague):
    return colleague


@pytest.fixture
def vault(stack, management):
    """(name, key client) of a vault with a key "master", made without a browser."""

    def make(**settings):
        url = management.vault(**settings)
        name = vault_name(url)
        body = {"name": "master", "type": "EC", "parameter": "P-256"}
        made = management.ask("POST", f"vaults/{name}/new-key", body)
        assert made.status == 201, made.data
        client = stack.sdk(KeyClient, url)
        return name, client

    return make


def test_1_is_anything_wrong(me, clean):
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        activity_data.hours_of_work(owner)
    me.goto(f"{PORTAL}/secops/")
    cards = me.locator("#state .card-panel")
    expect(cards).to_have_count(4)
    assert all(card.locator(".pill").count() == 1 for card in cards.all())  # a state is a word, not a colour alone
    assert all(card.get_by_role("link").count() == 1 for card in cards.all())  # and there is one thing to do
    me.locator("figure details summary").first.click()
    expect(me.get_by_role("columnheader", name="Operations per minute")).to_be_visible()
    clean(me, "overview")


def test_2_sign_in_and_decide_by_keyboard(me, other, vault, clean, new_context):
    name, client = vault(production=True)
    client.begin_delete_key("master").wait()
    with pytest.raises(Exception, match="needs approval"):
        client.purge_deleted_key("master")
    with new_context() as context:
        page = context.new_page()
        page.goto(f"{PORTAL}/account/login/")
        for label, text in (("Username", ME), ("Password", os.environ["PORTAL_PASSWORD_SECOPS"])):
            tab_to(page, page.get_by_label(label, exact=True))
            page.keyboard.type(text)
        page.keyboard.press("Enter")
        code = page.locator("input[name=code]")
        code.wait_for()
        clean(page, "second-factor")
        tab_to(page, code)
        page.keyboard.type(people.proof_of(ME))
        page.keyboard.press("Enter")
        page.wait_for_url("**/secops/**")
        page.keyboard.press("g")
        page.keyboard.press("a")
        page.wait_for_url("**/approvals")
        clean(page, "approvals")
        press(page, page.locator("section", has_text=f"{name}/keys/master").get_by_role("button", name="Approve"))
        expect(page.get_by_role("status")).to_contain_text("Approved")
    client.purge_deleted_key("master")


def test_3_find_an_object_and_its_people_by_keyboard(me, vault, clean):
    name, _ = vault()
    found = f"found-{uuid.uuid4().hex[:8]}"
    vault_page = f"{PORTAL}/secops/vaults/{name}/new-key"
    me.goto(vault_page)
    me.get_by_label("Name").fill(found)
    me.get_by_role("button", name="Create key").click()
    me.wait_for_url("**/keys/**")
    me.goto(f"{PORTAL}/secops/")
    me.keyboard.press("/")
    me.keyboard.type(found)
    me.keyboard.press("Enter")
    me.wait_for_url("**/search**")
    clean(me, "search")
    press(me, me.get_by_role("link", name=f"{name}/{found}"))
    press(me, me.get_by_role("navigation", name=found).get_by_role("link", name="Access"))
    expect(me.get_by_role("cell", name="demo-application")).to_be_visible()
    clean(me, "object-access")


def test_4_roll_a_key_and_retire_its_old_version_by_keyboard(me, vault, clean):
    name, client = vault()
    me.goto(f"{PORTAL}/secops/vaults/{name}/keys/master")
    press(me, me.get_by_role("button", name=f"Rotate {name}/master"))
    expect(me.get_by_role("status")).to_contain_text("rotated to version")
    press(me, me.get_by_role("button", name="Disable version").nth(1))
    expect(me.get_by_role("status")).to_contain_text("is disabled")
    assert me.get_by_text("disabled", exact=True).count() == 1
    press(me, me.get_by_role("button", name="Undo"))  # before the look at the page: it is offered for ten seconds
    expect(me.get_by_role("status")).to_contain_text("is enabled")
    clean(me, "rolled")
    assert [version.enabled for version in client.list_properties_of_key_versions("master")] == [True, True]


def test_5_grant_ask_why_and_take_away(me, vault, clean):
    name, _ = vault()
    me.goto(f"{PORTAL}/secops/access")
    me.get_by_label("Application, developer or group").select_option("application/demo-stranger")
    me.locator("select[name=vault]").select_option(name)
    me.get_by_role("button", name="Assign role").click()
    people.confirm(me, ME)
    expect(me.get_by_role("status")).to_contain_text("Role assigned")
    me.goto(f"{PORTAL}/secops/access/simulate?principal=demo-stranger&permission=keys/sign&vault={name}")
    expect(me.get_by_role("status")).to_contain_text("allowed")
    clean(me, "why")
    me.goto(f"{PORTAL}/secops/access?vault={name}")
    me.get_by_role("row", name="demo-stranger").get_by_role("button").click()
    people.confirm(me, ME)
    me.goto(f"{PORTAL}/secops/access/simulate")
    me.get_by_label("Application or person").fill("demo-stranger")
    me.get_by_label("Operation").select_option("keys/sign")
    me.get_by_label("Vault", exact=True).fill(name)
    me.get_by_role("button", name="Check").click()
    expect(me.get_by_role("status")).to_contain_text("denied")
    expect(me.get_by_role("status")).to_contain_text(f"has no role at vault {name}")
    expect(me.get_by_role("status")).to_contain_text("Crypto User")


def test_6_make_a_vault_an_application_and_a_key_and_sign_with_the_snippets_as_shown(me, stack, clean):
    name = f"t{uuid.uuid4().hex[:10]}"
    me.goto(f"{PORTAL}/secops/vaults/new")
    clean(me, "vault-new")
    me.get_by_label("Name").fill(name)
    me.get_by_role("button", name="Create vault").click()
    me.wait_for_url(f"**/vaults/{name}")
    clean(me, "vault-empty")
    me.goto(f"{PORTAL}/secops/applications/new?vault={name}")
    me.get_by_label("Name", exact=True).fill(f"app-{name}")
    me.get_by_role("button", name="Create application identity").click()
    environment = environment_of(me)
    clean(me, "application-made")
    me.goto(f"{PORTAL}/secops/vaults/{name}")
    me.get_by_role("link", name="Create a key").click()
    me.get_by_label("Name").fill("first")
    me.get_by_role("button", name="Create key").click()
    me.wait_for_url("**/keys/first**")
    clean(me, "snippet")
    signature = run_python(me.locator("#snippet").text_content(), environment, stack)
    assert len(bytes.fromhex(signature)) == 256  # RSA 2048
    wait_counted(name, "KeySign", "first")
    me.goto(f"{PORTAL}/secops/vaults/{name}/keys/first?tab=usage")
    expect(me.get_by_role("cell", name="KeySign")).to_be_visible()


def test_7_contain_an_incident(me, vault, clean):
    name, client = vault()
    me.goto(f"{PORTAL}/secops/vaults/{name}")
    me.get_by_role("region", name="Incident response").get_by_role("link", name=f"Freeze {name}").click()
    clean(me, "contain")
    me.get_by_role("button", name=f"Freeze {name}").click()
    people.confirm(me, ME)
    me.wait_for_timeout(1000)
    with pytest.raises(Exception, match="is frozen by security operations"):
        client.get_key("master")
    me.get_by_role("button", name=f"Unfreeze {name}").click()
    people.confirm(me, ME)
    expect(me.get_by_role("status")).to_contain_text("is unfrozen")
    me.wait_for_timeout(1000)
    assert client.get_key("master").name == "master"


def test_8_care_for_the_hsms(me, vault, clean):
    vault()
    me.goto(f"{PORTAL}/secops/hsm")
    expect(me.get_by_role("cell", name="vp-europe", exact=True)).to_have_count(2)
    expect(me.get_by_role("heading", name="Request latency")).to_be_visible()
    me.get_by_text("mechanisms", exact=False).last.click()
    expect(me.get_by_role("cell", name="AES_GCM", exact=True)).to_be_visible()
    clean(me, "hsm")


def test_9_delete_recover_and_purge(me, vault, clean):
    name, client = vault()
    address = f"{PORTAL}/secops/vaults/{name}/keys/master"
    me.goto(address)
    me.get_by_role("button", name="Delete master").click()
    me.wait_for_url("**/recycle-bin")
    clean(me, "recycle-bin")
    me.get_by_role("row", name=f"{name}/keys/master").get_by_role("button", name="Recover master").click()
    expect(me.get_by_role("status")).to_contain_text("is recovered")
    me.get_by_role("button", name="Delete master").click()
    me.goto(address)
    clean(me, "purge")
    me.get_by_label("Type master to confirm").fill("master")
    me.get_by_label("Reason").fill("Rehearsal.")
    me.get_by_role("button", name="Purge master").click()
    people.confirm(me, ME)
    expect(me.get_by_role("status")).to_contain_text("is purged")
    assert [key.name for key in client.list_deleted_keys()] == []


def test_10_change_what_a_vault_keeps_and_watch_all_its_keys_roll(me, vault, clean):
    name, client = vault()
    me.goto(f"{PORTAL}/secops/vaults/{name}/settings")
    me.locator("input[name=recoverable_days]").fill("30")
    me.get_by_role("button", name=f"Save settings of {name}").click()
    people.confirm(me, ME)
    expect(me.get_by_role("status")).to_contain_text("changed")
    clean(me, "vault-settings")
    me.goto(f"{PORTAL}/secops/vaults/{name}")
    me.get_by_role("link", name="Rotate many keys").click()
    me.get_by_label("Reason").fill("Yearly.")
    me.get_by_role("button", name=f"Rotate keys of {name}").click()
    expect(me.get_by_text("1 of 1 keys")).to_be_visible(timeout=30_000)  # the page reloads its progress
    expect(me.locator("#spoken").first).to_have_text("100 percent")
    expect(me.get_by_text("done", exact=True)).to_be_visible()
    expect(me.get_by_text("rotated").first).to_be_visible()
    assert me.get_by_role("button", name="Cancel rotation").count() == 0
    clean(me, "rollover")
    assert len(list(client.list_properties_of_key_versions("master"))) == 2
    me.goto(f"{PORTAL}/secops/rollovers")
    expect(me.get_by_role("row", name=name)).to_contain_text("Yearly.")
