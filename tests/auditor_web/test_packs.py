"""Evidence packs: they go on after a kill, stop when cancelled, stay small in memory, and verify without us."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import psutil
import pytest

from apps.audit_reader.evidence_packs import escape_formula
from tests.support.processes import pid_of
from tests.support.waiting import wait_until
from tests.support.written_logs import as_auditor, new_log

pytestmark = pytest.mark.stack
RECORDS = int(os.environ.get("PACKED_RECORDS", "30000"))

FORMULA = "=cmd|' /C calc'!A0"

ASK = """
import uuid
from datetime import timedelta
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.audit_reader import tasks
from apps.core.clock import now
grant = system_grant(Permission.AUDIT_READ, origin="tests")
moment = now()
print(tasks.request_pack(grant=grant, log_id=uuid.UUID(sys.argv[1]), vault_name="packed", since=moment - timedelta(hours=1),
    until=moment, now=moment).pk)
"""
LOOK = """
import json
from apps.audit_reader import tasks
task = tasks.get_task(task_id=sys.argv[1])
print(json.dumps({"state": task.state, "done": task.done, "total": task.total, "result": task.result}))
"""
CANCEL = """
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.audit_reader import tasks
from apps.core.clock import now
tasks.cancel(grant=system_grant(Permission.AUDIT_READ, origin="tests"), task_id=sys.argv[1], now=now())
"""


def wait_for(task, reached, *, each=lambda: None):
    """What is known of a task, as soon as it is as far as `reached` says."""

    def look():
        each()
        outcome = json.loads(as_auditor(LOOK, task))
        return outcome if reached(outcome) else None

    return wait_until(look, "the task", seconds=280, pause=0.1)


@pytest.fixture(scope="module")
def large_log(stack):
    return new_log(RECORDS, agent=FORMULA)


def unpacked(outcome, directory):
    """The folder of a finished pack."""
    with zipfile.ZipFile(Path(os.environ["EVIDENCE_DIR"]) / outcome["result"]["file"]) as archive:
        archive.extractall(directory)
    return directory / "evidence-packed"


def verify(folder):
    """packverify's process, ended, with the keys that this installation trusts."""
    key = Path(os.environ["AUDIT_VKEY_FILE"]).read_text().strip()
    command = [sys.executable, folder / "packverify.py", folder, "--vkey", key]
    return subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)


def test_a_killed_worker_goes_on_and_the_pack_verifies_without_us(large_log, owner, tmp_path):
    task = as_auditor(ASK, large_log)
    wait_for(task, lambda outcome: outcome["done"] > 0)
    os.kill(pid_of("auditor-worker"), signal.SIGKILL)
    owner.execute("UPDATE auditing_task SET leased_until = now() WHERE id = %s", [task])  # as if 15 s had passed
    outcome = wait_for(task, lambda outcome: outcome["state"] in {"done", "failed"})
    assert (outcome["state"], outcome["done"], outcome["total"]) == ("done", RECORDS, RECORDS)
    folder = unpacked(outcome, tmp_path)
    checked = verify(folder)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    cells = next(iter(sorted((folder / "csv").iterdir()))).read_text()
    assert "\"'=cmd|" in cells
    assert '"=cmd' not in cells


def test_whatever_is_changed_in_a_pack_is_named(stack, tmp_path):
    folder = unpacked(wait_for(as_auditor(ASK, new_log(300)), lambda outcome: outcome["state"] == "done"), tmp_path)
    assert verify(folder).returncode == 0
    files = [next(path for path in sorted((folder / name).rglob("*")) if path.is_file()) for name in ("csv", "log")]
    for path in (folder / "manifest.json", folder / "report.html", *files):
        good = path.read_bytes()
        path.write_bytes(good[:-1] + b"?")
        checked = verify(folder)
        assert checked.returncode == 1
        assert path.name in checked.stdout
        path.write_bytes(good)


def test_memory_does_not_grow_with_the_records(large_log):
    task, seen = as_auditor(ASK, large_log), []
    process = psutil.Process(pid_of("auditor-worker"))
    before = process.memory_info().rss
    started = time.monotonic()
    outcome = wait_for(
        task, lambda outcome: outcome["state"] == "done", each=lambda: seen.append(process.memory_info().rss)
    )
    grown = max([*seen, before]) - before
    seconds = time.monotonic() - started
    sys.stderr.write(f"{outcome['total']} records in {seconds:.0f} s, {grown >> 20} MiB more, ")
    assert grown < 80 << 20


def test_a_cancelled_pack_leaves_nothing(large_log):
    task = as_auditor(ASK, large_log)
    as_auditor(CANCEL, task)
    assert wait_for(task, lambda outcome: True)["state"] == "cancelled"
    directory = Path(os.environ["EVIDENCE_DIR"]) / task
    wait_until(lambda: not directory.exists(), "an empty place")


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "|calc", "%x", "  =1", *"\uff1d\uff0b\uff0d\uff20"]
)
def test_no_cell_is_a_formula(text):
    assert escape_formula(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("x;=cmd|'/C calc'!A0;", "x;'=cmd|'/C calc'!A0;"),
        ("x,+1,-1,2", "x,'+1,'-1,2"),
        ("x\t@SUM(A1)", "x\t'@SUM(A1)"),
        ("x\n=1", "x\n'=1"),
        ("x; =1", "x;' =1"),
        ("x;\uff1d1", "x;'\uff1d1"),
        ("\t=1", "'\t'=1"),
        ("=1;=1", "'=1;'=1"),
    ],
)
def test_no_part_of_a_cell_is_one_where_another_character_ends_cells(text, cell):
    assert escape_formula(text) == cell


OTHERS = ["KeySign", "", "a=b", "2026", "keys/a-b/1", "x; y, z", "Mozilla/5.0 (X11; Linux x86_64) a+b@c", " x"]


def test_other_cells_stay_as_they_are():
    assert [escape_formula(text) for text in OTHERS] == OTHERS
