"""How a Writable ends: `end()`, `_final()`, ``'prefinish'``, ``'finish'``.

Law: ``'finish'`` comes in a tick of its own when all that was written is settled and `_final()` has
called back, once; `_finish` says how far that is, and moves forward only.
"""

from __future__ import annotations

from typing import Any

from nodenet.errors import (
    ERR_MULTIPLE_CALLBACK,
    ERR_STREAM_ALREADY_FINISHED,
    ERR_STREAM_DESTROYED,
)
from nodenet.streams._writes import WritesSide
from nodenet.streams.stream import (
    DOOMED,
    ENDING,
    FINAL,
    FINISHED,
    FLOWS,
    OPEN,
    PREFINISHED,
    Callback,
)


class WritingHalf(WritesSide):
    """The machinery of a Writable; `Writable` is its face."""

    __slots__ = ()

    _final: Any = None
    """``_final(callback)``, where a subclass has one: called before ``'finish'``."""

    def _end_writing(self, error: BaseException | None, callback: Callback | None) -> None:
        """`end()`, after its chunk; `error` says that the chunk came too late."""
        if self._corked:
            self._corked = 1
            self._uncork()
        if error is None:
            if self._errored is None and self._finish == FLOWS:
                self._finish = ENDING
                self._straight_out = False
                self._finish_if_done()
            elif self._finish >= FINISHED:
                error = ERR_STREAM_ALREADY_FINISHED("end")
            elif self._life >= DOOMED:
                error = ERR_STREAM_DESTROYED("end")
        if callback is not None:
            self._call_at_finish(error, callback)

    def _call_at_finish(self, error: BaseException | None, callback: Callback) -> None:
        """Call `callback` with `error` or with what has come of the stream."""
        if error is not None or self._finish >= FINISHED:
            self._poller.nextTick(callback, error)
        elif self._errored is not None:
            self._poller.nextTick(callback, self._errored)
        else:
            if self._on_finished is None:
                self._on_finished = []
            self._on_finished.append(callback)

    def _is_done_writing(self) -> bool:
        return (
            ENDING <= self._finish < FINISHED
            and self._life == OPEN
            and self._unwritten == 0
            and not self._queue
            and not self._flushing
            and not self._writing
            and self._errored is None
            and not self._error_emitted
        )

    def _finish_if_done(self, now: bool = False) -> None:
        if not self._is_done_writing():
            return
        self._prefinish()
        if self._callbacks_due:
            return
        self._callbacks_due += 1
        if now:
            self._finish_later()
        else:
            self._poller.nextTick(self._finish_later)

    def _finish_later(self) -> None:
        if self._is_done_writing():
            self._emit_finish()
        else:
            self._callbacks_due -= 1

    def _prefinish(self) -> None:
        if self._finish != ENDING:
            return
        if self._final is not None:
            self._finish = FINAL
            self._call_final()
        else:
            self._finish = PREFINISHED
            self.emit("prefinish")

    def _call_final(self) -> None:
        finalizing = True
        inside = True

        def done(error: BaseException | None = None) -> None:
            nonlocal finalizing
            if not finalizing:
                self._fail(error or ERR_MULTIPLE_CALLBACK())
                return
            finalizing = False
            self._finalized(error, inside)

        self._callbacks_due += 1
        try:
            self._final(done)
        except Exception as error:
            done(error)
        inside = False

    def _finalized(self, error: BaseException | None, inside: bool) -> None:
        self._callbacks_due -= 1
        if error is not None:
            self._call_on_finished(error)
            self._fail(error, later=inside)
        elif self._is_done_writing():
            self._finish = PREFINISHED
            self.emit("prefinish")
            self._callbacks_due += 1
            self._poller.nextTick(self._emit_finish)

    def _emit_finish(self) -> None:
        self._callbacks_due -= 1
        self._finish = FINISHED
        self._call_on_finished(None)
        self.emit("finish")
        self._half_over()

    def _call_on_finished(self, error: BaseException | None) -> None:
        callbacks, self._on_finished = self._on_finished, None
        for callback in callbacks or ():
            self._call(callback, error)
