"""Both at once: what can be read and written to.

Law: the halves know nothing of each other; what joins them is `_half_over`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nodenet.loop import Poller, pollerOf
from nodenet.options import resolve
from nodenet.streams._options import DuplexOptions, getDefaultHighWaterMark
from nodenet.streams.readable import Readable
from nodenet.streams.stream import ABSENT, EMITTED
from nodenet.streams.writable import Writable


class Duplex(Readable, Writable):
    """A Readable and a Writable in one, such as a socket (Node: Class ``stream.Duplex``).

    Args:
        options: `DuplexOptions` as a mapping.
        reactor: The Twisted reactor; by default the global one.
        keywords: `DuplexOptions` by name; they prevail.

    Raises:
        ERR_INVALID_ARG_TYPE: `signal` is none.
        ERR_INVALID_ARG_VALUE: A high-water mark is not a whole number of 0 or more.
        ERR_UNKNOWN_ENCODING: No such encoding.

    Mirrors: Stream, "Class: stream.Duplex".
    """

    __slots__ = ("allowHalfOpen",)

    allowHalfOpen: bool
    """Whether to go on writing when the readable half has ended; else `end()` is called."""

    def __init__(
        self,
        options: Mapping[str, Any] | None = None,
        *,
        reactor: Any = None,
        **keywords: Any,
    ) -> None:
        given = resolve(DuplexOptions, options, keywords)
        both = given["highWaterMark"]
        default = getDefaultHighWaterMark() if both is None else both
        read_mark, write_mark = given["readableHighWaterMark"], given["writableHighWaterMark"]
        self._begin_duplex(
            pollerOf(reactor),
            given["allowHalfOpen"],
            default if read_mark is None or both is not None else read_mark,
            default if write_mark is None or both is not None else write_mark,
            auto_destroy=given["autoDestroy"],
            emits_close=given["emitClose"],
            encoding=given["defaultEncoding"],
        )
        if not given["readable"]:
            self._end = ABSENT
        if not given["writable"]:
            self._finish = ABSENT
            self._judge_out()
        if given["encoding"] is not None:
            self.setEncoding(given["encoding"])
        self._adopt(given)

    def _begin_duplex(
        self,
        poller: Poller,
        allow_half_open: bool,
        mark: int | None = None,
        write_mark: int | None = None,
        *,
        auto_destroy: bool = True,
        emits_close: bool = True,
        encoding: str = "utf8",
    ) -> None:
        """Begin both halves: all that a constructor needs who has read his options himself.

        Args:
            poller: Whose ticks to use.
            allow_half_open: As `allowHalfOpen`.
            mark: The readable half's high-water mark in bytes; None: the default.
            write_mark: The writable half's; None: the readable half's.
            auto_destroy: As the option `autoDestroy`.
            emits_close: As the option `emitClose`.
            encoding: As the option `defaultEncoding`.
        """
        if mark is None:
            mark = getDefaultHighWaterMark()
        self._begin(poller, auto_destroy, emits_close)
        self.allowHalfOpen = allow_half_open
        self._begin_reading(mark, encoding)
        self._begin_writing(mark if write_mark is None else write_mark, encoding)
        self._judge_out()

    def _half_over(self) -> None:
        """The joint rules of the halves.

        - The readable half is over, and the stream may not be half open: end the other.
        - Both are over: destroy the stream.
        """
        if self._end >= EMITTED and self.writable and not self.allowHalfOpen:
            self._poller.nextTick(self._end_too)
        else:
            super()._half_over()

    def _end_too(self) -> None:
        if self.writable:
            self.end()
