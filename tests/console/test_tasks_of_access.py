"""Who may do what, as security operations see and change it in the browser."""

import pytest
from playwright.sync_api import expect

from tests.console.test_tasks import ME, make_key, make_vault
from tests.support import people
from tests.support.people import PORTAL, confirm
from tests.support.screenshots import accessible, picture

pytestmark = pytest.mark.stack


def test_a_person_of_old_whose_name_has_a_slash_is_shown_and_stopped(page, name):
    people.add_of_old(f"{name}/x")
    page.goto(f"{PORTAL}/secops/access/people")
    page.get_by_role("button", name=f"Suspend {name}/x").click()
    confirm(page, ME)
    expect(page.get_by_role("status")).to_contain_text(f"{name}/x is suspended")
    expect(page.get_by_role("button", name=f"Reactivate {name}/x")).to_be_visible()


def test_a_secret_is_shown_also_when_the_role_beside_it_is_refused(page, name):
    make_vault(page, name)
    page.goto(f"{PORTAL}/secops/applications/new?vault={name}")
    page.get_by_label("Name", exact=True).fill(f"app-{name}")
    page.get_by_label("Role", exact=True).evaluate("choice => { choice.selectedOptions[0].value = ''; }")
    page.get_by_role("button", name="Create application identity").click()
    confirm(page, ME)
    expect(page.get_by_role("status")).to_contain_text("There is no role")
    expect(page.locator("#environment")).to_contain_text("export AZURE_CLIENT_SECRET=")


def test_a_group_gives_its_members_a_role_and_takes_it_back(page, name):
    make_vault(page, name)
    page.goto(f"{PORTAL}/secops/access/groups")
    page.get_by_label("Name").fill(f"g {name}")
    page.get_by_role("button", name="Create group").click()
    expect(page.get_by_role("status")).to_contain_text("created")
    page.get_by_label("Application").select_option("demo-stranger")
    page.get_by_role("button", name="Add to group").click()
    confirm(page, ME)
    page.goto(f"{PORTAL}/secops/access")
    page.get_by_label("Application, developer or group").select_option(f"group/g {name}")
    page.locator("select[name=vault]").select_option(name)
    page.get_by_role("button", name="Assign role").click()
    confirm(page, ME)
    expect(page.get_by_role("status")).to_contain_text(f"g {name} is Key Vault")
    page.goto(f"{PORTAL}/secops/access?vault={name}")
    row = page.get_by_role("row", name=f"g {name}")
    expect(row).to_contain_text("group with 1 member")
    expect(row).to_contain_text("unused")
    question = f"principal=demo-stranger&permission=keys/get&vault={name}"
    page.goto(f"{PORTAL}/secops/access/simulate?{question}")
    expect(page.get_by_role("status")).to_contain_text(f"is in the group g {name}")
    page.goto(f"{PORTAL}/secops/access/groups/g {name}")
    picture(page, "group-with-member")
    accessible(page)
    page.get_by_role("button", name="Remove demo-stranger").click()
    expect(page.get_by_role("status")).to_contain_text("removed from")
    page.goto(f"{PORTAL}/secops/access/simulate?{question}")
    expect(page.get_by_role("status")).to_contain_text("has no role at vault")
    page.goto(f"{PORTAL}/secops/access/groups/g {name}")
    page.get_by_role("button", name=f"Delete g {name}").click()
    confirm(page, ME)
    expect(page.get_by_role("status")).to_contain_text("is deleted")


def test_joining_a_group_that_reaches_production_waits_for_a_second_person(page, colleague, name):
    make_vault(page, name)
    page.goto(f"{PORTAL}/secops/access/groups")
    page.get_by_label("Name").fill(f"g {name}")
    page.get_by_role("button", name="Create group").click()
    page.goto(f"{PORTAL}/secops/access")
    page.get_by_label("Application, developer or group").select_option(f"group/g {name}")
    page.locator("select[name=vault]").select_option(name)
    page.get_by_role("button", name="Assign role").click()
    confirm(page, ME)
    page.goto(f"{PORTAL}/secops/vaults/{name}/settings")
    page.get_by_label("Production vault").check()
    page.get_by_role("button", name=f"Save settings of {name}").click()
    confirm(page, ME)
    for message in ("needs approval", "added to"):
        page.goto(f"{PORTAL}/secops/access/groups/g {name}")
        expect(page.get_by_text(f"access to production vaults ({name})")).to_be_visible()
        page.get_by_label("Application").select_option("demo-stranger")
        page.get_by_role("button", name="Add to group").click()
        confirm(page, ME)
        expect(page.get_by_role("status")).to_contain_text(message)
        if message == "added to":
            break
        colleague.goto(f"{PORTAL}/secops/approvals")
        card = colleague.locator("section", has_text=f"group g {name}")
        expect(card).to_contain_text(f"by joining the group g {name}")
        card.get_by_role("button", name="Approve").click()
        confirm(colleague, "colleague")
        expect(colleague.get_by_role("status")).to_contain_text("Approved")
    expect(page.get_by_role("row", name="demo-stranger")).to_be_visible()


def test_a_role_at_one_key_is_granted_in_the_portal(page, name):
    make_vault(page, name)
    make_key(page, name, "single")
    page.goto(f"{PORTAL}/secops/access")
    page.get_by_label("Application, developer or group").select_option("application/demo-stranger")
    page.locator("select[name=vault]").select_option(name)
    page.get_by_label("Scope").select_option("key")
    page.get_by_label("Object name").fill("single")
    page.get_by_role("button", name="Assign role").click()
    confirm(page, ME)
    expect(page.get_by_role("status")).to_contain_text(f"{name}/keys/single")
    page.goto(f"{PORTAL}/secops/access?vault={name}")
    expect(page.get_by_role("row", name="demo-stranger")).to_contain_text(f"{name}/keys/single")
