"""A segment of an exported log: the lines and leaves of some records, and the manifest (docs/audit-log.md).

Log delivery and evidence packs write the same: the same records always make the same bytes.
"""

import gzip
from collections.abc import Iterator
from typing import BinaryIO
from uuid import UUID

from apps.audit_log.auditverify import manifest_of
from apps.audit_log.records import canonical
from apps.audit_reader import log_entries
from apps.audit_reader.log_entries import Entry, MissingRecord


def write_records(
    *, log_id: UUID, first: int, last: int, segment: BinaryIO, leaves: BinaryIO, complete: bool
) -> Iterator[Entry]:
    """Write the records from `first` to `last`, and give each that is written. Raises as `log_entries.entries`.

    A record that does not open is written without its body, and one that is gone as its leaf alone: the verifier names
    both. `complete`: raise `MissingRecord` for one that is gone.
    """
    # The gzip header has no time and no name.
    with gzip.GzipFile(fileobj=segment, mode="wb", filename="", mtime=0, compresslevel=6) as lines:
        for entry in log_entries.entries(log_id=log_id, first=first, last=last):
            leaves.write(entry.leaf)
            if isinstance(entry, Entry):
                lines.write(entry.export_line())
                yield entry
            elif complete:
                raise MissingRecord(f"record {entry.seq} is missing")


def make_manifest(
    *,
    log_id: UUID,
    vault_name: str,
    first: int,
    last: int,
    segment: tuple[str, int],
    leaves: tuple[str, int],
    previous: str,
    encrypted: bool = False,
) -> bytes:
    """Make the manifest, with the checkpoints at both ends. `segment`, `leaves`: SHA-256 (hex) and bytes."""
    manifest = manifest_of(
        log=str(log_id),
        vault=vault_name,
        first=first,
        last=last,
        encrypted=encrypted,
        segment=segment,
        leaves=leaves,
        checkpoint=log_entries.note_at(log_id=log_id, size=last + 1),
        frontier=[node.hex() for node in log_entries.frontier_at(log_id=log_id, size=first)],
        start_checkpoint=log_entries.note_at(log_id=log_id, size=first),
        previous=previous,
    )
    return canonical(manifest)
