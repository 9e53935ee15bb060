"""The tasks of auditors, as people do them; the most frequent ten are in test_ten_tasks_of_auditors."""

import json
import os
import uuid

import psycopg
import pytest
from playwright.sync_api import expect

from tests.support import people, programs
from tests.support.audit_portal import AUDIT, reload_until
from tests.support.counts import wait_numbered
from tests.support.screenshots import accessible, picture
from tests.support.written_logs import new_log, write

APPLICATION = """
import uuid
from apps.core.clock import now
from apps.domain.identity.models import ApplicationIdentity, User
client_id = uuid.uuid4()
user = User.objects.create(username=f"application:{client_id}", kind="application")
ApplicationIdentity.objects.create(user=user, client_id=client_id, name=sys.argv[1], created=now())
"""


def test_a_check_that_has_ended_meanwhile_is_not_cancelled_and_that_is_said(auditor):
    check = uuid.uuid4()
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:
        owner.execute(
            "INSERT INTO auditing_task (id, kind, log_id, vault_name, first, last, done, asked_by_id, asked_by, state, "
            "created, started, finished, doing, result) VALUES (%s, 'check', %s, 'gone', 0, 1, 1, %s, 'somebody', "
            "'done', now(), now(), now(), '', '{\"found\": 0}')",
            [check, uuid.uuid4(), uuid.uuid4()],
        )
    auditor.goto(f"{AUDIT}/integrity")
    form = auditor.locator("form:has(input[name=csrfmiddlewaretoken])").first
    form.evaluate("(form, at) => { form.action = at; form.submit(); }", f"{AUDIT}/tasks/{check}/cancel")
    expect(auditor.get_by_text("It has ended already.")).to_be_visible()
    expect(auditor.get_by_role("heading", level=1)).to_contain_text("Integrity")


