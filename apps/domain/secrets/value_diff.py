"""Comparing values without showing them: which lines differ, and how long they are. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_MOST_LINES = 400  # more lines are compared as one: a comparison by lines would take too long

SAME, CHANGED, REMOVED, ADDED, ABSENT = "same", "changed", "removed", "added", ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A line in one value: its state compared to the base, and its length in bytes."""

    state: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the base (or between two of them), in the value that others set and in one's own.

    `clash`: both changed it, differently.
    """

    base: Cell
    theirs: Cell
    mine: Cell
    clash: bool


def diff_values(*, base: str, theirs: str, mine: str) -> list[Line]:
    """Compare three values line by line; with `theirs` equal to `base`, two."""
    lines = base.splitlines(), theirs.splitlines(), mine.splitlines()
    if max(map(len, lines)) > _MOST_LINES:
        lines = [base], [theirs], [mine]
    original, others, own = lines
    by_others, by_me = _compare(original, others), _compare(original, own)
    result: list[Line] = []
    for at in range(len(original) + 1):
        result += _inserted(by_others.inserted[at], by_me.inserted[at])
        if at < len(original):
            line, left, right = original[at], by_others.current[at], by_me.current[at]
            clash = line not in (left, right) and left != right
            result.append(Line(Cell(SAME, _size(line)), _cell(line, left), _cell(line, right), clash))
    return result


@dataclass(slots=True)
class _Comparison:
    current: list[str | None]  # each line of the base as it is now; None: removed
    inserted: list[list[str]]  # before each line of the base, and after the last


def _compare(base: Sequence[str], other: Sequence[str]) -> _Comparison:
    result = _Comparison(list(base), [[] for _ in range(len(base) + 1)])
    for tag, i, j, k, m in SequenceMatcher(None, base, other, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        replaced = min(j - i, m - k)
        for step in range(j - i):
            result.current[i + step] = other[k + step] if step < replaced else None
        result.inserted[j] += other[k + replaced : m]
    return result


def _inserted(theirs: list[str], mine: list[str]) -> list[Line]:
    rows = []
    for at in range(max(len(theirs), len(mine))):
        left, right = (side[at] if at < len(side) else None for side in (theirs, mine))
        clash = left is not None and right is not None and left != right
        rows.append(Line(Cell(ABSENT), _added(left), _added(right), clash))
    return rows


def _added(line: str | None) -> Cell:
    return Cell(ABSENT) if line is None else Cell(ADDED, _size(line))


def _cell(base: str, line: str | None) -> Cell:
    if line is None:
        return Cell(REMOVED)
    return Cell(SAME if line == base else CHANGED, _size(line))


def _size(line: str) -> int:
    return len(line.encode("utf-8", "surrogatepass"))
