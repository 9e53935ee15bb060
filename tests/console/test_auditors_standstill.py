"""Who should be at work hangs: the integrity page says so first, since when and what to do, and takes nothing for fresh."""

import time
import uuid
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from apps.core.clock import now
from tests.support.audit_api import Api
from tests.support.audit_portal import AUDIT, reload_until
from tests.support.processes import hanging
from tests.support.screenshots import look_at, picture
from tests.support.waiting import wait_until
from tests.support.written_logs import write


def write_old(log, name, seconds):
    """A genuine record that says it was made so many seconds ago: a test need not wait ten minutes for one."""
    write(log, [("KeySign", 200, "keys/k/1", now() - timedelta(seconds=seconds))], vault=name)


def log_state(stack, log):
    """What the query API says of one log."""
    return next((row for row in Api(stack).ask("logs").json() if row["log"] == str(log)), None)


@pytest.mark.parametrize(("seconds", "level"), [(15, "attention"), (120, "wrong")])
def test_a_sequencer_that_stands_is_told_first(auditor, stack, seconds, level):
    log = uuid.uuid4()
    write_old(log, "stands", 0)
    wait_until(lambda: log_state(stack, log), "the log")
    note = auditor.locator("main .note", has_text="No record was numbered and signed since")
    with hanging("audit-worker"):
        write_old(log, "stands", seconds)
        reload_until(auditor, "integrity", note)
        expect(note).to_contain_text("The audit worker does not respond.")
        expect(note).to_contain_text("./portal status")
        expect(auditor.locator(".page-head .pill")).to_have_class(f"pill {level}")
        expect(auditor.locator(".page-head .pill")).to_have_text("stalled")
        assert auditor.locator("main").inner_text().index("No record was numbered") < 400
        row = log_state(stack, log)
        assert (row["state"], row["unnumbered"], row["size"]) == (level, 1, 1)
        assert row["unnumbered_since"] < row["newest"]
        picture(auditor, f"auditor-integrity-stands-{level}")
        if level == "wrong":
            look_at(auditor, "auditor-integrity-stands")
    reload_until(auditor, "integrity", note, there=False)
    expect(auditor.locator(".page-head")).to_contain_text("verified.")
    assert log_state(stack, log)["unnumbered"] == 0


def test_a_check_that_stands_makes_what_was_verified_old(auditor, stack, owner):
    auditor.goto(f"{AUDIT}/integrity?vault=demo-europe")
    expect(auditor.locator("main .value")).to_contain_text("Verified to record", timeout=150_000)
    note = auditor.locator("main .note", has_text="No record was verified since")
    verified = auditor.locator("main p", has_text="signed").locator(".pill.ok", has_text="verified")
    with hanging("log-verifier"):
        time.sleep(1)
        owner.execute("UPDATE audit_verification SET looked = looked - interval '11 minutes'")
        reload_until(auditor, "integrity?vault=demo-europe", note)
        expect(auditor.locator(".page-head")).to_contain_text("intact when last verified")
        expect(auditor.locator(".page-head .pill.wrong")).to_be_visible()
        expect(verified).to_have_count(0)
        expect(auditor.locator("main .pill", has_text="last verified")).to_be_visible()
        assert {row["state"] for row in Api(stack).ask("logs").json()} == {"wrong"}
        picture(auditor, "auditor-integrity-unchecked")
    reload_until(auditor, "integrity?vault=demo-europe", verified)
    expect(note).to_have_count(0)


def test_a_delivery_that_hangs_is_late_by_the_log_itself(auditor, stack, management):
    """It holds its lock, and its last word is that nothing waits."""
    vault = management.named_vault()
    place = {"kind": "directory", "settings": {"path": f"portal/{vault}"}}
    assert management.ask("PUT", f"vaults/{vault}/log-destination", place).status == 200
    delivery = auditor.get_by_role("row", name=f"portal/{vault}")
    reload_until(auditor, "integrity", delivery.filter(has_text="delivering"))
    log = next(row["log"] for row in Api(stack).ask("logs").json() if row["vault"] == vault)
    stored = f"vaults/{vault}/log-destination"
    wait_until(
        lambda: management.ask("GET", stored).json()["delivery"]["delivered"] >= log_state(stack, log)["size"],
        "all records in the storage: the oldest one that waits is the old one then",
    )
    note = auditor.locator("main .note", has_text=f"No records of {vault} were delivered since")
    with hanging("log-delivery"):
        write_old(log, vault, 660)
        reload_until(auditor, "integrity", note)
        expect(note).to_contain_text("The delivery process runs but makes no progress.")
        expect(delivery.locator(".pill.wrong")).to_have_text("delayed")
        expect(auditor.locator(".page-head .pill.wrong")).to_be_visible()
        assert log_state(stack, log)["delivery"]["state"] == "wrong"
    reload_until(auditor, "integrity", delivery.filter(has_text="delivering"))
    expect(note).to_have_count(0)
    assert log_state(stack, log)["delivery"] == log_state(stack, log)["delivery"] | {
        "waiting_since": None,
        "state": "ok",
    }
