"""Pictures of the auditors' pages as numbers; the templates draw them as SVG, with a table beside. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT, TOP = 960, 96, 16


@dataclass(frozen=True, slots=True)
class Bar:
    """One span: where its bar is, what it counts, and the address that chooses it."""

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


def histogram(counts: Sequence[tuple[datetime, int, int]], *, addresses: Sequence[str]) -> Histogram:
    """Bars of equal spans: (start, records, refusals), each with the address of its span."""
    top = round_up(max((total for _, total, _ in counts), default=0))
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
        end=counts[-1][0] if counts else None,
    )


def round_up(value: int) -> int:
    """The next of 2, 4, 10, 20, 40, 100 ... so that the rule has a round label."""
    scale = 1
    while True:
        for step in (2, 4, 10):
            if value <= step * scale:
                return step * scale
        scale *= 10


def _scaled(value: int, top: int) -> float:
    """Whatever is there can be seen: at least two pixels."""
    return max(2.0, (HEIGHT - TOP) * value / top) if value else 0.0


@dataclass(frozen=True, slots=True)
class Link:
    """One checkpoint in the chain strip, and how many records the next one adds."""

    x: str
    size: int
    at: datetime
    grown: int


def strip(points: Sequence[tuple[int, datetime]]) -> tuple[Link, ...]:
    """Checkpoints side by side, the oldest first: (size, time)."""
    step = WIDTH / max(1, len(points))
    before = [0, *(size for size, _ in points)]
    return tuple(
        Link(f"{at * step + step / 2:.1f}", size, moment, size - before[at] if at else 0)
        for at, (size, moment) in enumerate(points)
    )
