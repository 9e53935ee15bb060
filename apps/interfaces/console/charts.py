"""Charts as numbers: the templates draw them as SVG, with a table beside. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.utils import formats, timezone

from apps.interfaces.console.labels import counted

LINES_WIDTH, LINES_HEIGHT, LINES_TOP = 640, 150, 8
BARS_WIDTH, BARS_HEIGHT, BARS_TOP = 960, 96, 16
DAYS_WIDTH, DAYS_HEIGHT, DAYS_STEP = 1080, 92, 14
MOST_NODES = 30  # a larger map cannot be read
_LONGEST_NAME = 40  # in a picture; the table has all of it
_ROOM = 1.1  # above the highest point, so that it is not taken for the rule
_MARKS = {"rotates": "rolls", "is renewed": "rolls", "expires": "expires"}
_MOST_MARKS = 4  # in a column of the timeline; the rest is a number above them
_EVENTS = {
    "rotates": ("key rotates", "keys rotate"),
    "is renewed": ("certificate is renewed", "certificates are renewed"),
    "is reported": ("certificate is reported to its contacts", "certificates are reported to their contacts"),
    "expires soon": ("notice of expiry", "notices of expiry"),
    "expires": ("item expires", "items expire"),
    "is purged": ("item will be purged", "items will be purged"),
}


def grouped(value: int) -> str:
    """Thousands apart by a thin space."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def round_up(value: float, steps: Sequence[int] = (2, 4, 6, 8, 10)) -> int:
    """Round up to a step times a power of ten, so that both rules have round labels."""
    scale = 1
    while True:
        for step in steps:
            if value <= step * scale:
                return step * scale
        scale *= 10


# Lines over time


class LineChart(NamedTuple):
    """SVG point lists: a line for each series, and the area below the first. `rules`: (y, label).

    The lines begin at `left`: the labels of the rules stand before it. `columns` are those of the table.
    """

    lines: tuple[str, ...]
    area: str
    rules: tuple[tuple[float, str], ...]
    left: int
    columns: tuple[str, ...]
    table: tuple[tuple[datetime | int, ...], ...]
    summary: str
    begins: datetime | None = None