def test_no_application_hides_the_person_whose_name_it_has(auditor, stack):
    who, log = f"person-{uuid.uuid4().hex[:8]}", uuid.uuid4()
    programs.output_of(APPLICATION, who, settings="web", role="WEB")
    write(log, [("SecretReveal", 200, "secrets/a", None)], caller=who)
    auditor.goto(f"{AUDIT}/records?vault={log}&caller={who}")
    rows = auditor.locator("#rows tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("SecretReveal")
    expect(rows.locator(".tag")).to_have_count(0)
    with auditor.expect_download() as download:
        auditor.get_by_role("link", name="Export records").click()
    lines = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    assert [line["operationName"] for line in lines] == ["SecretReveal"]
    auditor.goto(f"{AUDIT}/queue")
    item = auditor.locator("section.card-panel", has_text="Secrets revealed").filter(has_text=who)
    item.get_by_role("link", name="View records").click()
    expect(rows).to_contain_text("SecretReveal")
    auditor.goto(f"{AUDIT}/records?caller=demo-application")
    expect(rows.first.locator(".tag", has_text="application")).to_be_visible()


def test_own_reading_is_shown(auditor, name):
    auditor.goto(f"{AUDIT}/records?caller={name}")
    auditor.goto(f"{AUDIT}/reading")
    expect(auditor.locator("tbody").first).to_contain_text(name)
    assert os.environ["PORTAL_USER_AUDITOR"]


@pytest.mark.parametrize(
    ("path", "operation"),
    [("integrity", "LogIntegrity"), ("patterns", "LogPatterns"), ("access", "AccessReview")],
)
def test_what_the_log_comes_to_is_reading_too(auditor, management, path, operation):
    """The owner of the vault sees in its log who looked, before anything was shown."""
    vault = management.named_vault()
    auditor.goto(f"{AUDIT}/{path}?vault={vault}")
    auditor.goto(f"{AUDIT}/reading")
    row = auditor.locator("tbody tr", has_text=operation).first
    expect(row).to_contain_text(vault)


def test_verified_to_is_the_number_of_a_record_that_was_verified(auditor, stack):
    """Numbers begin at 0: of 30 records the last is number 29."""
    log = new_log(30)
    reload_until(auditor, f"integrity?vault={log}", auditor.get_by_text("Verified to record"))
    expect(auditor.locator("main .value")).to_have_text("Verified to record 29")


def test_a_name_that_is_no_callers_may_be_an_objects(auditor, secrets, name):
    secrets.set_secret(name, "v")
    wait_numbered()
    auditor.goto(f"{AUDIT}/records")
    auditor.get_by_role("searchbox").first.fill(name)
    auditor.keyboard.press("Enter")
    auditor.get_by_role("link", name=f"secrets/{name}").click()
    expect(auditor.locator("#rows tr").first).to_contain_text("SecretSet")


def test_ask_from_one_field_whatever_one_has(auditor, secrets, name):
    secrets.set_secret(name, "v")
    for text in (f"secrets/{name}", "demo-application"):
        auditor.goto(f"{AUDIT}/records")
        auditor.get_by_role("searchbox", name="Search").fill(text)
        auditor.keyboard.press("Enter")
        expect(auditor.locator("#rows")).to_contain_text(f"secrets/{name}")
    auditor.locator("#rows a").first.click()
    request = auditor.locator("main").get_by_text("requestId").locator("xpath=following-sibling::dd[1]").text_content()
    auditor.get_by_role("searchbox", name="Search").fill(request)
    auditor.keyboard.press("Enter")
    expect(auditor.locator("#rows tr")).to_have_count(1)


def test_times_in_an_address_mean_the_same_to_everybody(new_context, auditor_state):
    with new_context(storage_state=auditor_state, timezone_id="Asia/Tokyo") as context:
        page = context.new_page()
        page.goto(f"{AUDIT}/records")
        page.goto(f"{AUDIT}/records?from=2026-11-24T09:00")
        assert "from=2026-11-24T00%3A00%3A00Z" in page.url


def test_take_the_records_that_are_shown_as_a_file(auditor, secrets, name):
    secrets.set_secret(name, "v")
    auditor.goto(f"{AUDIT}/records?object=secrets/{name}")
    with auditor.expect_download() as download:
        auditor.get_by_role("link", name="Export records").click()
    lines = [json.loads(line) for line in download.value.path().read_text().splitlines()]
    assert [line["operationName"] for line in lines] == ["SecretSet"]


def test_see_which_vaults_nobody_has_attested(auditor, management):
    vault = management.named_vault()
    auditor.goto(f"{AUDIT}/access")
    row = auditor.locator("section", has_text="All vaults").get_by_role("row", name=vault)
    expect(row.locator(".pill.attention")).to_have_text("never")
    row.get_by_role("link").click()
    expect(auditor.get_by_role("button", name=f"Attest access to {vault}")).to_be_visible()


def test_an_attestation_is_of_the_assignments_that_were_shown(auditor, management):
    vault = management.named_vault()
    path, role = f"vaults/{vault}/role-assignments", {"application": "demo-stranger", "role": "key-vault-reader"}
    address, attest = f"{AUDIT}/access?vault={vault}", f"Attest access to {vault}"
    auditor.goto(address)
    auditor.get_by_role("button", name=attest).click()
    people.confirm(auditor, os.environ["PORTAL_USER_AUDITOR"])
    auditor.goto(address)
    if auditor.get_by_text("none yet").count():  # asked who we are first
        auditor.get_by_role("button", name=attest).click()
    expect(auditor.locator(".pill.ok", has_text="attested")).to_be_visible()
    assert management.ask("POST", path, role).status == 201
    auditor.get_by_role("button", name=attest).click()
    expect(auditor.locator(".note.error", has_text="The assignments changed in the meantime.")).to_be_visible()
    row = auditor.locator(".matrix tbody tr", has_text="demo-stranger")
    expect(row.locator(".cell.all")).to_have_count(1)  # a reader sees what is there, and no more
    expect(auditor.locator(".pill.attention", has_text="changed since")).to_be_visible()
    changes = auditor.locator(".changes li")
    expect(changes).to_have_text("added demo-stranger · Key Vault Reader")
    picture(auditor, "auditor-access-changed")
    auditor.get_by_role("button", name=attest).click()
    expect(auditor.locator(".pill.ok", has_text="attested")).to_be_visible()
    expect(changes).to_have_count(0)
    assert management.ask("DELETE", path, role).status == 204
    auditor.goto(address)
    expect(changes).to_have_text("removed demo-stranger · Key Vault Reader")


def test_the_account_pages_work_on_this_host_too(auditor):
    for path in ("2fa/", "sessions/", "password/change/", "logout/"):
        assert auditor.goto(f"{AUDIT}/account/{path}").status == 200
        accessible(auditor)
