"""`manage.py seal_earlier_records`: move what was recorded in clear, before 0.4, into the sealed log."""

import json
from typing import Any, cast

from django.core.management.base import BaseCommand
from django.db import transaction

from apps.audit_log import writer
from apps.audit_log.records import Record
from apps.core.sql import execute, select, select_value
from vaultportal.database_privileges import EARLIER

_BATCH = 1000
_COLUMNS = ", ".join(Record._fields)


class Command(BaseCommand):
    help = "Seal the records of an earlier version, in their order, and drop their table when it is empty."

    def handle(self, *_args: Any, **_options: Any) -> None:
        moved = 0
        if select_value("SELECT to_regclass(%s)::text", [EARLIER]) is None:
            return
        execute(f"ALTER TABLE {EARLIER} DISABLE TRIGGER USER")
        while count := _move():
            moved += count
        execute(f"DROP TABLE {EARLIER}")
        self.stdout.write(f"{moved} earlier records sealed")


@transaction.atomic
def _move() -> int:
    """The oldest records: into the new log and out of the old table, in one transaction."""
    rows = select(f"SELECT id, {_COLUMNS} FROM {EARLIER} ORDER BY id LIMIT {_BATCH}")  # noqa: S608  names are ours
    if not rows:
        return 0
    earlier = [Record._make(row[1:]) for row in rows]
    records = [record._replace(detail=_as_dict(record.detail)) for record in earlier]
    writer.append(records, counted=False)  # they were counted when they happened
    execute(f"DELETE FROM {EARLIER} WHERE id = ANY(%s)", [[row[0] for row in rows]])  # noqa: S608  ours
    return len(rows)


def _as_dict(detail: Any) -> dict[str, Any]:
    """Django reads jsonb as text on a raw cursor."""
    return cast("dict[str, Any]", json.loads(detail) if isinstance(detail, str) else detail)
