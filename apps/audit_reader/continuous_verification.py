"""The continuous verification of all logs, step by step; the log that waits longest is first."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import F, OuterRef, Subquery

from apps.audit_log.auditverify import Checkpoint, Verifier
from apps.audit_log.models import Log, Verification
from apps.audit_reader.log_verification import check_and_report

STEP = 100_000  # records; about three seconds


def advance(
    *, verifiers: Sequence[Verifier], older: Mapping[UUID, Sequence[Checkpoint]], now: datetime, seconds: float
) -> int:
    """Verify logs for some seconds. Return the number of records; problems become rows of `Incident`."""
    until, done = time.monotonic() + seconds, 0
    looked = Verification.objects.filter(log_id=OuterRef("log_id")).values("looked")[:1]
    for log in Log.objects.annotate(looked=Subquery(looked)).order_by(F("looked").asc(nulls_first=True)):
        done += _step(log, verifiers, older.get(log.log_id, ()), now)
        if time.monotonic() > until:
            break
    return done


def _step(log: Log, verifiers: Sequence[Verifier], older: Sequence[Checkpoint], now: datetime) -> int:
    place, _ = Verification.objects.get_or_create(log_id=log.log_id, defaults={"looked": now})
    first = place.reached if place.reached < log.size else 0
    last = min(first + STEP, log.size)
    check_and_report(log_id=log.log_id, verifiers=verifiers, older=older, first=first, last=last, now=now)
    values = {"looked": now, "reached": last}
    if last == log.size:
        values |= {"reached": 0, "size": log.size, "at": now}
    Verification.objects.filter(pk=log.log_id).update(**values)
    return last - first
