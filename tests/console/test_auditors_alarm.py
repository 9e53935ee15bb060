"""One byte of one record is changed in the database: the integrity page turns red within a minute and names it."""

import os
import time
import uuid

import psycopg
import pytest
from playwright.sync_api import expect

from tests.auditor_web.test_packs import SIZE, WRITE, run
from tests.support.audit_portal import AUDIT
from tests.support.screenshots import picture

FLIP = "UPDATE audit_event SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 255) WHERE id = %s"


@pytest.fixture
def changed(stack):
    """(log, number) of a record that was changed; put right afterwards."""
    log, number = uuid.uuid4(), 7
    run(WRITE, log, 30, settings="web", role="WEB")
    until = time.monotonic() + 60
    while int(run(SIZE, log)) < 30:
        assert time.monotonic() < until
        time.sleep(0.3)
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        query = "SELECT event_id FROM audit_leaf WHERE log_id = %s AND seq = %s"
        record = owner.execute(query, [log, number]).fetchone()[0]

        def flip():
            owner.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
            owner.execute(FLIP, [record])
            owner.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")

        flip()
        yield log, number
        flip()
        owner.execute("DELETE FROM audit_incident WHERE log_id = %s", [log])


def test_a_changed_record_shows_and_is_named(auditor, changed):
    log, number = changed
    until = time.monotonic() + 60
    row = auditor.get_by_role("row").filter(has_text=str(log)).filter(has_text=f"record {number} is not the signed one")
    while not row.count():
        assert time.monotonic() < until, "a minute has passed"
        time.sleep(1)
        auditor.goto(f"{AUDIT}/integrity")
    expect(auditor.locator(".page-head .pill.wrong")).to_be_visible()
    picture(auditor, "auditor-integrity-wrong")
    auditor.goto(f"{AUDIT}/integrity?vault={log}")  # it is no vault's, and has a page all the same
    expect(auditor.locator("main .value")).to_have_text("Verification failed")
    auditor.get_by_role("button", name="Verify the whole log").click()
    expect(auditor.locator("#checks .task").first).to_contain_text("1 finding", timeout=20_000)
    row.first.get_by_role("link").click()
    expect(auditor.locator("main .pill.wrong").first).to_be_visible()
    expect(auditor.locator("main")).to_contain_text("was altered")
