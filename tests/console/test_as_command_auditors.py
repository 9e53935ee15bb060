"""The explorer and the page of integrity show the commands that read the same."""

import json
import shlex
import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from azure.keyvault.secrets import SecretClient
from playwright.sync_api import expect

from tests.cli.conftest import Terminal, as_person, program
from tests.console.test_as_command import run, shown
from tests.support.audit_portal import AUDIT
from tests.support.counts import wait_numbered
from tests.support.screenshots import look_at

pytestmark = pytest.mark.stack


@pytest.fixture
def terminal(stack, tmp_path):
    there = as_person(Terminal(tmp_path, program(), PORTAL_URL=stack.portal_url, PORTAL_CA=stack.ca), "AUDITOR")
    del there.environment["PORTAL_VAULT"]
    there.environment["PORTAL_AUDIT_URL"] = AUDIT
    return there


@pytest.fixture
def touched(stack):
    """A secret that the demo's application set and read."""
    name = f"t{uuid.uuid4().hex[:10]}"
    secrets = stack.sdk(SecretClient)
    secrets.set_secret(name, "v")
    secrets.get_secret(name)
    wait_numbered()
    return name


def ids(text):
    return [record["recordId"] for record in json.loads(text)]


def test_the_explorer_shows_its_search_its_export_and_its_tail(auditor, terminal, touched, tmp_path):
    auditor.goto(f"{AUDIT}/records?vault=demo-europe&caller=demo-application&object=secrets/{touched}&last=1h")
    rows = auditor.locator("#rows tr").count()
    search, export = shown(auditor).splitlines()
    assert "--last 1h" in search
    found = json.loads(run(terminal, f"{search} --json").stdout)
    assert [record["operationName"] for record in found] == ["SecretGet", "SecretSet"]
    assert len(found) == rows
    run(terminal, export)
    assert len((tmp_path / "records.ndjson").read_text().splitlines()) == rows
    request = found[0]["properties"]["requestId"]
    auditor.goto(f"{AUDIT}/records?request_id={request}&status=200")
    by_request, _export = shown(auditor).splitlines()
    assert len(json.loads(run(terminal, f"{by_request} --json").stdout)) == 1
    auditor.goto(f"{AUDIT}/records?vault=demo-europe&operation=SecretSet&live=1")
    tail = shown(auditor)
    assert tail == "portal audit tail --follow --vault demo-europe --operation SecretSet"
    assert f"secrets/{touched}" in run(terminal, tail.replace(" --follow", "")).stdout


def test_nothing_found_offers_a_command_that_is_one(auditor, terminal):
    auditor.goto(f"{AUDIT}/records?caller=nobody-{uuid.uuid4().hex}")
    offered = auditor.locator(".empty pre").text_content()
    assert "RECORD" not in run(terminal, offered).stderr


def test_the_page_of_integrity_shows_how_to_verify(auditor, terminal, tmp_path):
    auditor.goto(f"{AUDIT}/integrity")
    vkey, verify = shown(auditor).splitlines()
    command, _to, file = vkey.partition(" > ")
    (tmp_path / file).write_text(run(terminal, command).stdout)
    (tmp_path / "DIR").mkdir()
    assert json.loads(run(terminal, f"{verify} --json", code=1).stdout)["good"] is False, "no log is in it"


def test_a_pack_of_the_chosen_time_in_the_persons_zone(new_context, auditor_state, terminal, touched, tmp_path):
    with new_context(storage_state=auditor_state, timezone_id="Asia/Tokyo") as context:
        page = context.new_page()
        page.goto(f"{AUDIT}/evidence")
        page.goto(f"{AUDIT}/evidence")  # the zone is known by now
        first = shlex.split(shown(page))
        page.get_by_label("Log").select_option("demo-europe")
        local = page.get_by_label("From").input_value()
        since = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Asia/Tokyo")).astimezone(UTC)
        assert first[6] == f"{since:%Y-%m-%dT%H:%M:%S}"
        expect(page.locator("#as-command")).to_contain_text(f"audit pack --vault demo-europe --from {first[6]}")
        recently = datetime.now(UTC) - timedelta(minutes=2)
        page.get_by_label("From").fill(f"{recently.astimezone(ZoneInfo('Asia/Tokyo')):%Y-%m-%dT%H:%M}")
        expect(page.locator("#as-command")).to_contain_text(f"--from {recently:%Y-%m-%dT%H:%M}:00 --to ")
        made = json.loads(run(terminal, page.locator("#as-command").text_content() + " --json").stdout)
    assert (tmp_path / made["file"]).stat().st_size == made["bytes"]


def test_unfolded_commands_are_read_and_fit_a_narrow_screen(auditor, touched):
    auditor.goto(f"{AUDIT}/records")
    auditor.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
    look_at(auditor, "auditor-commands-records")
