"""Evidence packs: the records of a period with everything that a verification needs, in one signed file.

A pack is written segment by segment below EVIDENCE_DIR. Each file is complete before the task advances, so that after
a crash the work continues with the next segment. Memory does not grow with the number of records.
"""

import csv
import hashlib
import re
import shutil
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from django.conf import settings
from django.template.loader import render_to_string

from apps.audit_log import auditverify
from apps.audit_log.auditverify import object_name
from apps.audit_log.records import caller_of, canonical
from apps.audit_reader import log_entries, packverify
from apps.audit_reader.decryption import audit_lane
from apps.audit_reader.log_entries import Entry
from apps.audit_reader.models import Task
from apps.audit_reader.packverify import BadPack, described, digest_in
from apps.audit_reader.segment_format import make_manifest, write_records
from apps.audit_reader.tasks import TaskNotFound
from apps.audit_reader.trusted_keys import vkeys
from apps.domain.hsm_client.protocol import SignEvidence

SEGMENT = 10_000  # records
_MOST_CALLERS = 5_000  # distinct ones in the report
_SIGN_SECONDS = 10.0
_COLUMNS = [
    *("number", "record", "time", "operation", "phase", "status", "result", "caller", "address", "vault", "object"),
    *("request", "client request", "client", "description"),
]
# Before what begins a formula (the full-width letters too): at the beginning, or behind what may end a cell.
_FORMULA = re.compile(r"(?:^(?=[\t\r\n])|(?:^|(?<=[;,\t\r\n]))(?= *[=+\-@|%\uff1d\uff0b\uff0d\uff20]))")
Progress = Callable[[int, str], None]


def advance_pack(task: Task, *, progress: Progress) -> None:
    """Write the missing segments of a pack, then sign and close it. Calls `progress(done, doing)` after each segment.

    Raises `MissingRecord` at a record that is not here: a pack without its proof would be a mere assertion. A record
    that does not open is in the pack without its body, and `packverify` names it.
    """
    folder = directory_of(task) / "pack"
    log = folder / "log" / task.vault_name / str(task.log_id)
    for name in ("segments", "leaves", "manifests"):
        (log / name).mkdir(parents=True, exist_ok=True)
    (folder / "csv").mkdir(exist_ok=True)
    (directory_of(task) / "counts").mkdir(exist_ok=True)
    at = task.first + task.done
    while at < task.last:
        end = _end_of_segment(task, at)
        _segment(task, folder, log, at, end - 1)
        at = end
        progress(at - task.first, f"records up to {at - 1}")
    progress(task.total, "signing")
    _close(task, folder)


def directory_of(task: Task) -> Path:
    """The directory in which a pack is made."""
    return Path(settings.EVIDENCE_DIR) / str(task.pk)


def file_of(task: Task) -> Path:
    """The path of the finished pack."""
    return Path(settings.EVIDENCE_DIR) / f"{task.pk}.zip"


def name_of(task: Task) -> str:
    """The file name of the finished pack for a download."""
    return f"evidence-{task.vault_name}-{task.since:%Y%m%d}-{task.until:%Y%m%d}.zip"


def open_pack(task: Task) -> BinaryIO:
    """Open the finished pack. Raises `TaskNotFound` if it has just expired."""
    try:
        return file_of(task).open("rb")
    except OSError:
        raise TaskNotFound("There is no file of this pack: it has expired.") from None


def remove(task: Task) -> None:
    """Remove all files of a task."""
    shutil.rmtree(directory_of(task), ignore_errors=True)
    file_of(task).unlink(missing_ok=True)


def sign(digest: bytes) -> str:
    """Have the audit token sign the digest of a manifest; verify the note. Raises `HsmUnavailable`, `BadPack`."""
    note: str = audit_lane().call(SignEvidence(time.time() + _SIGN_SECONDS, digest), timeout=_SIGN_SECONDS)
    if digest_in(note, vkeys()) != digest.hex():
        raise BadPack("the audit worker signed another digest")
    return note


def escape_formula(text: str) -> str:
    """Escape a cell that a spreadsheet would take for a formula, also after other characters that may end a cell."""
    return _FORMULA.sub("'", text)


def _end_of_segment(task: Task, at: int) -> int:
    boundary = log_entries.next_boundary(log_id=task.log_id, after=at, most=SEGMENT)
    end = boundary.size if boundary else task.last
    return min(end, task.last)  # which has a checkpoint, too


