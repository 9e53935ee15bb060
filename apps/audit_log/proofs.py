"""Inclusion proofs of a log. Pure: the caller provides the hashes."""

from collections.abc import Callable

from apps.audit_log.auditverify import node_hash

Subtree = Callable[[int, int], bytes]  # (height, index at that height) -> root of that complete subtree


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Make the path that shows the leaf `index` in the tree of `size` leaves (RFC 6962 section 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    low, high, path = 0, size, list[bytes]()
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(range_root(middle, high, subtree))
            high = middle
        else:
            path.append(range_root(low, middle, subtree))
            low = middle
    return path[::-1]


def range_root(low: int, high: int, subtree: Subtree) -> bytes:
    """Hash the leaves from `low` to before `high`; `low` is a multiple of the greatest subtree in between."""
    width = high - low
    if width & (width - 1) == 0:
        return subtree(width.bit_length() - 1, low // width)
    middle = low + _split(width)
    return node_hash(range_root(low, middle, subtree), range_root(middle, high, subtree))


def _split(width: int) -> int:
    """The greatest power of two below `width`."""
    return 1 << ((width - 1).bit_length() - 1)
