"""Reading into the caller's own buffer (the option `onread`).

Law: the bytes go to the callback and never into the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nodenet.errors import ERR_INVALID_ARG_TYPE
from nodenet.net._link import Link


class OnRead:
    """The buffer, or the function that gives one for each read, and the callback.

    Raises:
        ERR_INVALID_ARG_TYPE: The option is no mapping with a function and a writable buffer.
    """

    def __init__(self, option: Mapping[str, Any]) -> None:
        if not isinstance(option, Mapping):
            raise ERR_INVALID_ARG_TYPE("options.onread", "Object", option)
        buffer, callback = option.get("buffer"), option.get("callback")
        if not callable(callback):
            raise ERR_INVALID_ARG_TYPE("options.onread.callback", "function", callback)
        self._callback: Callable[[int, Any], object] = callback
        self._next: Callable[[], Any] | None = buffer if callable(buffer) else None
        self._buffer: Any = buffer() if callable(buffer) else buffer
        self._view = _writable(self._buffer)

    def attach(self, link: Link) -> None:
        """Have `link` read into the buffer."""
        link.buffer = self._view

    def received(self, view: memoryview, link: Link) -> object:
        """Hand over what was read. Returns what the callback does: False wants no more."""
        result = self._callback(len(view), self._buffer)
        if self._next is not None:
            buffer = self._next()
            link.buffer = self._view = _writable(buffer)
            self._buffer = buffer
        return result


def _writable(buffer: Any) -> memoryview:
    try:
        view = memoryview(buffer).cast("B")
    except TypeError:
        view = None
    if view is None or view.readonly:
        types = ["function", "Buffer", "TypedArray"]
        raise ERR_INVALID_ARG_TYPE("options.onread.buffer", types, buffer)
    return view