def operations_chart(rows: Sequence[tuple[datetime, int, int]]) -> LineChart:
    """Operations and denials per minute: (when, how many, how many denied or failed)."""
    size = max(1, len(rows) // 72)
    parts = [rows[at : at + size] for at in range(0, len(rows), size)]
    means = [(part[0][0], _mean([row[1] for row in part]), _mean([row[2] for row in part])) for part in parts]
    return _line_chart(
        [row[1:] for row in means],
        columns=("Operations per minute", "Denied or failed"),
        table=tuple(row for row in means if row[1]),
        summary=_sum_up(rows),
        begins=rows[0][0] if rows else None,
    )


def _mean(values: Sequence[int]) -> int:
    """Rounded up: a few in five minutes are not nothing."""
    return -(-sum(values) // len(values))


def _sum_up(rows: Sequence[tuple[datetime, int, int]]) -> str:
    total, denied = sum(row[1] for row in rows), sum(row[2] for row in rows)
    if not total:
        return "No operations in this time."
    peak = max(row[1] for row in rows)
    operations = counted(total, "operation", "operations", grouped(total))
    return f"Peak {grouped(peak)}/min. {operations}, {100 * denied / total:.2g} % denied or failed."


def delay_chart(rows: Sequence[tuple[datetime, float]]) -> LineChart:
    """The worst age in seconds of each span of time, and what 99 of 100 stay below (nearest rank)."""
    size = max(1, -(-len(rows) // 72))
    parts = [rows[at : at + size] for at in range(0, len(rows), size)]
    worst = [(part[-1][0], round(max(seconds for _, seconds in part))) for part in parts]
    ordered = sorted(seconds for _, seconds in rows)
    summary = "no deliveries in the last 24 hours."
    if ordered:
        nearly_all = ordered[-(-99 * len(ordered) // 100) - 1]
        summary = f"p99 {nearly_all:.0f} s, maximum {ordered[-1]:.0f} s in the last 24 hours."
    values = [row[1:] for row in worst]
    return _line_chart(values, unit=" s", columns=("Seconds",), table=tuple(worst), summary=summary)


def _line_chart(
    values: Sequence[tuple[int, ...]],
    *,
    columns: tuple[str, ...],
    table: tuple[tuple[datetime | int, ...], ...],
    summary: str,
    unit: str = "",
    begins: datetime | None = None,
) -> LineChart:
    """`values`: at each place, the value of each line."""
    top = round_up(max((row[0] for row in values), default=0) * _ROOM)

    def height(value: int) -> float:
        return LINES_HEIGHT - (LINES_HEIGHT - LINES_TOP) * value / top

    rules = tuple((height(value), grouped(value) + unit) for value in (top, top // 2))
    left = 12 + 7 * max(len(label) for _y, label in rules)  # behind the longest label
    step = (LINES_WIDTH - left) / max(1, len(values) - 1)
    lines = tuple(
        " ".join(f"{left + at * step:.1f},{height(value):.1f}" for at, value in enumerate(series))
        for series in zip(*values, strict=True)
    )
    area = f"{left},{LINES_HEIGHT} {lines[0]} {LINES_WIDTH},{LINES_HEIGHT}" if lines else ""
    return LineChart(lines, area, rules, left, columns, table, summary, begins)


# The next days: one column a day, one shape for each kind of event


class Mark(NamedTuple):
    """The shape of an event at a place."""

    what: str
    x: float
    y: float
    title: str

    @property
    def css(self) -> str:
        """Its class, which gives shape and colour."""
        return _MARKS.get(self.what, "purged")


class Timeline(NamedTuple):
    """Marks, the columns' labels as (x, text, whether a week begins), numbers above full columns, one sentence."""

    marks: list[Mark]
    days: list[tuple[float, str, bool]]
    more: list[tuple[float, str]]
    summary: str


def timeline(events: Sequence[tuple[datetime, str, str]], *, today: date, days: int = 30) -> Timeline:
    """Of (when, what, name); `what` is one of `_EVENTS`."""
    order = list(_EVENTS)
    by_day: dict[int, list[tuple[str, str]]] = {}
    for at, what, name in sorted(events, key=lambda event: order.index(event[1])):
        by_day.setdefault((timezone.localtime(at).date() - today).days, []).append((what, name))
    counts = Counter(what for _at, what, _name in events)
    chart = Timeline([], [], [], _count_events(counts) or "Nothing is scheduled in the next 30 days.")
    for day in range(days):
        x, column = (day + 0.5) * DAYS_WIDTH / days, today + timedelta(days=day)
        monday, found = column.weekday() == 0, by_day.get(day, [])
        label = "today" if day == 0 else formats.date_format(column, "j M") if monday and day > 1 else ""
        chart.days.append((x, label, monday))
        for place, (what, name) in enumerate(found[:_MOST_MARKS]):
            chart.marks.append(Mark(what, x, DAYS_HEIGHT - 26 - place * DAYS_STEP, name))
        if len(found) > _MOST_MARKS:
            chart.more.append((x, f"+{len(found) - _MOST_MARKS}"))
    return chart


def _count_events(counts: Counter[str]) -> str:
    sentence = ", ".join(counted(counts[what], *texts) for what, texts in _EVENTS.items() if counts[what])
    return sentence and f"{sentence}."


# The next twelve months: a row for each month, a square for each day


class Day(NamedTuple):
    """One day. `level` 0 to 4: how dark."""

    x: int
    y: int
    level: int
    title: str


class Month(NamedTuple):
    """The days of a month from today on."""

    month: date
    label_y: int
    cells: list[Day]


class Year(NamedTuple):
    """Thirteen rows at most: the first and the last month are parts."""

    rows: list[Month]
    days: list[tuple[int, str]]  # (x, label)
    height: int
    summary: str


def year(events: Sequence[tuple[date, str]], *, today: date, days: int = 365) -> Year:
    """Of (day, what) as squares of 26 pixels; `what` is one of `_EVENTS`."""
    by_day: dict[date, Counter[str]] = {}
    for day, what in events:
        by_day.setdefault(day, Counter())[what] += 1
    most = max((counts.total() for counts in by_day.values()), default=0)
    rows: list[Month] = []
    for day in (today + timedelta(days=number) for number in range(days + 1)):
        if not rows or rows[-1].month != day.replace(day=1):
            rows.append(Month(day.replace(day=1), len(rows) * 30 + 38, []))
        counts = by_day.get(day, Counter())
        x, y = 66 + day.day * 30, rows[-1].label_y - 18
        title = f"{formats.date_format(day, 'j F Y')}: {_count_events(counts) or 'nothing.'}"
        rows[-1].cells.append(Day(x, y, _level(counts.total(), most), title))
    total = Counter(what for _day, what in events)
    labels = [(66 + number * 30, str(number)) for number in (1, 5, 10, 15, 20, 25, 30)]
    summary = _count_events(total) or "Nothing is scheduled in the next twelve months."
    return Year(rows, labels, len(rows) * 30 + 24, summary)


# Records of a log


class Bar(NamedTuple):
    """One span: its bar, its counts, and the address that selects it."""

    x: str
    width: str
    y: str
    height: str
    refused_y: str
    refused_height: str
    start: datetime
    total: int
    refused: int
    address: str


class Histogram(NamedTuple):
    """Records over time."""

    bars: list[Bar]
    top: int
    total: int
    refused: int
    start: datetime | None
    end: datetime | None


def histogram(counts: Sequence[tuple[datetime, int, int]], *, addresses: Sequence[str], until: datetime) -> Histogram:
    """Bars of equal spans: (start, records, refusals), each with the address of its span."""
    top = round_up(max((total for _, total, _ in counts), default=0), steps=(2, 4, 10))
    step = BARS_WIDTH / max(1, len(counts))

    def bar(value: int) -> tuple[str, str]:
        """Y and height: at least two pixels, so that it is visible."""
        height = max(2.0, (BARS_HEIGHT - BARS_TOP) * value / top) if value else 0.0
        return f"{BARS_HEIGHT - height:.1f}", f"{height:.1f}"

    bars = [
        Bar(f"{at * step + 1:.1f}", f"{step - 2:.1f}", *bar(total), *bar(refused), start, total, refused, address)
        for at, ((start, total, refused), address) in enumerate(zip(counts, addresses, strict=True))
    ]
    total, refused = sum(bar.total for bar in bars), sum(bar.refused for bar in bars)
    return Histogram(bars, top, total, refused, counts[0][0] if counts else None, until if counts else None)


class Checkpoint(NamedTuple):
    """One checkpoint in the strip, and its time."""

    x: str
    size: int
    at: datetime


def strip(points: Sequence[tuple[int, datetime]]) -> list[Checkpoint]:
    """Place checkpoints (size, time) side by side, the oldest first."""
    step = BARS_WIDTH / max(1, len(points))
    return [Checkpoint(f"{(place + 0.5) * step:.1f}", size, at) for place, (size, at) in enumerate(points)]


class Cell(NamedTuple):
    """One hour of one weekday. `level` 0 to 4: how dark."""

    x: int
    y: int
    level: int
    hour: int
    total: int
    refused: int


class Heat(NamedTuple):
    """Seven rows of 24 cells."""

    rows: list[tuple[int, list[Cell]]]  # (weekday from 1, cells)
    hours: list[tuple[int, str]]  # (x, label)


def heat(counts: Mapping[tuple[int, int], tuple[int, int]]) -> Heat:
    """(weekday from 1, hour) -> (records, refusals) as squares of 26 pixels."""
    most = max((total for total, _ in counts.values()), default=0)
    across = [44 + hour * 30 for hour in range(24)]
    rows = []
    for day in range(1, 8):
        found = [counts.get((day, hour), (0, 0)) for hour in range(24)]
        cells = [
            Cell(across[hour], day * 30 - 10, _level(total, most), hour, total, refused)
            for hour, (total, refused) in enumerate(found)
        ]
        rows.append((day, cells))
    return Heat(rows, [(across[hour], f"{hour:02d}") for hour in range(0, 24, 3)])


def _level(total: int, most: int) -> int:
    """The level by magnitude, so that one busy hour does not hide the others."""
    return 0 if not total else max(1, math.ceil(4 * math.log(total + 1) / math.log(most + 1)))


# Callers and what they use


class Edge(NamedTuple):
    """A caller's use of an object; `width` grows with the number of uses."""

    y1: int
    y2: int
    width: str
    caller: str
    item: str
    uses: int

    @property
    def path(self) -> str:
        """The curve from the caller to the object."""
        return f"M300 {self.y1} C 440 {self.y1}, 520 {self.y2}, 660 {self.y2}"


class Graph(NamedTuple):
    """Callers on the left, objects on the right: (name, y)."""

    callers: list[tuple[str, int]]
    items: list[tuple[str, int]]
    edges: list[Edge]
    height: int


def graph(pairs: Sequence[tuple[str, str, int]]) -> Graph | None:
    """The map of (caller, object, uses); None when it is empty, or too large to read."""
    callers = dict.fromkeys(caller for caller, _, _ in pairs)
    items = dict.fromkeys(item for _, item, _ in pairs)
    if not pairs or len(callers) + len(items) > MOST_NODES:
        return None
    rows = max(len(callers), len(items))

    def places(names: Iterable[str], count: int) -> dict[str, int]:
        return {name: 20 + at * 32 + (rows - count) * 16 for at, name in enumerate(names)}

    left, right = places(callers, len(callers)), places(items, len(items))
    edges = [Edge(left[who], right[item], f"{1 + math.log10(uses):.1f}", who, item, uses) for who, item, uses in pairs]
    return Graph(list(left.items()), list(right.items()), edges, rows * 32 + 16)


# Consumers of the versions of a key


class ConsumerMark(NamedTuple):
    """One consumer in the chart: its line, and the marks in the columns of the old and the new version."""

    name: str
    y: int
    old: str  # "": not used; "behind" or "moved"
    new: bool


class ConsumerChart(NamedTuple):
    """One line for each consumer; no line where there are too many to read."""

    marks: list[ConsumerMark]
    height: int
    summary: str


def consumer_chart(consumers: Sequence[tuple[str, str, bool]]) -> ConsumerChart:
    """Build the chart from (name, old, new), as in `ConsumerMark`."""
    shown = consumers if len(consumers) <= MOST_NODES else []
    marks = [ConsumerMark(name[:_LONGEST_NAME], 44 + at * 26, old, new) for at, (name, old, new) in enumerate(shown)]
    behind = sum(old == "behind" for _, old, _ in consumers)
    known = counted(len(consumers), "consumer", "consumers")
    summary = f"{behind} of {known} still use the old version." if consumers else "No consumer is known."
    return ConsumerChart(marks, 36 + len(marks) * 26, summary)
