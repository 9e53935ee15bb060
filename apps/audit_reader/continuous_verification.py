"""The continuous verification of all logs, step by step: the newest records first, then each log as a whole."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, OuterRef, Subquery

from apps.audit_log.auditverify import Checkpoint, Verifier
from apps.audit_log.models import Log, Verification
from apps.audit_reader.log_verification import check_and_report

STEP = 10_000  # records; about 0.3 s
_MOST_LOGS = 1000  # that are searched for new records, those with the newest first
_BEHIND = timedelta(days=1)


class ContinuousVerification:
    """The verification by one process.

    `older`: checkpoints of a log that are stored elsewhere, with which it must still agree. `rest`: the time from the
    end of a log's round to its next one.
    """

    def __init__(self, *, older: Callable[[UUID, Sequence[Verifier]], Sequence[Checkpoint]], rest: timedelta) -> None:
        self._older, self._rest = older, rest
        self._ends: dict[UUID, int] = {}  # where the verification of new records continues

    def advance(self, *, verifiers: Sequence[Verifier], now: datetime) -> int:
        """Verify new records of one log, and the next records of the round of the log that waits longest.

        Return the number of records; problems become rows of `Incident`. Raises `HsmUnavailable`.
        """
        return self._verify_new(verifiers, now) + self._continue_round(verifiers, now)

    def _verify_new(self, verifiers: Sequence[Verifier], now: datetime) -> int:
        for log in Log.objects.only("size").order_by("-newest")[:_MOST_LOGS]:
            # When more were added than one step verifies, the round verifies the ones before.
            first = max(self._ends.get(log.log_id, 0), log.size - STEP)
            if first < log.size:
                self._check(log, verifiers, now, first, log.size, unsigned=False)
                self._ends[log.log_id] = log.size
                return log.size - first
        return 0

    def _continue_round(self, verifiers: Sequence[Verifier], now: datetime) -> int:
        log = self._next_log(now)
        if log is None:
            return 0
        place, _ = Verification.objects.get_or_create(log_id=log.log_id, defaults={"looked": now})
        first = place.reached if place.reached < log.size else 0
        last = min(first + STEP, log.size)
        self._check(log, verifiers, now, first, last)
        values = {"looked": now, "reached": last}
        if last == log.size:
            values |= {"reached": 0, "size": log.size, "at": now}
        Verification.objects.filter(pk=log.log_id).update(**values)
        return last - first

    def _next_log(self, now: datetime) -> Log | None:
        resting = Verification.objects.filter(reached=0, at__gt=now - self._rest)
        looked = Verification.objects.filter(log_id=OuterRef("log_id")).values("looked")[:1]
        waiting = Log.objects.exclude(log_id__in=resting.values("log_id")).annotate(looked=Subquery(looked))
        return waiting.order_by(F("looked").asc(nulls_first=True)).first()

    def _check(
        self, log: Log, verifiers: Sequence[Verifier], now: datetime, first: int, last: int, *, unsigned: bool = True
    ) -> None:
        check_and_report(
            log_id=log.log_id,
            verifiers=verifiers,
            older=self._older(log.log_id, verifiers),
            first=first,
            last=last,
            now=now,
            unsigned=unsigned,
        )


def is_behind(*, now: datetime) -> bool:
    """Return whether a log was not verified as a whole within the last day."""
    complete = Verification.objects.filter(at__gt=now - _BEHIND)
    return Log.objects.exclude(log_id__in=complete.values("log_id")).exists()
