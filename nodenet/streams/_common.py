"""What users find on every stream: its options, and ``async with``.

Law: a stream that is left is destroyed, and whoever leaves it waits until it is closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from nodenet.errors import AbortError
from nodenet.streams._options import HOOKS
from nodenet.streams.finished import addAbortSignal, disposed
from nodenet.streams.stream import ABSENT, DOOMED, EMITTED, FINISHED, Stream

_LIVES = ("constructing", "open", "destroyed", "destroyed", "closed", "closed")


class CommonStream(Stream):
    """The base of Readable, Writable and Duplex."""

    __slots__ = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Destroy the stream, with an `AbortError` unless it was read or written to its end.

        Mirrors: "readable[Symbol.asyncDispose]()".
        """
        reason = None
        if self._life < DOOMED:
            reason = None if self._is_over() else AbortError()
            self.destroy(reason)
        await disposed(self, reason)

    def __repr__(self) -> str:
        parts = [type(self).__name__, _LIVES[self._life]]
        if self._end != ABSENT:
            parts.append("read" if self._end == EMITTED else f"{self._buffered} to read")
        if self._finish != ABSENT:
            parts.append("written" if self._finish == FINISHED else f"{self._unwritten} to write")
        return f"<{', '.join(parts)}>"

    def captureRejection(self, error: BaseException, name: Any, /, *args: Any) -> None:
        """The coroutine or Deferred of a listener failed: destroy the stream with its error.

        Args:
            error: What failed it.
            name: The event.
            args: What the listener was called with.
        """
        self.destroy(error)

    def _is_over(self) -> bool:
        return self._end == EMITTED if self._end != ABSENT else self._finish == FINISHED

    def _adopt(self, given: Mapping[str, Any]) -> None:
        """What is left to do with the options when the halves have begun."""
        for hook in HOOKS:
            if given.get(hook) is not None:
                setattr(self, "_" + hook, given[hook])
        if given["signal"] is not None:
            addAbortSignal(given["signal"], self)
        self._begin_construction()
