"""What is unusual for a caller, by its own norm. Pure."""

from datetime import datetime, timedelta

NORM = timedelta(days=14)  # the span that says what is usual
_FEW = 10  # refusals in two hours that are never a burst: a wrong name, tried again by an SDK
_TIMES = 5


def usual_in_two_hours(refused: int, *, since: datetime, until: datetime) -> float:
    """Refusals in two hours, as the caller had them from its first counted hour until `until`."""
    hours = max((until - since) / timedelta(hours=1), 1.0)
    return 2 * refused / hours


def is_burst(refused: int, *, usual: float) -> bool:
    """Whether so many refusals in two hours are far from the usual."""
    return refused >= _FEW and refused >= _TIMES * usual
