"""The tasks of auditors, as people do them."""

import os
import time
import uuid

import pytest
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient
from playwright.sync_api import expect

from tests.portal import auditing
from tests.portal.auditing import AUDIT


@pytest.fixture(scope="session")
def auditor_state(new_context):
    with new_context() as context:
        auditing.sign_in(context.new_page())
        return context.storage_state()


@pytest.fixture
def auditor(new_context, auditor_state):
    with new_context(storage_state=auditor_state) as context:
        yield context.new_page()


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
