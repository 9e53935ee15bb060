"""One byte of one record is changed in the database: the integrity page turns red at the next round and names it."""

import os

import psycopg
import pytest
from playwright.sync_api import expect

from tests.support.audit_portal import AUDIT, reload_until
from tests.support.screenshots import picture
from tests.support.written_logs import new_log

FLIP = "UPDATE audit_event SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 255) WHERE id = %s"


@pytest.fixture
def changed(stack):
    """(log, number) of a record that was changed; put right afterwards."""
    log, number = new_log(30), 7
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as owner:
        query = "SELECT event_id FROM audit_leaf WHERE log_id = %s AND seq = %s"
        record = owner.execute(query, [log, number]).fetchone()[0]

        def flip():
            owner.execute("ALTER TABLE audit_event DISABLE TRIGGER USER")
            owner.execute(FLIP, [record])
            owner.execute("ALTER TABLE audit_event ENABLE TRIGGER USER")

        flip()
        next_log = "UPDATE audit_verification SET looked = looked - interval '9 days', at = at - interval '9 days'"
        owner.execute(f"{next_log} WHERE log_id = %s", [log])  # its turn comes before that of all other tests' logs
        yield log, number
        flip()
        owner.execute("DELETE FROM audit_incident WHERE log_id = %s", [log])


def test_a_changed_record_shows_and_is_named(auditor, changed):
    log, number = changed
    row = auditor.get_by_role("row").filter(has_text=str(log)).filter(has_text=f"record {number} is not the signed one")
    reload_until(auditor, "integrity", row, seconds=60)
    expect(auditor.locator(".page-head .pill.wrong")).to_be_visible()
    picture(auditor, "auditor-integrity-wrong")
    auditor.goto(f"{AUDIT}/integrity?vault={log}")  # it is no vault's, and has a page all the same
    expect(auditor.locator("main .value")).to_have_text("Verification failed")
    auditor.get_by_role("button", name="Verify the whole log").click()
    expect(auditor.locator("#checks .task").first).to_contain_text("1 finding", timeout=20_000)
    row.first.get_by_role("link").click()
    expect(auditor.locator("main .pill.wrong").first).to_be_visible()
    expect(auditor.locator("main")).to_contain_text("was altered")
