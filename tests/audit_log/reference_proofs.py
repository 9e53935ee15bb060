"""Proofs that the product does not make, for tests of the verifiers that owners of a log run."""

from apps.audit_log.proofs import range_root


def root_of(size, subtree):
    """The root of the first `size` leaves, at least one."""
    return range_root(0, size, subtree)


def consistency_proof(first, second, subtree):
    """The path that shows the tree of `first` leaves as the beginning of that of `second` (RFC 6962 section 2.1.2)."""
    if not 0 <= first <= second:
        raise ValueError(f"a tree of {second} leaves does not begin with {first}")
    if first in {0, second}:
        return []
    low, high, path = 0, second, []
    while high != first:
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        if first <= middle:
            path.append(range_root(middle, high, subtree))
            high = middle
        else:
            path.append(range_root(low, middle, subtree))
            low = middle
    if low:  # otherwise the root of the first tree itself, which the verifier has
        path.append(range_root(low, high, subtree))
    return path[::-1]
