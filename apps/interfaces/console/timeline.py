"""The next days as a picture: one column a day, one shape for each kind of event. Pure, like `charts`."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import formats, timezone

from apps.interfaces.console.labels import counted

WIDTH, HEIGHT, STEP = 1080, 92, 14
_MOST = 4  # marks in a column; the rest is a number above them
_ORDER = ("rotates", "expires", "is purged")


@dataclass(frozen=True, slots=True)
class Mark:
    """A shape at a place, for so many events."""

    what: str
    x: float
    y: float
    title: str

    @property
    def triangle(self) -> str:
        """The points of a triangle around the place."""
        return (
            f"{self.x:.1f},{self.y - 5:.1f} {self.x + 5.5:.1f},{self.y + 4.5:.1f} {self.x - 5.5:.1f},{self.y + 4.5:.1f}"
        )


@dataclass(frozen=True, slots=True)
class Timeline:
    """Marks, the columns' labels as (x, text, whether a week begins), numbers above full columns, one sentence."""

    marks: tuple[Mark, ...]
    days: tuple[tuple[float, str, bool], ...]
    more: tuple[tuple[float, str], ...]
    summary: str
    empty: bool


def timeline(events: Sequence[tuple[datetime, str, str]], *, today: date, days: int = 30) -> Timeline:
    """Of (when, what, name); `what` is one of `rotates`, `expires`, `is purged`."""
    column = WIDTH / days
    by_day: dict[int, list[tuple[str, str]]] = {}
    for at, what, name in events:
        day = (timezone.localtime(at).date() - today).days
        if 0 <= day < days:
            by_day.setdefault(day, []).append((what, name))
    marks, more = [], []
    for day, found in sorted(by_day.items()):
        x = (day + 0.5) * column
        for place, (what, name) in enumerate(sorted(found, key=lambda pair: _ORDER.index(pair[0]))[:_MOST]):
            marks.append(Mark(what, x, HEIGHT - 26 - place * STEP, name))
        if len(found) > _MOST:
            more.append((x, f"+{len(found) - _MOST}"))
    return Timeline(
        marks=tuple(marks),
        days=tuple(_days(today, days, column)),
        more=tuple(more),
        summary=_summary(Counter(what for _at, what, _name in events)),
        empty=not marks,
    )


def _days(today: date, days: int, column: float) -> Iterable[tuple[float, str, bool]]:
    for day in range(days):
        at = today + timedelta(days=day)
        label = "today" if day == 0 else formats.date_format(at, "j M") if at.weekday() == 0 and day > 1 else ""
        yield (day + 0.5) * column, label, at.weekday() == 0


def _summary(counts: Counter[str]) -> str:
    if not counts:
        return "Nothing is scheduled in the next 30 days."
    sentences = {
        "rotates": ("key rotates", "keys rotate"),
        "expires": ("item expires", "items expire"),
        "is purged": ("item will be purged", "items will be purged"),
    }
    return ", ".join(counted(counts[what], *sentences[what]) for what in _ORDER if counts[what]) + "."
