"""The tasks of auditors, as people do them."""

import os
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient
from playwright.sync_api import expect

from tests.portal.auditing import AUDIT


@pytest.fixture(scope="session")
def secrets(stack):
    return SecretClient(stack.vault_url, stack.credential(ClientSecretCredential), connection_verify=stack.ca)


@pytest.fixture
def name():
    return f"t{uuid.uuid4().hex[:10]}"


def test_find_who_touched_a_secret_and_what_proves_it(auditor, secrets, name, pictures):
    secrets.set_secret(name, "v")
    secrets.get_secret(name)
    auditor.goto(f"{AUDIT}/records")
    auditor.get_by_label("Object").fill(f"secrets/{name}")
    auditor.get_by_role("button", name="Find records").click()
    rows = auditor.locator("#rows tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("SecretGet")
    expect(rows.nth(0)).to_contain_text("demo-application")
    auditor.screenshot(path=pictures / "auditor-records.png", full_page=True)
    time.sleep(1.5)
    rows.nth(0).get_by_role("link").click()
    expect(auditor.get_by_role("heading", level=1)).to_have_text("SecretGet")
    expect(auditor.locator(".pill.ok", has_text="proven")).to_be_visible()
    auditor.screenshot(path=pictures / "auditor-record.png", full_page=True)


def test_follow_live_shows_what_happens_within_two_seconds(auditor, secrets, name):
    auditor.goto(f"{AUDIT}/records?vault=demo-europe")
    auditor.get_by_role("link", name="Follow live").click()
    auditor.wait_for_load_state()
    started = time.monotonic()
    secrets.set_secret(name, "v")
    expect(auditor.locator("#rows")).to_contain_text(f"secrets/{name}", timeout=4000)
    assert time.monotonic() - started < 2.5


def test_own_reading_is_shown(auditor, name):
    auditor.goto(f"{AUDIT}/records?caller={name}")
    auditor.goto(f"{AUDIT}/reading")
    expect(auditor.locator("tbody").first).to_contain_text(name)
    assert os.environ["PORTAL_USER_AUDITOR"]


def test_see_that_the_log_is_as_it_was_signed_and_check_it_now(auditor, secrets, name):
    secrets.set_secret(name, "v")
    auditor.goto(f"{AUDIT}/integrity?vault=demo-europe")
    expect(auditor.locator("main .value")).to_contain_text("Verified to record", timeout=30_000)
    auditor.get_by_role("button", name="Check the whole log").click()
    expect(auditor.locator("#checks .task").first).to_contain_text("0 findings", timeout=15_000)


def test_take_the_verifier_and_the_key(auditor):
    auditor.goto(f"{AUDIT}/integrity")
    with auditor.expect_download() as download:
        auditor.get_by_role("link", name="Download auditverify.py").click()
    program = download.value.path().read_bytes()
    assert program == (Path(__file__).parents[2] / "apps/audit/auditverify.py").read_bytes()


def test_pack_evidence_that_verifies_without_us(auditor, secrets, name, tmp_path, pictures):
    secrets.set_secret(name, "v", content_type='=HYPERLINK("http://evil")')
    time.sleep(1.5)  # records get their numbers
    auditor.goto(f"{AUDIT}/evidence")
    auditor.get_by_label("Log").select_option("demo-europe")
    auditor.get_by_role("button", name="Pack evidence").click()
    link = auditor.get_by_role("link", name="Download the pack").first
    link.wait_for(timeout=30_000)
    auditor.screenshot(path=pictures / "auditor-packs-done.png", full_page=True)
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
