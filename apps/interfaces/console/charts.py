"""Pictures as numbers: the templates draw them as SVG, with a table beside. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.interfaces.console.labels import counted

WIDTH, HEIGHT, TOP = 640, 150, 8
_ROOM = 1.1  # above the highest point, so that it is not taken for the rule


@dataclass(frozen=True, slots=True)
class Lines:
    """Two lines over time. `all_points`, `refused_points`, `area`: SVG point lists; `rules`: (y, label).

    The picture begins at `left`: the labels of the rules stand before it.
    """

    all_points: str
    refused_points: str
    area: str
    rules: tuple[tuple[float, str], ...]
    left: int
    begins: datetime | None
    summary: str
    table: tuple[tuple[datetime, int, int], ...]
    empty: bool


def lines(rows: Sequence[tuple[datetime, int, int]], *, buckets: int = 72) -> Lines:
    """Operations and refusals per minute, gathered into so many points."""
    size = max(1, len(rows) // buckets)
    table = tuple(
        (part[0][0], _mean([row[1] for row in part]), _mean([row[2] for row in part]))
        for part in (rows[at : at + size] for at in range(0, len(rows), size))
    )
    total, refused = sum(row[1] for row in rows), sum(row[2] for row in rows)
    peak = max((row[1] for row in table), default=0)
    top = round_up(peak * _ROOM)
    rules = tuple((_y(value, top), grouped(value)) for value in (top, top // 2))
    left = _left(rules)
    step = (WIDTH - left) / max(1, len(table) - 1)

    def points(values: Iterable[int]) -> str:
        return " ".join(f"{left + i * step:.1f},{_y(value, top):.1f}" for i, value in enumerate(values))

    every, declined = points(row[1] for row in table), points(row[2] for row in table)

    share = f"{100 * refused / total:.2g} %" if total else "0 %"
    at = max(rows, key=lambda row: row[1], default=None)
    operations = counted(total, "operation", "operations", grouped(total))
    summary = f"{operations}, {share} denied or failed."
    if at is not None and at[1]:
        summary = f"Peak {grouped(at[1])}/min. {summary}"
    return Lines(
        all_points=every,
        refused_points=declined,
        area=f"{left},{HEIGHT} {every} {WIDTH},{HEIGHT}",
        rules=rules,
        left=left,
        begins=rows[0][0] if rows else None,
        summary=summary if total else "No operations in this time.",
        table=tuple(row for row in table if row[1]),
        empty=not total,
    )


def _mean(values: Sequence[int]) -> int:
    """Rounded up: a few in five minutes are not nothing."""
    return -(-sum(values) // len(values))


@dataclass(frozen=True, slots=True)
class Line:
    """One line over time, as `Lines`."""

    points: str
    area: str
    rules: tuple[tuple[float, str], ...]
    left: int
    summary: str
    table: tuple[tuple[datetime, int], ...]


def lags(rows: Sequence[tuple[datetime, float]], *, buckets: int = 72) -> Line:
    """The worst age in seconds of each span of time, and what 99 of 100 stay below (nearest rank)."""
    size = max(1, -(-len(rows) // buckets))
    parts = [rows[at : at + size] for at in range(0, len(rows), size)]
    table = tuple((part[-1][0], round(max(seconds for _, seconds in part))) for part in parts)
    ordered = sorted(seconds for _, seconds in rows)
    top = round_up(max((seconds for _, seconds in table), default=0) * _ROOM)
    rules = tuple((_y(value, top), f"{grouped(value)} s") for value in (top, top // 2))
    left = _left(rules)
    step = (WIDTH - left) / max(1, len(table) - 1)
    points = " ".join(f"{left + i * step:.1f},{_y(seconds, top):.1f}" for i, (_, seconds) in enumerate(table))
    summary = "no deliveries in the last 24 hours."
    if ordered:
        nearly_all = ordered[-(-99 * len(ordered) // 100) - 1]
        summary = f"p99 {nearly_all:.0f} s, maximum {ordered[-1]:.0f} s in the last 24 hours."
    return Line(
        points=points,
        area=f"{left},{HEIGHT} {points} {WIDTH},{HEIGHT}",
        rules=rules,
        left=left,
        summary=summary,
        table=table,
    )


def grouped(value: int) -> str:
    """Thousands apart by a thin space."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _y(value: int, top: int) -> float:
    return HEIGHT - (HEIGHT - TOP) * value / top


def _left(rules: Iterable[tuple[float, str]]) -> int:
    """Where the picture begins: behind the longest label, in the units of the picture."""
    return 12 + 7 * max(len(label) for _y, label in rules)


def round_up(value: float, steps: Sequence[int] = (2, 4, 6, 8, 10)) -> int:
    """Round up to a step times a power of ten, so that both rules have round labels."""
    scale = 1
    while True:
        for step in steps:
            if value <= step * scale:
                return step * scale
        scale *= 10
