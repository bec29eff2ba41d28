"""Reading into the caller's own buffer (the option `onread`).

Law: the bytes go to the callback and never into the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nodenet.errors import ERR_INVALID_ARG_TYPE
from nodenet.net._link import Link


class OnRead:
    """The buffer, or the function that gives one for each read, and the callback."""

    def __init__(self, option: Mapping[str, Any]) -> None:
        buffer = option.get("buffer")
        callback = option.get("callback")
        if not callable(callback):
            raise ERR_INVALID_ARG_TYPE("options.onread.callback", "function", callback)
        self._callback: Callable[[int, Any], object] = callback
        self._next: Callable[[], Any] | None = buffer if callable(buffer) else None
        self._buffer: Any = buffer() if callable(buffer) else buffer
        self._link: Link | None = None

    def attach(self, link: Link) -> None:
        """Have `link` read into the buffer."""
        self._link = link
        link.buffer = memoryview(self._buffer).cast("B")

    def received(self, view: memoryview) -> bool:
        """Hand over what was read. Returns False when the callback wants no more."""
        more = self._callback(len(view), self._buffer) is not False
        if self._next is not None and self._link is not None:
            self._buffer = self._next()
            self._link.buffer = memoryview(self._buffer).cast("B")
        return more
