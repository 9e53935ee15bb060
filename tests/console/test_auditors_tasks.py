"""The tasks of auditors, as people do them."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest
from azure.keyvault.keys import KeyClient
from azure.keyvault.secrets import SecretClient
from playwright.sync_api import expect

from tests.support import people, programs
from tests.support.audit_portal import AUDIT, reload_until
from tests.support.counts import wait_counted, wait_numbered
from tests.support.management import vault_name
from tests.support.screenshots import accessible, picture
from tests.support.waiting import wait_until
from tests.support.written_logs import new_log, write

APPLICATION = """
import uuid
from apps.core.clock import now
from apps.domain.identity.models import ApplicationIdentity, User
client_id = uuid.uuid4()
user = User.objects.create(username=f"application:{client_id}", kind="application")
ApplicationIdentity.objects.create(user=user, client_id=client_id, name=sys.argv[1], created=now())
"""


def test_find_who_touched_a_secret_and_what_proves_it(auditor, secrets, name):
    secrets.set_secret(name, "v")
    secrets.get_secret(name)
    auditor.goto(f"{AUDIT}/records")
    auditor.get_by_label("Object").fill(f"secrets/{name}")
    auditor.get_by_role("button", name="Find records").click()
    rows = auditor.locator("#rows tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("SecretGet")
    expect(rows.nth(0)).to_contain_text("demo-application")
    picture(auditor, "auditor-records")
    wait_numbered()
    rows.nth(0).get_by_role("link").click()
    expect(auditor.get_by_role("heading", level=1)).to_have_text("SecretGet")
    expect(auditor.locator(".pill.ok", has_text="proven")).to_be_visible()
    picture(auditor, "auditor-record")
    auditor.get_by_role("link", name="Same object").click()
    expect(rows).to_have_count(2)
    rows.nth(0).get_by_role("link").click()
    auditor.get_by_role("link", name="Same caller").click()
    expect(auditor.locator(".chips")).to_contain_text("caller")
    expect(rows.first).to_contain_text("demo-application")


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


def test_see_what_else_the_same_request_left(auditor, stack, name):
    keys = stack.sdk(KeyClient)
    keys.create_ec_key(name)
    auditor.goto(f"{AUDIT}/records?object=keys/{name}&operation=KeyCreate")
    rows = auditor.locator("#rows tr")
    expect(rows).to_have_count(2)  # before the HSM was asked, and after
    rows.nth(0).get_by_role("link").click()
    section = auditor.locator("section.card-panel", has_text="Same request")
    section.get_by_role("link").first.click()
    expect(auditor.locator("dt", has_text="Phase").locator("xpath=following-sibling::dd[1]").first).to_have_text(
        "attempt"
    )
    assert auditor.locator("section.card-panel", has_text="Same request").get_by_role("link").count() == 1


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


def test_see_that_the_log_is_as_it_was_signed_and_check_it_now(auditor, secrets, name):
    secrets.set_secret(name, "v")
    auditor.goto(f"{AUDIT}/integrity?vault=demo-europe")
    expect(auditor.locator("main .value")).to_contain_text("Verified to record", timeout=30_000)
    auditor.get_by_role("button", name="Verify the whole log").click()
    expect(auditor.locator("#checks .task").first).to_contain_text("0 findings", timeout=15_000)


def test_verified_to_is_the_number_of_a_record_that_was_verified(auditor, stack):
    """Numbers begin at 0: of 30 records the last is number 29."""
    log = new_log(30)
    reload_until(auditor, f"integrity?vault={log}", auditor.get_by_text("Verified to record"))
    expect(auditor.locator("main .value")).to_have_text("Verified to record 29")


def test_see_how_far_an_owners_storage_has_the_log(auditor, management):
    vault = management.named_vault()
    place = {"kind": "directory", "settings": {"path": f"portal/{vault}"}}
    assert management.ask("PUT", f"vaults/{vault}/log-destination", place).status == 200
    path = f"vaults/{vault}/log-destination"
    wait_until(lambda: management.ask("GET", path).json()["delivery"]["delivered"], "a delivery", pause=0.2)
    row = auditor.get_by_role("row", name=f"portal/{vault}")

    def shown():
        auditor.goto(f"{AUDIT}/integrity?vault={vault}")
        expect(row).to_contain_text("delivering")
        return int(row.locator("td.num").inner_text())

    wait_until(shown, "the number of records that the storage has", pause=0.5)


def test_take_the_verifier_and_the_key(auditor):
    auditor.goto(f"{AUDIT}/integrity")
    with auditor.expect_download() as download:
        auditor.get_by_role("link", name="Download auditverify.py").click()
    program = download.value.path().read_bytes()
    assert program == (Path(__file__).parents[2] / "apps/audit_log/auditverify.py").read_bytes()


def test_pack_evidence_that_verifies_without_us(auditor, secrets, name, tmp_path):
    secrets.set_secret(name, "v", content_type='=HYPERLINK("http://evil")')
    wait_numbered()
    auditor.goto(f"{AUDIT}/evidence")
    auditor.get_by_label("Log").select_option("demo-europe")
    auditor.get_by_role("button", name="Create evidence pack").click()
    link = auditor.locator(".task").first.get_by_role("link", name="Download the pack")  # the newest is the first
    link.wait_for(timeout=120_000)  # the log of a whole run
    expect(auditor.locator("#spoken[aria-live=polite]")).to_have_text("The evidence pack of demo-europe is ready.")
    picture(auditor, "auditor-packs-done")
    with auditor.expect_download() as download:
        link.click()
    shutil.unpack_archive(download.value.path(), tmp_path, "zip")
    folder = tmp_path / "evidence-demo-europe"
    verify = [sys.executable, folder / "packverify.py", folder, "--vkey", (folder / "vkey.txt").read_text().strip()]
    clean = {"PATH": os.environ["PATH"]}
    good = subprocess.run(verify, env=clean, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stdout + good.stderr
    table = "".join(path.read_text() for path in (folder / "csv").iterdir())
    assert f"secrets/{name}" in table
    report = folder / "report.html"
    report.write_text(report.read_text().replace("SecretSet", "SecretGot"))
    bad = subprocess.run(verify, env=clean, capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert "report.html was altered" in bad.stdout


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


def test_choose_a_time_in_the_picture_and_take_a_filter_away(auditor, secrets, name):
    secrets.set_secret(name, "v")
    auditor.goto(f"{AUDIT}/records?vault=demo-europe&operation=SecretSet&last=1h")
    bars = auditor.locator("svg.chart a")
    expect(bars.first).to_be_attached()
    auditor.goto(f"{AUDIT}{bars.last.get_attribute('href')}")
    assert "from=" in auditor.url
    assert "to=" in auditor.url
    auditor.get_by_role("link", name="Remove the filter operation").click()
    assert "operation" not in auditor.url
    assert "vault=demo-europe" in auditor.url
    auditor.get_by_role("link", name="Remove the filter time").click()
    assert "from=" not in auditor.url
    assert "vault=demo-europe" in auditor.url


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


def burst(auditor):
    """The stranger's: other tests' callers were refused too."""
    items = auditor.locator("section.card-panel", has_text="Denial spike")
    return items.filter(has_text="demo-stranger").first


def test_sign_off_what_the_rules_found(auditor, stack):
    headers = {"Authorization": f"Bearer {stack.token(stranger=True)}"}
    for _ in range(11):
        stack.http().request("GET", f"{stack.vault_url}/secrets/none?api-version=7.6", headers=headers)
    auditor.goto(f"{AUDIT}/queue")
    auditor.get_by_role("navigation", name="Rules").get_by_role("link", name="Denial spike").click()
    expect(auditor.locator("main section h2", has_text="Access or policy changed")).to_have_count(0)
    item = burst(auditor)
    expect(item).to_contain_text("demo-stranger")
    item.get_by_role("button", name="Escalate").click()
    people.confirm(auditor, os.environ["PORTAL_USER_AUDITOR"])
    auditor.goto(f"{AUDIT}/queue")
    item = burst(auditor)
    if item.get_by_label("Note").count():  # refused without a word, or asked who we are first
        item.get_by_label("Note").fill("Asked the owner of demo-stranger.")
        item.get_by_role("button", name="Escalate").click()
    item = burst(auditor)
    expect(item).to_contain_text("Asked the owner of demo-stranger.")
    expect(item).to_contain_text("escalated")
    picture(auditor, "auditor-queue-signed")


def test_see_who_can_do_what_and_attest_it(auditor):
    auditor.goto(f"{AUDIT}/access?vault=demo-europe")
    row = auditor.get_by_role("row", name="demo-application").first
    expect(row).to_contain_text("Key Vault Administrator")
    auditor.get_by_label("Note").fill("Reviewed with the owner.")
    auditor.get_by_role("button", name="Attest access to demo-europe").click()
    people.confirm(auditor, os.environ["PORTAL_USER_AUDITOR"])
    auditor.goto(f"{AUDIT}/access?vault=demo-europe")
    if auditor.get_by_text("none yet").count():
        auditor.get_by_label("Note").fill("Reviewed with the owner.")
        auditor.get_by_role("button", name="Attest access to demo-europe").click()
    expect(auditor.locator(".pill.ok", has_text="attested")).to_be_visible()


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


def test_see_who_uses_which_secret(auditor, stack, management, name):
    url = management.vault()  # few callers and objects: a picture, not a table
    secrets = stack.sdk(SecretClient, url)
    secrets.set_secret(name, "v")
    secrets.get_secret(name)
    vault = vault_name(url)
    wait_counted(vault, "SecretGet", name)
    auditor.goto(f"{AUDIT}/patterns?vault={vault}")
    expect(auditor.get_by_role("figure").last).to_contain_text(f"secrets/{name}")
    picture(auditor, "auditor-patterns-used")


def test_the_account_pages_work_on_this_host_too(auditor):
    for path in ("2fa/", "sessions/", "password/change/", "logout/"):
        assert auditor.goto(f"{AUDIT}/account/{path}").status == 200
        accessible(auditor)
