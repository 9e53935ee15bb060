"""An evidence pack: the records of a period with everything by which somebody else checks them, in one signed file.

Written segment after segment below EVIDENCE_DIR; each file is whole before the task says so, so that a killed worker
goes on behind the last segment. Memory does not grow with the records: one chunk of `reading.entries` at a time.
"""

import csv
import gzip
import hashlib
import re
import shutil
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from django.conf import settings
from django.template.loader import render_to_string

from apps.audit_log import auditverify
from apps.audit_log.auditverify import canonical, export_line, manifest_of, object_name
from apps.audit_log.records import caller_of
from apps.audit_reader import log_entries, packverify
from apps.audit_reader.decryption import audit_lane
from apps.audit_reader.log_entries import Entry
from apps.audit_reader.models import Task
from apps.audit_reader.packverify import BadPack, described, digest_in
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
    """Write what is missing of a pack, then sign it and close it. `progress(done, doing)` is told after each segment.

    Raises `Unreadable` at a record that does not open: there is no pack then, for it would be an assertion.
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
    """Where a pack is made."""
    return Path(settings.EVIDENCE_DIR) / str(task.pk)


def file_of(task: Task) -> Path:
    """The finished pack."""
    return Path(settings.EVIDENCE_DIR) / f"{task.pk}.zip"


def name_of(task: Task) -> str:
    """What the finished pack is called where it is saved."""
    return f"evidence-{task.vault_name}-{task.since:%Y%m%d}-{task.until:%Y%m%d}.zip"


def open_pack(task: Task) -> BinaryIO:
    """The finished pack, to be read. Raises `TaskNotFound` when its time was over just now."""
    try:
        return file_of(task).open("rb")
    except OSError:
        raise TaskNotFound("There is no file of this pack: it has expired.") from None


def remove(task: Task) -> None:
    """Everything that a task left on the disk."""
    shutil.rmtree(directory_of(task), ignore_errors=True)
    file_of(task).unlink(missing_ok=True)


def sign(digest: bytes) -> str:
    """The note that the audit token signs for a manifest's digest, checked. Raises `HsmUnavailable`, `BadPack`."""
    note: str = audit_lane().call(SignEvidence(time.time() + _SIGN_SECONDS, digest), timeout=_SIGN_SECONDS)
    if digest_in(note, vkeys()) != digest.hex():
        raise BadPack("the audit worker signed another digest")
    return note


def neutral(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, also where it takes another character for the end of a cell."""
    return _FORMULA.sub("'", text)


def _end_of_segment(task: Task, at: int) -> int:
    boundary = log_entries.next_boundary(log_id=task.log_id, after=at, most=SEGMENT)
    end = boundary.size if boundary else task.last
    return min(end, task.last)  # itself a checkpoint


def _segment(task: Task, folder: Path, log: Path, first: int, last: int) -> None:
    segment, leaves = log / object_name("segments", first, last), log / object_name("leaves", first, last)
    counts = _Counts()
    with (
        _whole(segment) as packed,
        _whole(leaves) as hashes_,
        _whole(folder / "csv" / f"{first:016d}-{last:016d}.csv") as table,
        packed.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0, compresslevel=6) as lines,
        hashes_.open("wb") as leaf_file,
        table.open("w", encoding="utf-8", newline="") as cells,
    ):
        writer = csv.writer(cells, quoting=csv.QUOTE_ALL)
        writer.writerow(_COLUMNS)
        expected = first
        for entry in log_entries.entries(log_id=task.log_id, first=first, last=last):
            if entry.seq != expected:
                raise BadPack(f"record {expected} is not there any more")
            lines.write(_line(entry))
            leaf_file.write(entry.leaf)
            writer.writerow(_cells(entry))
            counts.add(entry)
            expected += 1
        if expected != last + 1:
            raise BadPack(f"record {expected} is not there any more")
    (directory_of(task) / "counts" / f"{first:016d}.json").write_bytes(orjson.dumps(counts.as_dict()))
    manifest = manifest_of(
        log=str(task.log_id),
        vault=task.vault_name,
        first=first,
        last=last,
        encrypted=False,
        segment=described(segment),
        leaves=described(leaves),
        checkpoint=log_entries.note_at(log_id=task.log_id, size=last + 1),
        frontier=[node.hex() for node in log_entries.frontier_at(log_id=task.log_id, size=first)],
        start_checkpoint=log_entries.note_at(log_id=task.log_id, size=first) if first else "",
        previous=_previous(log, first) if first > task.first else "",
    )
    with _whole(log / object_name("manifests", first, last)) as path:
        path.write_bytes(canonical(manifest))


def _previous(log: Path, first: int) -> str:
    found = [path for path in (log / "manifests").glob("*.json") if int(path.stem.split("-")[1]) == first - 1]
    return hashlib.sha256(found[0].read_bytes()).hexdigest()


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
    with _whole(file_of(task)) as path, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as pack:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                kind = zipfile.ZIP_STORED if file.suffix in {".gz", ".bin"} else zipfile.ZIP_DEFLATED
                pack.write(file, f"evidence-{task.vault_name}/{file.relative_to(folder)}", kind)
    digest, size = described(file_of(task))
    task.result = {"file": file_of(task).name, "sha256": digest, "bytes": size}
    shutil.rmtree(directory_of(task), ignore_errors=True)


class _Counts:
    """What the report tells: gathered by segment, so that a killed worker loses none."""

    def __init__(self) -> None:
        self.operations: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.callers: Counter[str] = Counter()

    def add(self, entry: Entry) -> None:
        operation = str(entry.header["operation"])
        self.operations[operation] += 1
        self.refused[operation] += int(entry.header["status"]) >= 400
        caller = _caller(entry)
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


class _whole:  # noqa: N801  reads as the context manager that it is
    """A file that is there whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Path:
        return self._path.with_name(self._path.name + ".new")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._path.with_name(self._path.name + ".new").replace(self._path)


def _line(entry: Entry) -> bytes:
    return b"%b\n" % export_line(
        body=orjson.dumps(entry.body, option=orjson.OPT_SORT_KEYS),
        header=orjson.dumps(entry.header, option=orjson.OPT_SORT_KEYS),
        salt=entry.salt,
        sealed_sha256=entry.sealed_sha256,
        seq=entry.seq,
        xid=entry.xid,
    )


def _caller(entry: Entry) -> str:
    return caller_of(entry.body)


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
    values += (body.get("resultSignature"), _caller(entry), body.get("callerIpAddress"), properties.get("vault"))
    values += (properties.get("id"), header["request"], body.get("correlationId"), properties.get("clientInfo"))
    values += (body.get("resultDescription"),)
    return (neutral("" if value is None else str(value)) for value in values)
