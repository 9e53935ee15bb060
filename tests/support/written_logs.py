"""Logs of a test's own on the running system, with records of its choice, written as the web writes them."""

import json
import uuid

from tests.support import programs
from tests.support.waiting import wait_until

_WRITE = """
import json, uuid
from datetime import datetime
from apps.audit_log import writer
from apps.core.clock import now
from apps.core.principals import Principal, PrincipalKind, RequestContext
from apps.domain.access.audit_records import make_record
from apps.domain.access.grants import Scope
scope, caller, agent, records = Scope(uuid.UUID(sys.argv[1]), sys.argv[2]), sys.argv[3], sys.argv[4], json.loads(sys.argv[5])
who = Principal(uuid.uuid4(), PrincipalKind.PERSON, caller, uuid.uuid4()) if caller else None
for start in range(0, len(records), 500):
    context = RequestContext(request_id=uuid.uuid4(), address="192.0.2.9", user_agent=agent)
    writer.append([
        make_record(who, scope, context, operation=operation, phase="outcome" if status < 400 else "denial", status=status,
                    object_id=name, at=datetime.fromisoformat(at) if at else now(), **({"clientInfo": agent} if agent else {}))
        for operation, status, name, at in records[start:start + 500]
    ])
"""
_SIZE = """
from apps.audit_reader import log_entries
print(log_entries.head(log_id=sys.argv[1])[0])
"""


def as_auditor(program, *arguments):
    """What a program writes that runs as the auditors' web does."""
    return programs.output_of(program, *arguments, settings="auditor_web", role="AUDITOR")


def write(log, records, *, vault="packed", caller="", agent="", role="HSM"):
    """Records, of each: operation, status, object and moment (None: now). Only OWNER may write any moment."""
    rows = json.dumps([(*record[:3], record[3] and str(record[3])) for record in records])
    programs.output_of(_WRITE, log, vault, caller, agent, rows, settings="web", role=role)


def write_uses(log, count, *, agent=""):
    """So many signatures, each of another key."""
    write(log, [("KeySign", 200, f"keys/k{number}/1", None) for number in range(count)], agent=agent)


def new_log(count, *, agent=""):
    """The id of a new log with so many uses, each of which has its number."""
    log = uuid.uuid4()
    write_uses(log, count, agent=agent)
    wait_until(lambda: int(as_auditor(_SIZE, log)) >= count, "numbers for all records", seconds=120, pause=0.2)
    return log
