"""Who should be at work hangs: the integrity page says so first, since when and what to do, and takes nothing for fresh."""

import os
import time
import uuid

import psycopg
import pytest
from playwright.sync_api import expect

from tests.auditor_web.test_packs import run
from tests.lifecycle.conftest import Management
from tests.support.audit_api import Api
from tests.support.audit_portal import AUDIT
from tests.support.processes import hanging
from tests.support.screenshots import look_at, picture

# A genuine record that says it was made so many seconds ago: nobody wants to wait ten minutes for each test.
WRITE_OLD = """
import uuid
from datetime import timedelta
from apps.domain.access.grants import Scope
from apps.domain.access.audit_records import make_record
from apps.audit_log import writer
from apps.core.clock import now
from apps.core.principals import RequestContext
log, name, seconds = uuid.UUID(sys.argv[1]), sys.argv[2], float(sys.argv[3])
context = RequestContext(request_id=uuid.uuid4(), address="192.0.2.9")
record = make_record(None, Scope(log, name), context, operation="KeySign", phase="outcome", status=200,
    object_id="keys/k/1", at=now() - timedelta(seconds=seconds))
writer.append([record])
"""


def write_old(log, name, seconds):
    run(WRITE_OLD, log, name, seconds, settings="web", role="WEB")


@pytest.fixture
def owner():
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        yield connection


def shows(page, locator, *, seconds=40, address="integrity"):
    """The page, loaded again and again, has it within so long."""
    until = time.monotonic() + seconds
    page.goto(f"{AUDIT}/{address}")
    while not locator.count():
        assert time.monotonic() < until, page.locator("main").inner_text()[:2000]
        time.sleep(0.5)
        page.goto(f"{AUDIT}/{address}")


def gone(page, locator, *, seconds=40):
    """The page, loaded again and again, has it no more."""
    until = time.monotonic() + seconds
    while locator.count():
        assert time.monotonic() < until, page.locator("main").inner_text()[:2000]
        time.sleep(0.5)
        page.goto(page.url)


def told(stack, log):
    """What the query API says of one log."""
    return next(row for row in Api(stack).ask("logs").json() if row["log"] == str(log))


@pytest.mark.parametrize(("seconds", "level"), [(15, "attention"), (120, "wrong")])
def test_a_sequencer_that_stands_is_told_first(auditor, stack, seconds, level):
    log = uuid.uuid4()
    write_old(log, "stands", 0)
    until = time.monotonic() + 20
    while not [row for row in Api(stack).ask("logs").json() if row["log"] == str(log)]:
        assert time.monotonic() < until
        time.sleep(0.3)
    note = auditor.locator("main .note", has_text="No record was numbered and signed since")
    with hanging("audit-worker"):
        write_old(log, "stands", seconds)
        shows(auditor, note)
        expect(note).to_contain_text("The audit worker does not respond.")
        expect(note).to_contain_text("./portal status")
        expect(auditor.locator(".page-head .pill")).to_have_class(f"pill {level}")
        expect(auditor.locator(".page-head .pill")).to_have_text("stalled")
        assert auditor.locator("main").inner_text().index("No record was numbered") < 400
        row = told(stack, log)
        assert (row["state"], row["unnumbered"], row["size"]) == (level, 1, 1)
        assert row["unnumbered_since"] < row["newest"]
        picture(auditor, f"auditor-integrity-stands-{level}")
        if level == "wrong":
            look_at(auditor, "auditor-integrity-stands")
    gone(auditor, note)
    expect(auditor.locator(".page-head")).to_contain_text("verified.")
    assert told(stack, log)["unnumbered"] == 0


def test_a_check_that_stands_makes_what_was_verified_old(auditor, stack, owner):
    auditor.goto(f"{AUDIT}/integrity?vault=demo-europe")
    expect(auditor.locator("main .value")).to_contain_text("Verified to record", timeout=60_000)
    note = auditor.locator("main .note", has_text="No record was verified since")
    verified = auditor.locator("main p", has_text="signed").locator(".pill.ok", has_text="verified")
    with hanging("audit-worker"):
        time.sleep(1)
        owner.execute("UPDATE audit_verification SET looked = looked - interval '11 minutes'")
        shows(auditor, note, address="integrity?vault=demo-europe")
        expect(auditor.locator(".page-head")).to_contain_text("intact when last verified")
        expect(auditor.locator(".page-head .pill.wrong")).to_be_visible()
        expect(verified).to_have_count(0)
        expect(auditor.locator("main .pill", has_text="last verified")).to_be_visible()
        assert {row["state"] for row in Api(stack).ask("logs").json()} == {"wrong"}
        picture(auditor, "auditor-integrity-unchecked")
    shows(auditor, verified, address="integrity?vault=demo-europe", seconds=90)
    expect(note).to_have_count(0)


def test_a_delivery_that_hangs_is_late_by_the_log_itself(auditor, stack):
    """It holds its lock, and its last word is that nothing waits."""
    management = Management(stack)
    vault = management.vault().split("//")[1].split(".")[0]
    place = {"kind": "directory", "settings": {"path": f"portal/{vault}"}}
    assert management.ask("PUT", f"vaults/{vault}/log-destination", place).status == 200
    delivery = auditor.get_by_role("row", name=f"portal/{vault}")
    shows(auditor, delivery.filter(has_text="delivering"))
    log = next(row["log"] for row in Api(stack).ask("logs").json() if row["vault"] == vault)
    note = auditor.locator("main .note", has_text=f"No records of {vault} were delivered since")
    with hanging("log-delivery"):
        write_old(log, vault, 660)
        shows(auditor, note)
        expect(note).to_contain_text("The delivery process runs but makes no progress.")
        expect(delivery.locator(".pill.wrong")).to_have_text("delayed")
        expect(auditor.locator(".page-head .pill.wrong")).to_be_visible()
        assert told(stack, log)["delivery"]["state"] == "wrong"
    shows(auditor, delivery.filter(has_text="delivering"))
    expect(note).to_have_count(0)
    assert told(stack, log)["delivery"] == told(stack, log)["delivery"] | {"waiting_since": None, "state": "ok"}
