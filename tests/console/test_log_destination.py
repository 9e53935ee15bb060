"""Security operations send a vault's log to storage of its own, see that it arrives, and what happens when it does not."""

import os
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.console.test_tasks import make_vault
from tests.support.people import PORTAL, confirm, let_proof_grow_old, session_of
from tests.support.screenshots import look_at
from tests.support.waiting import wait_until

ME = os.environ.get("PORTAL_USER_SECOPS", "")
SETTINGS = "the-secret-access-key-nobody-sees"


@pytest.fixture
def vault(page):
    name = f"t{uuid.uuid4().hex[:10]}"
    make_vault(page, name)
    return name


def choose(page, vault, kind, fields):
    page.goto(f"{PORTAL}/secops/vaults/{vault}/log-destination?kind={kind}")
    for label, value in fields.items():
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Save destination of").click()
    confirm(page, ME)


def test_a_log_goes_into_a_directory_and_the_page_tells(page, vault):
    page.goto(f"{PORTAL}/secops/vaults/{vault}/settings")
    expect(page.get_by_text("not exported")).to_be_visible()
    choose(page, vault, "directory", {"Directory": f"portal/{vault}"})
    page.goto(f"{PORTAL}/secops/vaults/{vault}/settings")
    page.get_by_role("button", name="Test destination").click()
    expect(page.get_by_text("Test object delivered.")).to_be_visible(timeout=30_000)
    tree = Path(os.environ["TEST_STATE_DIR"]) / "delivered" / "portal" / vault
    wait_until(lambda: list(tree.glob("*/*/manifests/*")), "a delivery", pause=0.2)
    page.reload()
    expect(page.get_by_text("delivering", exact=True)).to_be_visible()
    expect(page.get_by_text("p99")).to_be_visible()
    page.get_by_text("Redeliver a range").click()
    page.get_by_label("First record").fill("0")
    page.get_by_label("Last record").fill("0")
    page.get_by_role("button", name="Redeliver records").click()
    expect(page.get_by_text("These records will be redelivered.")).to_be_visible()
    look_at(page, "log_delivering")


def test_a_storage_that_does_not_answer_is_said_with_what_to_do(page, vault):
    fields = {"Storage URL": "https://localhost:1", "Bucket": "usage-logs"}
    choose(page, vault, "s3", {**fields, "Access key ID": "AKIA", "Secret access key": SETTINGS})
    page.goto(f"{PORTAL}/secops/vaults/{vault}/settings")
    page.get_by_role("button", name="Test destination").click()
    expect(page.get_by_text("The storage rejected the test object.")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("alert").get_by_text("does not answer")).to_be_visible()
    look_at(page, "log_failing")
    assert SETTINGS not in page.content()
    page.goto(f"{PORTAL}/secops/vaults/{vault}/log-destination")
    assert SETTINGS not in page.content()
    expect(page.get_by_text("Stored encrypted. Leave empty to keep.").first).to_be_visible()


def test_a_wrong_setting_is_told_beside_the_form_and_repeats_no_credential(page, vault):
    choose(page, vault, "webhook", {"Address": "http://example.com", "Signing secret": "whsec_not-a-secret"})
    if "log-destination" not in page.url:
        choose(page, vault, "webhook", {"Address": "http://example.com", "Signing secret": "whsec_not-a-secret"})
    expect(page.get_by_role("alert")).to_contain_text("https://")
    assert "whsec_not-a-secret" not in page.content()


def test_days_of_retention_are_kept(page, vault):
    page.goto(f"{PORTAL}/secops/vaults/{vault}/settings")
    page.get_by_label("Keep records for … days").fill("400")
    page.get_by_role("button", name="Save log retention").click()
    confirm(page, ME)
    page.goto(f"{PORTAL}/secops/vaults/{vault}/settings")
    expect(page.get_by_label("Keep records for … days")).to_have_value("400")


def test_no_credential_waits_in_the_session_while_somebody_proves_who_they_are(page, vault):
    """django-allauth keeps a suspended POST in the session, which rests in the database."""
    page.goto(f"{PORTAL}/secops/vaults/{vault}/log-destination?kind=webhook")
    confirm(page, ME)
    page.goto(f"{PORTAL}/secops/vaults/{vault}/log-destination?kind=webhook")
    page.get_by_label("Address").fill("https://127.0.0.1:9/log")
    page.get_by_label("Secret").fill(SETTINGS)
    let_proof_grow_old(page.context)
    page.get_by_role("button", name="Save destination of").click()
    page.wait_for_load_state()
    assert "reauthenticate" in page.url
    assert SETTINGS not in str(session_of(page.context))
    expect(page.get_by_text("The form was not saved")).to_be_visible()
    confirm(page, ME)
    page.wait_for_url("**/log-destination?kind=webhook")
    assert SETTINGS not in page.content()
