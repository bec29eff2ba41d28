"""Sets of packed addresses as sorted lists of edges.

Law: the edges strictly increase, and an address is in the set exactly when an odd number of edges
are at or before it. So one bisection answers, and a span that overlaps others replaces their edges.

The edge that ends a span is its last address and a zero byte, which sorts directly behind it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import chain

Span = tuple[bytes, bytes]
"""The first and the last address, packed."""

_FEW = 1 / 8  # of the edges there are: so few spans are cheaper to insert than to sort again


def include(edges: list[bytes], spans: list[Span]) -> list[bytes]:
    """Return the edges of a set with more spans in it; the given list may be used up.

    Args:
        edges: A set.
        spans: In any order; they may overlap.
    """
    pairs = [(first, last + b"\0") for first, last in spans]
    if len(pairs) > len(edges) * _FEW:
        return _merged(chain(zip(edges[::2], edges[1::2], strict=True), pairs))
    for start, end in pairs:
        _insert(edges, start, end)
    return edges


def _merged(pairs: Iterable[Span]) -> list[bytes]:
    edges: list[bytes] = []
    for start, end in sorted(pairs):
        if not edges or start > edges[-1]:
            edges += start, end
        elif end > edges[-1]:
            edges[-1] = end
    return edges


def _insert(edges: list[bytes], start: bytes, end: bytes) -> None:
    left, right = bisect_left(edges, start), bisect_right(edges, end)
    before = [] if left & 1 else [start]
    behind = [] if right & 1 else [end]
    edges[left:right] = before + behind
