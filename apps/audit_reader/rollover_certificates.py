"""Rollover certificates: signed statements that every consumer of a key's old version moved before its retirement.

The consumers are those of the log, read from its first record on; the usage counters may name no other. The server
verifies a certificate with the functions of `auditverify.py` before it hands it out.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from apps.audit_log import auditverify
from apps.audit_log.models import Checkpoint
from apps.audit_log.proofs import inclusion_proof
from apps.audit_log.records import caller_of, canonical, format_timestamp
from apps.audit_log.sealing import tag_of
from apps.audit_reader.certifiable_rollovers import NotCertifiable, check_certifiable
from apps.audit_reader.decryption import load_data_keys
from apps.audit_reader.evidence_packs import sign
from apps.audit_reader.log_entries import SELECTED, Entry, entry_of, selected_rows, subtree
from apps.audit_reader.models import Task
from apps.audit_reader.trusted_keys import trusted_verifiers
from apps.domain.bulk_rotation.models import Rollover, RolloverKey
from apps.usage.queries import uses_of_versions

_AT_ONCE = 1000  # records
_MOST_CONSUMERS = 1000
# Records of one object in the order of their ids; those that have no number yet are younger than the retirement.
_RECORDS = f"""
    SELECT l.seq, l.hash, {SELECTED} FROM audit_event e JOIN audit_leaf l ON l.event_id = e.id AND l.log_id = e.log_id
    WHERE e.log_id = %s AND e.object = %s AND e.id > %s ORDER BY e.id LIMIT {_AT_ONCE}
"""  # noqa: S608  names are ours
Progress = Callable[[int, str], None]


class _Consumer(NamedTuple):
    last: Entry
    uses: int


class _Records:
    """What the log says about one key of a rollover."""

    def __init__(self, turn: RolloverKey) -> None:
        self._old, self._new = (f"keys/{turn.name}/{version}" for version in (turn.old_version, turn.new_version))
        self._rollover = str(turn.rollover_id)
        self.consumers: dict[str, _Consumer] = {}
        self.acknowledged: dict[str, Entry] = {}
        self.announced: Entry | None = None
        self.retired: Entry | None = None

    def add(self, entry: Entry) -> None:
        """Take a record into account. Raises `NotCertifiable` for one that cannot be read."""
        if entry.problem:
            raise NotCertifiable(f"Record {entry.seq} of the log cannot be read: {entry.problem}")
        found, operation = entry.body["properties"], str(entry.header["operation"])
        if entry.header["phase"] != "outcome" or int(entry.header["status"]) >= 400:
            return
        caller, place = caller_of(entry.body), found.get("id")
        if operation in auditverify.USES_OF_KEYS and place == self._old:
            known = self.consumers.get(caller)
            is_later = known is None or entry.header["at"] >= known.last.header["at"]
            last = entry if known is None or is_later else known.last
            self.consumers[caller] = _Consumer(last, 1 + (known.uses if known else 0))
        elif operation == "KeyAcknowledge" and place == self._new:
            self.acknowledged[caller] = entry
        elif found.get("rollover") == self._rollover:
            self.announced = entry if operation == "RolloverAnnounce" else self.announced
            self.retired = entry if operation == "RolloverRetire" else self.retired


def create(task: Task, *, progress: Progress) -> dict[str, Any]:
    """Read the log and make the certificate. Calls `progress(records, doing)`.

    Raises `NotCertifiable` if a consumer had not moved, or is missing in the log.
    """
    rollover, turn = check_certifiable(rollover_id=UUID(task.result["rollover"]), key=task.result["key"])
    records = _read(task, turn, progress)
    if records.announced is None or records.retired is None:
        raise NotCertifiable("The log does not have the announcement and the retirement of this rollover.")
    _compare_with_counters(rollover, turn, records)
    progress(task.done, "signing")
    text = canonical(_statement(task, rollover, turn, records)).decode()
    document = {"certificate": text, "signature": sign(hashlib.sha256(text.encode()).digest())}
    problems = list(auditverify.check_certificate(document, trusted_verifiers()))
    if problems:
        raise NotCertifiable(f"No certificate: {problems[0]}.")
    return document


def _read(task: Task, turn: RolloverKey, progress: Progress) -> _Records:
    records, after, count = _Records(turn), UUID(int=0), 0
    place = tag_of("object", f"keys/{turn.name.lower()}")
    while rows := selected_rows(_RECORDS, [task.log_id, place, after], "seq", "leaf"):
        keys = load_data_keys(row["key_id"] for row in rows)
        for row in rows:
            records.add(entry_of(row, keys))
        after, count = rows[-1]["id"], count + len(rows)
        progress(count, f"{count} records of the key")
    if len(records.consumers) > _MOST_CONSUMERS:
        raise NotCertifiable(f"The old version had more than {_MOST_CONSUMERS} consumers.")
    return records


def _compare_with_counters(rollover: Rollover, turn: RolloverKey, records: _Records) -> None:
    counted = uses_of_versions(
        vault_id=rollover.vault_id,
        object_ids=[f"keys/{turn.name}/{turn.old_version}"],
        operations=auditverify.USES_OF_KEYS,
    )
    missing = {caller for _, _, caller, *_ in counted} - set(records.consumers)
    if missing:
        raise NotCertifiable(f"The log has no use by {min(missing)}, who is counted as a consumer: it was deleted.")


def _statement(task: Task, rollover: Rollover, turn: RolloverKey, records: _Records) -> dict[str, Any]:
    newest = Checkpoint.objects.filter(log_id=task.log_id).order_by("-size").first()
    announced, retired = records.announced, records.retired
    if newest is None or announced is None or retired is None:
        raise NotCertifiable("The log has no checkpoint.")
    shown, consumers = {announced.seq: announced, retired.seq: retired}, []
    for caller, consumer in sorted(records.consumers.items()):
        acknowledged = records.acknowledged.get(caller)
        if acknowledged is not None and acknowledged.header["at"] <= consumer.last.header["at"]:
            acknowledged = None  # it used the old version afterwards
        shown |= {entry.seq: entry for entry in (consumer.last, acknowledged) if entry is not None}
        consumers.append(
            {
                "caller": caller,
                "uses": consumer.uses,
                "last": consumer.last.seq,
                "acknowledged": acknowledged.seq if acknowledged else None,
            }
        )
    return {
        "type": auditverify.CERTIFICATE,
        "log": str(task.log_id),
        "vault": task.vault_name,
        "rollover": str(rollover.pk),
        "key": turn.name,
        "old_version": turn.old_version,
        "new_version": turn.new_version,
        "made": format_timestamp(task.started or task.created),
        "announced": announced.seq,
        "retired": retired.seq,
        "consumers": consumers,
        "checkpoint": newest.note,
        "records": [_proven(entry, task.log_id, newest.size) for _, entry in sorted(shown.items())],
    }


def _proven(entry: Entry, log_id: UUID, size: int) -> dict[str, Any]:
    path = inclusion_proof(entry.seq, size, partial(subtree, log_id))
    line = entry.export_line().rstrip(b"\n").decode()
    return {"line": line, "proof": [node.hex() for node in path]}
