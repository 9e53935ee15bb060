"""Making proofs for a log: pure; where the hashes come from is the caller's affair."""

from collections.abc import Callable, Sequence

from apps.audit_log.auditverify import node_hash, subtree_root

TILE_HEIGHTS = (0, 8, 16, 24)  # kept: the leaves and, at each eighth level, the roots of complete subtrees

Subtree = Callable[[int, int], bytes]  # (height, index at that height) -> root of that complete subtree
Fetch = Callable[[int, int, int], Sequence[bytes]]  # (kept height, first index, count) -> hashes


def subtree_of_tiles(fetch: Fetch) -> Subtree:
    """Answers for all heights from those that are kept: one fetch of at most 128 hashes (below 2^32 records)."""

    def subtree(height: int, index: int) -> bytes:
        kept = min(height // 8 * 8, TILE_HEIGHTS[-1])
        count = 1 << (height - kept)
        found = fetch(kept, index * count, count)
        if len(found) != count:
            raise ValueError(f"{count} hashes of height {kept} from {index * count} on are not all there")
        return subtree_root(b"".join(found))

    return subtree


def root_of(size: int, subtree: Subtree) -> bytes:
    """The root of the first `size` leaves, at least one."""
    return _range_root(0, size, subtree)


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The path that shows the leaf `index` in the tree of `size` leaves (RFC 6962 section 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    low, high, path = 0, size, list[bytes]()
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(middle, high, subtree))
            high = middle
        else:
            path.append(_range_root(low, middle, subtree))
            low = middle
    return path[::-1]


def consistency_proof(first: int, second: int, subtree: Subtree) -> list[bytes]:
    """The path that shows the tree of `first` leaves as the beginning of that of `second` (RFC 6962 section 2.1.2)."""
    if not 0 <= first <= second:
        raise ValueError(f"a tree of {second} leaves does not begin with {first}")
    if first in {0, second}:
        return []
    low, high, path = 0, second, list[bytes]()
    while high != first:
        middle = low + _split(high - low)
        if first <= middle:
            path.append(_range_root(middle, high, subtree))
            high = middle
        else:
            path.append(_range_root(low, middle, subtree))
            low = middle
    if low:  # otherwise the root of the first tree itself, which the verifier has
        path.append(_range_root(low, high, subtree))
    return path[::-1]


def _range_root(low: int, high: int, subtree: Subtree) -> bytes:
    """The hash of the leaves from `low` to before `high`; `low` is a multiple of the greatest subtree in between."""
    width = high - low
    if width & (width - 1) == 0:
        return subtree(width.bit_length() - 1, low // width)
    middle = low + _split(width)
    return node_hash(_range_root(low, middle, subtree), _range_root(middle, high, subtree))


def _split(width: int) -> int:
    """The greatest power of two below `width`."""
    return 1 << ((width - 1).bit_length() - 1)
