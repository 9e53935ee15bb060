"""What auditors do at the command line, against their own host."""

import json
import os
import re
import uuid

import pytest

from tests.cli.conftest import as_person

pytestmark = pytest.mark.stack


@pytest.fixture
def auditor(nobody):
    terminal = as_person(nobody, "AUDITOR")
    if address := os.environ.get("PORTAL_AUDIT_URL"):
        terminal.environment["PORTAL_AUDIT_URL"] = address
    return terminal


@pytest.fixture
def recorded(application):
    """A key that somebody made just now; its name is in the log."""
    name = f"cli-{uuid.uuid4().hex[:10]}"
    application.run("key", "create", name, "--type", "EC", "--software")
    for variable in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "PORTAL_VAULT"):
        application.environment.pop(variable)
    return name


def test_a_record_is_found_by_its_object_and_the_newest_comes_first(recorded, auditor):
    found = auditor.json("audit", "search", "--vault", "demo-europe", "--object", f"keys/{recorded}")
    assert found
    assert all(recorded in json.dumps(record) for record in found)
    newest = auditor.json("audit", "search", "--operation", "KeyCreate", "--limit", "1")
    assert len(newest) == 1


def test_the_tail_ends_with_what_happened_last(recorded, auditor):
    lines = auditor.run("audit", "tail", "--operation", "KeyCreate", "-n", "20").stdout.splitlines()
    assert any(recorded in line for line in lines[-3:])


def test_an_export_has_one_record_a_line(recorded, auditor, tmp_path):
    auditor.run("audit", "export", "--object", f"keys/{recorded}", "-o", "log.ndjson")
    records = [json.loads(line) for line in (tmp_path / "log.ndjson").read_text().splitlines()]
    assert records
    assert all(recorded in json.dumps(record) for record in records)


def test_a_line_for_people_says_who_did_what(recorded, auditor):
    shown = auditor.run("audit", "search", "--object", f"keys/{recorded}", "--operation", "KeyCreate").stdout
    assert shown.split("\n")[0].split() == [
        "TIME",
        "VAULT",
        "OPERATION",
        "STATUS",
        "CALLER",
        "OBJECT",
        "ADDRESS",
        "REQUEST",
    ]
    assert re.search(rf"demo-europe +KeyCreate +20\d +[0-9a-f-]{{36}} +keys/{recorded}", shown)


def test_the_key_of_the_log_is_told_and_an_empty_directory_is_no_log(auditor, tmp_path):
    (tmp_path / "log.vkey").write_text(auditor.run("audit", "vkey").stdout)
    (tmp_path / "empty").mkdir()
    refused = auditor.run("audit", "verify", "empty", "--vkey", "log.vkey", "--json", code=1)
    assert json.loads(refused.stdout)["good"] is False


def test_other_duties_and_applications_read_nothing(application, nobody):
    application.run("audit", "search", code=3)
    secops = as_person(nobody, "SECOPS")
    if address := os.environ.get("PORTAL_AUDIT_URL"):
        secops.environment["PORTAL_AUDIT_URL"] = address
    refused = secops.run("audit", "search", code=4)
    assert refused.stdout == ""
