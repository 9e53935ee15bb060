"""The geometry of the auditors' charts; the templates draw them as SVG, with a table. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.interfaces.console.charts import round_up

WIDTH, HEIGHT, TOP = 960, 96, 16


@dataclass(frozen=True, slots=True)
class Bar:
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


@dataclass(frozen=True, slots=True)
class Histogram:
    """Records over time."""

    bars: tuple[Bar, ...]
    top: int
    total: int
    refused: int
    start: datetime | None
    end: datetime | None


def histogram(counts: Sequence[tuple[datetime, int, int]], *, addresses: Sequence[str], until: datetime) -> Histogram:
    """Bars of equal spans: (start, records, refusals), each with the address of its span."""
    top = round_up(max((total for _, total, _ in counts), default=0), steps=(2, 4, 10))
    step = WIDTH / max(1, len(counts))
    bars = []
    for at, ((start, total, refused), address) in enumerate(zip(counts, addresses, strict=True)):
        height, refused_height = (_scaled(value, top) for value in (total, refused))
        bars.append(
            Bar(
                x=f"{at * step + 1:.1f}",
                width=f"{step - 2:.1f}",
                y=f"{HEIGHT - height:.1f}",
                height=f"{height:.1f}",
                refused_y=f"{HEIGHT - refused_height:.1f}",
                refused_height=f"{refused_height:.1f}",
                start=start,
                total=total,
                refused=refused,
                address=address,
            )
        )
    return Histogram(
        bars=tuple(bars),
        top=top,
        total=sum(bar.total for bar in bars),
        refused=sum(bar.refused for bar in bars),
        start=counts[0][0] if counts else None,
        end=until if counts else None,
    )


def _scaled(value: int, top: int) -> float:
    """Scale a count: at least two pixels, so that it is visible."""
    return max(2.0, (HEIGHT - TOP) * value / top) if value else 0.0


@dataclass(frozen=True, slots=True)
class Link:
    """One checkpoint in the strip, and the number of records that it adds."""

    x: str
    size: int
    at: datetime
    grown: int


def strip(points: Sequence[tuple[int, datetime]]) -> tuple[Link, ...]:
    """Place checkpoints (size, time) side by side, the oldest first."""
    step = WIDTH / max(1, len(points))
    before = [0, *(size for size, _ in points)]
    return tuple(
        Link(f"{at * step + step / 2:.1f}", size, moment, size - before[at] if at else 0)
        for at, (size, moment) in enumerate(points)
    )


@dataclass(frozen=True, slots=True)
class Cell:
    """One hour of one weekday. `level` 0 to 4: how dark."""

    x: int
    y: int
    level: int
    hour: int
    total: int
    refused: int


@dataclass(frozen=True, slots=True)
class Heat:
    """Seven rows of 24 cells."""

    rows: tuple[tuple[int, tuple[Cell, ...]], ...]  # (weekday from 1, cells)
    hours: tuple[tuple[int, str], ...]  # (x, label)


def heat(counts: Mapping[tuple[int, int], tuple[int, int]]) -> Heat:
    """(weekday from 1, hour) -> (records, refusals) as squares of 26 pixels."""
    most = max((total for total, _ in counts.values()), default=0)
    rows = []
    for day in range(1, 8):
        cells = []
        for hour in range(24):
            total, refused = counts.get((day, hour), (0, 0))
            cells.append(Cell(44 + hour * 30, 20 + (day - 1) * 30, _level(total, most), hour, total, refused))
        rows.append((day, tuple(cells)))
    return Heat(tuple(rows), tuple((44 + hour * 30, f"{hour:02d}") for hour in range(0, 24, 3)))


def _level(total: int, most: int) -> int:
    """The level by magnitude, so that one busy hour does not hide the others."""
    return 0 if not total else max(1, math.ceil(4 * math.log(total + 1) / math.log(most + 1)))


NODES = 30  # a larger map cannot be read


@dataclass(frozen=True, slots=True)
class Node:
    """A caller or an object in the map."""

    y: int
    name: str


@dataclass(frozen=True, slots=True)
class Edge:
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


@dataclass(frozen=True, slots=True)
class Graph:
    """Callers on the left, objects on the right."""

    callers: tuple[Node, ...]
    items: tuple[Node, ...]
    edges: tuple[Edge, ...]
    height: int


def graph(pairs: Sequence[tuple[str, str, int]]) -> Graph | None:
    """The map of (caller, object, uses); None when it is empty, or too large to read."""
    callers = list(dict.fromkeys(caller for caller, _, _ in pairs))
    items = list(dict.fromkeys(item for _, item, _ in pairs))
    if not pairs or len(callers) + len(items) > NODES:
        return None
    rows = max(len(callers), len(items))
    left = {name: 20 + round(at * 32 + (rows - len(callers)) * 16) for at, name in enumerate(callers)}
    right = {name: 20 + round(at * 32 + (rows - len(items)) * 16) for at, name in enumerate(items)}
    edges = [
        Edge(left[caller], right[item], f"{1 + math.log10(uses):.1f}", caller, item, uses)
        for caller, item, uses in pairs
    ]
    return Graph(
        callers=tuple(Node(y, name) for name, y in left.items()),
        items=tuple(Node(y, name) for name, y in right.items()),
        edges=tuple(edges),
        height=rows * 32 + 16,
    )
