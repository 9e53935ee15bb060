"""Rules for bursts of denials, by the caller's own norm. Pure."""

from datetime import datetime, timedelta

NORM = timedelta(days=14)  # the span that defines what is usual
_FEW = 10  # denials in two hours that are never a burst: a wrong name, retried by an SDK
_TIMES = 5


def usual_in_two_hours(refused: int, *, since: datetime, until: datetime) -> float:
    """Average the denials in two hours, from the caller's first counted hour until `until`."""
    hours = max((until - since) / timedelta(hours=1), 1.0)
    return 2 * refused / hours


def is_burst(refused: int, *, usual: float) -> bool:
    """Tell whether this number of denials in two hours is far above the usual one."""
    return refused >= _FEW and refused >= _TIMES * usual
