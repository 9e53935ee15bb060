"""Comparing values without showing them: which lines differ, and how long they are. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_MOST_LINES = 400  # beyond it a comparison by lines would cost too much, and nobody would read it

SAME, CHANGED, REMOVED, ADDED, ABSENT = "same", "changed", "removed", "added", ""


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of a line in one value: its state against the base, and its bytes."""

    state: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the base (or between two of them), in the newer value of others and in one's own.

    `clash`: both changed it, and not to the same.
    """

    base: Cell
    theirs: Cell
    mine: Cell
    clash: bool


def diff_values(*, base: str, theirs: str, mine: str) -> list[Line]:
    """Three values, line by line. With `theirs` equal to `base` it is a comparison of two."""
    lines = base.splitlines(), theirs.splitlines(), mine.splitlines()
    if max(map(len, lines)) > _MOST_LINES:
        lines = [base], [theirs], [mine]
    whole, others, own = lines
    by_others, by_me = _against(whole, others), _against(whole, own)
    found: list[Line] = []
    for at in range(len(whole) + 1):
        found += _inserted(by_others.inserted[at], by_me.inserted[at])
        if at < len(whole):
            left, right = by_others.kept[at], by_me.kept[at]
            clash = left != whole[at] and right != whole[at] and left != right
            found.append(Line(Cell(SAME, _size(whole[at])), _cell(whole[at], left), _cell(whole[at], right), clash))
    return found


@dataclass(slots=True)
class _Against:
    kept: list[str | None]  # for each line of the base what stands there now; None: removed
    inserted: list[list[str]]  # before each line of the base, and after the last


def _against(base: Sequence[str], other: Sequence[str]) -> _Against:
    found = _Against(list(base), [[] for _ in range(len(base) + 1)])
    for tag, i, j, k, m in SequenceMatcher(None, base, other, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        replaced = min(j - i, m - k)
        for step in range(j - i):
            found.kept[i + step] = other[k + step] if step < replaced else None
        found.inserted[j] += other[k + replaced : m]
    return found


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
