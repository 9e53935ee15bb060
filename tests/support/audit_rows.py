"""Rows of the audit log as a process with a database role could write them."""

import uuid
from datetime import UTC, datetime

from apps.core.ids import uuid7


def record(**changes):
    """A statement that inserts a record, and its values."""
    values = {
        "id": uuid7(),
        "log_id": uuid.uuid4(),
        "at": datetime.now(UTC),
        "operation": "KeyGet",
        "phase": "denial",
        "status": 403,
        "request_id": uuid.uuid4(),
        "caller": 1,
        "object": 1,
        "address": 1,
        "writer": uuid.uuid4(),
        "number": 1,
        "key_id": uuid.uuid4(),
        "commitment": bytes(32),
        "sealed": bytes(64),
        **changes,
    }
    marks = ", ".join("%s::text::xid8" if name == "xid" else "%s" for name in values)
    return f"INSERT INTO audit_event ({', '.join(values)}) VALUES ({marks})", list(values.values())
