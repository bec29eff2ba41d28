"""The listeners of one event type, in their order.

Invariant: a removed `Link` still knows what followed it, so a dispatch that stands on it goes on;
what is appended during a dispatch is reached unless the last listener appended it. That is Node's
order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_Key = tuple[Any, bool]


class Link:
    """One listener in a chain.

    Attributes:
        callback: What was added: a function, or an object with ``handleEvent``.
        capture: Distinguishes two listeners with one callback.
        once: Remove it before it is called.
        resists: ``stopImmediatePropagation`` does not stop it.
        removed: It is in the chain no more.
        key: By what the chain finds it.
    """

    __slots__ = ("callback", "capture", "key", "next", "once", "previous", "removed", "resists")

    def __init__(self, callback: Any, capture: bool, once: bool, resists: bool) -> None:
        self.callback = callback
        self.capture = capture
        self.once = once
        self.resists = resists
        self.removed = False
        self.key = _key(callback, capture)
        self.next: Link | None = None
        self.previous: Link | None = None


class Chain:
    """A doubly linked list of `Link`.

    Attributes:
        warned: There was a warning about too many listeners.
    """

    __slots__ = ("_last", "_links", "first", "warned")

    def __init__(self) -> None:
        self.first: Link | None = None
        self._last: Link | None = None
        self._links: dict[_Key, Link] = {}
        self.warned = False

    @property
    def size(self) -> int:
        """How many listeners there are."""
        return len(self._links)

    def append(self, link: Link) -> None:
        """Put a link behind the others."""
        link.previous = self._last
        if self._last is None:
            self.first = link
        else:
            self._last.next = link
        self._last = link
        self._links[link.key] = link

    def remove(self, link: Link) -> None:
        """Take a link out; it keeps its `next`."""
        if link.previous is None:
            self.first = link.next
        else:
            link.previous.next = link.next
        if link.next is None:
            self._last = link.previous
        else:
            link.next.previous = link.previous
        link.removed = True
        del self._links[link.key]

    def find(self, callback: Any, capture: bool) -> Link | None:
        """Return the link of a listener, if it is there."""
        return self._links.get(_key(callback, capture))

    def __iter__(self) -> Iterator[Link]:
        link = self.first
        while link is not None:
            yield link
            link = link.next


def _key(callback: Any, capture: bool) -> _Key:
    """A listener and its sort; methods are equal, though made anew at every access."""
    try:
        hash(callback)
    except TypeError:
        callback = id(callback)
    return callback, capture