def _segment(task: Task, folder: Path, log: Path, first: int, last: int) -> None:
    segment, leaves = log / object_name("segments", first, last), log / object_name("leaves", first, last)
    counts = _Counts()
    with (
        _atomic(segment) as packed,
        _atomic(leaves) as hashes_,
        _atomic(folder / "csv" / f"{first:016d}-{last:016d}.csv") as table,
        packed.open("wb") as segment_file,
        hashes_.open("wb") as leaf_file,
        table.open("w", encoding="utf-8", newline="") as cells,
    ):
        writer = csv.writer(cells, quoting=csv.QUOTE_ALL)
        writer.writerow(_COLUMNS)
        for entry in write_records(
            log_id=task.log_id, first=first, last=last, segment=segment_file, leaves=leaf_file, complete=True
        ):
            writer.writerow(_cells(entry))
            counts.add(entry)
    (directory_of(task) / "counts" / f"{first:016d}.json").write_bytes(orjson.dumps(counts.as_dict()))
    manifest = make_manifest(
        log_id=task.log_id,
        vault_name=task.vault_name,
        first=first,
        last=last,
        segment=described(segment),
        leaves=described(leaves),
        previous=_previous(log, first) if first > task.first else "",
    )
    with _atomic(log / object_name("manifests", first, last)) as path:
        path.write_bytes(manifest)


def _previous(log: Path, first: int) -> str:
    paths = [path for path in (log / "manifests").glob("*.json") if int(path.stem.split("-")[1]) == first - 1]
    return hashlib.sha256(paths[0].read_bytes()).hexdigest()


def _close(task: Task, folder: Path) -> None:
    counts = _Counts()
    for path in sorted((directory_of(task) / "counts").glob("*.json")):
        counts.merge(orjson.loads(path.read_bytes()))
    context = {"task": task, "counts": counts, "last": task.last - 1, "total": task.total}
    (folder / "report.html").write_text(render_to_string("evidence/report.html", context), encoding="utf-8")
    (folder / "README.txt").write_text(render_to_string("evidence/README.txt", context), encoding="utf-8")
    (folder / "vkey.txt").write_text("".join(f"{key}\n" for key in vkeys()), encoding="utf-8")
    for module in (auditverify, packverify):
        program = Path(str(module.__file__))
        shutil.copyfile(program, folder / program.name)
    files = [
        {"name": str(path.relative_to(folder)), "sha256": digest, "bytes": size}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in packverify.SIGNED_BY_ITSELF
        for digest, size in [described(path)]
    ]
    manifest = canonical({"version": 1, "log": str(task.log_id), "vault": task.vault_name, "files": files})
    (folder / "manifest.json").write_bytes(manifest)
    (folder / "manifest.note").write_text(sign(hashlib.sha256(manifest).digest()), encoding="utf-8")
    with _atomic(file_of(task)) as path, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as pack:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                kind = zipfile.ZIP_STORED if file.suffix in {".gz", ".bin"} else zipfile.ZIP_DEFLATED
                pack.write(file, f"evidence-{task.vault_name}/{file.relative_to(folder)}", kind)
    digest, size = described(file_of(task))
    task.result = {"file": file_of(task).name, "sha256": digest, "bytes": size}
    shutil.rmtree(directory_of(task), ignore_errors=True)


class _Counts:
    """The numbers of the report, saved for each segment, so that a crash loses none."""

    def __init__(self) -> None:
        self.operations: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.callers: Counter[str] = Counter()

    def add(self, entry: Entry) -> None:
        operation = str(entry.header["operation"])
        self.operations[operation] += 1
        self.refused[operation] += int(entry.header["status"]) >= 400
        caller = caller_of(entry.body)
        if caller in self.callers or len(self.callers) < _MOST_CALLERS:
            self.callers[caller] += 1

    def merge(self, other: dict[str, dict[str, int]]) -> None:
        self.operations.update(other["operations"])
        self.refused.update(other["refused"])
        for caller, count in other["callers"].items():
            if caller in self.callers or len(self.callers) < _MOST_CALLERS:
                self.callers[caller] += count

    def as_dict(self) -> dict[str, dict[str, int]]:
        return {"operations": dict(self.operations), "refused": dict(self.refused), "callers": dict(self.callers)}

    def rows(self) -> list[tuple[str, int, int]]:
        """(operation, records, refused), the most first."""
        return [(name, count, self.refused[name]) for name, count in self.operations.most_common()]

    def most_active(self) -> list[tuple[str, int]]:
        return self.callers.most_common(50)


@contextmanager
def _atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path, whose file replaces `path` when the block succeeds."""
    temporary = path.with_name(path.name + ".new")
    yield temporary
    temporary.replace(path)


def _cells(entry: Entry) -> Iterator[str]:
    header, body = entry.header, entry.body
    properties = body.get("properties", {})
    values: tuple[Any, ...] = (
        entry.seq,
        entry.id,
        header["at"],
        header["operation"],
        header["phase"],
        header["status"],
    )
    values += (body.get("resultSignature"), caller_of(entry.body), body.get("callerIpAddress"), properties.get("vault"))
    values += (properties.get("id"), header["request"], body.get("correlationId"), properties.get("clientInfo"))
    values += (body.get("resultDescription") or entry.problem,)
    return (escape_formula("" if value is None else str(value)) for value in values)
