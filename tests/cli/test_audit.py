"""What auditors do at the command line, against their own host."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
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


def test_following_shows_what_comes_until_it_is_stopped(auditor, stack):
    command = [*auditor.program, "audit", "tail", "--follow", "-n", "0", "--vault", "demo-europe", "--status", "403"]
    process = subprocess.Popen(command, env=auditor.environment, cwd=auditor.home, stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(3)  # it has looked for the first time
        name = f"never-was-{uuid.uuid4().hex[:8]}"
        stranger = {"Authorization": f"Bearer {stack.token(stranger=True)}"}
        stack.http().request("GET", f"{stack.vault_url}/secrets/{name}?api-version=7.6", headers=stranger)
        begun = time.monotonic()
        while name not in process.stdout.readline():
            assert time.monotonic() - begun < 10
        assert time.monotonic() - begun < 5
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(10) in {0, 1, 130, -signal.SIGINT}


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


def test_a_pack_is_made_fetched_and_checked_without_the_service(recorded, auditor, tmp_path):
    time.sleep(1.5)  # records get their numbers
    made = auditor.json("audit", "pack", "--vault", "demo-europe", "--last", "15m", "-o", "evidence.zip")
    data = (tmp_path / "evidence.zip").read_bytes()
    assert (made["state"], made["bytes"], made["sha256"]) == ("done", len(data), hashlib.sha256(data).hexdigest())
    shutil.unpack_archive(tmp_path / "evidence.zip", tmp_path, "zip")
    folder = tmp_path / "evidence-demo-europe"
    assert recorded in "".join(path.read_text() for path in (folder / "csv").iterdir())
    (tmp_path / "log.vkey").write_text(auditor.run("audit", "vkey").stdout)
    verify = [
        sys.executable,
        folder / "packverify.py",
        folder,
        "--vkey",
        (tmp_path / "log.vkey").read_text().split()[0],
    ]
    checked = subprocess.run(verify, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    auditor.run("audit", "pack", "--vault", "demo-europe", code=2)
    auditor.run("audit", "pack", "--vault", "demo-europe", "--from", "2020-01-01", "--to", "2020-01-02", code=1)
    auditor.run("audit", "pack", "--vault", "no-such-vault", "--last", "1h", code=4)


def test_a_span_is_a_time_before_now(recorded, auditor):
    found = auditor.json("audit", "search", "--object", f"keys/{recorded}", "--last", "15m")
    assert found
    assert auditor.json("audit", "search", "--object", f"keys/{recorded}", "--last", "1h", "--to", "2026-01-01") == []
    for span in ("soon", "0d", "5y"):
        auditor.run("audit", "search", "--last", span, code=2)
    auditor.run("audit", "search", "--last", "1h", "--from", "2026-11-01", code=2)


def test_other_duties_and_applications_read_nothing(application, nobody):
    application.run("audit", "search", code=3)
    secops = as_person(nobody, "SECOPS")
    if address := os.environ.get("PORTAL_AUDIT_URL"):
        secops.environment["PORTAL_AUDIT_URL"] = address
    refused = secops.run("audit", "search", code=4)
    assert refused.stdout == ""
