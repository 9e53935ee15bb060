"""Opened records of the audit log: from the database of a test, or from the running system as its auditors see it."""

import os
import time
from contextlib import closing
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from apps.audit_log.records import HEADER_COLUMNS
from apps.audit_reader import queries
from apps.audit_reader.decryption import open_body
from apps.audit_reader.queries import Search
from apps.domain.hsm_client.lane_client import HsmClient
from apps.domain.hsm_client.protocol import OpenDataKeys


def in_test(**what):
    """The records of a test's own database that match a `Search`, oldest first."""
    return queries.search(what=Search(**what), limit=500).records[::-1]


def running(condition="true", values=()):
    """Opened records of the running system, oldest first: what a query on the headers finds, under the auditors' role.

    Each: `operation`, `phase`, `status`, `request_id`, `at`, `id` and the body's own `caller`, `object_id`, `properties`.
    """
    with psycopg.connect(os.environ["AUDITOR_DATABASE_URL"], row_factory=dict_row) as connection:
        query = f"SELECT {', '.join(HEADER_COLUMNS)}, commitment, sealed FROM audit_event WHERE {condition} ORDER BY id"
        rows = connection.execute(query, list(values)).fetchall()
        keys = connection.execute(
            "SELECT id, sealed, mac, sealing_key FROM audit_datakey WHERE id = ANY(%s)",
            [[row["key_id"] for row in rows]],
        ).fetchall()
    opened = _opened(keys)
    return [_shown(row, open_body(row, opened)[1]) for row in rows]


def _opened(keys):
    packed = [(key["id"].bytes, key["sealed"], key["mac"], key["sealing_key"]) for key in keys]
    found = {}
    for at in range(0, len(packed), 64):
        part = packed[at : at + 64]
        with closing(HsmClient(Path(os.environ["AUDIT_LANE_DIR"]) / "auditors")) as client:
            answer = client.call(OpenDataKeys(time.time() + 10, part), timeout=10)
        found |= {UUID(bytes=key[0]): material for key, material in zip(part, answer, strict=True)}
    return found


def _shown(row, body):
    claim = body["identity"]["claim"]
    return {
        **{name: row[name] for name in ("id", "at", "operation", "phase", "status", "request_id", "log_id")},
        "caller": claim.get("appid") or next((value for key, value in claim.items() if key.endswith("/upn")), ""),
        "object_id": body["properties"]["id"],
        "correlation_id": body["correlationId"],
        "properties": body["properties"],
    }
