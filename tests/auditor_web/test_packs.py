"""Evidence packs: they go on after a kill, stop when cancelled, stay small in memory, and verify without us."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
import zipfile
from pathlib import Path

import psutil
import pytest

from apps.audit_reader.evidence_packs import escape_formula
from tests.support import programs
from tests.support.processes import pid_of

pytestmark = pytest.mark.stack
RECORDS = int(os.environ.get("PACKED_RECORDS", "30000"))

WRITE = """
import uuid
from apps.domain.access.grants import Scope
from apps.domain.access.audit_records import make_record
from apps.audit_log import writer
from apps.core.principals import RequestContext
log, count = uuid.UUID(sys.argv[1]), int(sys.argv[2])
agent, request = "=cmd|' /C calc'!A0", uuid.uuid4()
for start in range(0, count, 500):
    context = RequestContext(request_id=uuid.uuid4(), address="192.0.2.7", user_agent=agent)
    scope = Scope(log, "packed")
    writer.append([
        make_record(None, scope, context, operation="KeySign", phase="outcome", status=200, object_id=f"keys/k{n}/1",
                    clientInfo=agent)
        for n in range(start, min(start + 500, count))
    ])
"""
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
SIZE = """
from apps.audit_reader import log_entries
print(log_entries.head(log_id=sys.argv[1])[0])
"""


def run(program, *arguments, settings="auditor_web", role="AUDITOR"):
    return programs.output_of(program, *arguments, settings=settings, role=role)


def wait_for(task, reached, *, seconds=120, each=lambda: None):
    until = time.monotonic() + seconds
    while not reached(told := json.loads(run(LOOK, task))):
        assert time.monotonic() < until, told
        each()
        time.sleep(0.1)
    return told


@pytest.fixture(scope="module")
def log(stack):
    """A log with many records, all of which have their number."""
    identity = uuid.uuid4()
    run(WRITE, identity, RECORDS, settings="web", role="WEB")
    until = time.monotonic() + 120
    while int(run(SIZE, identity)) < RECORDS:
        assert time.monotonic() < until
        time.sleep(0.3)
    return identity


def pack_of(told):
    return Path(os.environ["EVIDENCE_DIR"]) / told["result"]["file"]


def test_a_killed_worker_goes_on_and_the_pack_verifies_without_us(log, tmp_path):
    task = run(ASK, log)
    wait_for(task, lambda told: told["done"] > 0)
    os.kill(pid_of("auditor-worker"), signal.SIGKILL)
    told = wait_for(task, lambda told: told["state"] in {"done", "failed"})
    assert (told["state"], told["done"], told["total"]) == ("done", RECORDS, RECORDS)
    with zipfile.ZipFile(pack_of(told)) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / "evidence-packed"
    key = Path(os.environ["AUDIT_VKEY_FILE"]).read_text().strip()
    command = [sys.executable, folder / "packverify.py", folder, "--vkey", key]
    checked = subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    cells = next(iter(sorted((folder / "csv").iterdir()))).read_text()
    assert "\"'=cmd|" in cells
    assert '"=cmd' not in cells


@pytest.mark.parametrize("file", ["manifest.json", "report.html", "csv", "log"])
def test_whatever_is_changed_in_a_pack_is_named(log, tmp_path, file):
    told = wait_for(run(ASK, log), lambda told: told["state"] == "done")
    with zipfile.ZipFile(pack_of(told)) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / "evidence-packed"
    path = (
        folder / file
        if (folder / file).is_file()
        else next(p for p in sorted((folder / file).rglob("*")) if p.is_file())
    )
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    key = Path(os.environ["AUDIT_VKEY_FILE"]).read_text().strip()
    command = [sys.executable, folder / "packverify.py", folder, "--vkey", key]
    checked = subprocess.run(command, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False)
    assert checked.returncode == 1
    assert path.name in checked.stdout


def test_memory_does_not_grow_with_the_records(log):
    task, seen = run(ASK, log), []
    process = psutil.Process(pid_of("auditor-worker"))
    before = process.memory_info().rss
    started = time.monotonic()
    told = wait_for(
        task, lambda told: told["state"] == "done", seconds=280, each=lambda: seen.append(process.memory_info().rss)
    )
    grown = max([*seen, before]) - before
    seconds = time.monotonic() - started
    sys.stderr.write(f"{told['total']} records in {seconds:.0f} s, {grown >> 20} MiB more, ")
    assert grown < 80 << 20


def test_a_cancelled_pack_leaves_nothing(log):
    task = run(ASK, log)
    run(CANCEL, task)
    assert wait_for(task, lambda told: True)["state"] == "cancelled"
    until = time.monotonic() + 30
    while (Path(os.environ["EVIDENCE_DIR"]) / task).exists():
        assert time.monotonic() < until
        time.sleep(0.2)


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
