"""How a Writable settles what was written: callbacks, ``'drain'``, and what fails.

Law: every callback given to `write()` or `end()` is called exactly once, in the order of the
calls, and never inside the call that it was given to. `_callbacks_due` counts the writes that are
not settled; ``'finish'`` waits until it is 0.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.python.failure import Failure

from nodenet.errors import ERR_MULTIPLE_CALLBACK, ERR_STREAM_DESTROYED
from nodenet.streams.stream import ABSENT, DOOMED, FLOWS, Callback, Stream

Write = tuple[bytes, Callback | None]
"""What waits to be written: a chunk, and whom to tell. No class of its own: it is made for each."""


class _AfterWrite:
    """A tick that settles `count` writes in a row that have the same callback."""

    __slots__ = ("callback", "count")

    def __init__(self, callback: Callback | None) -> None:
        self.callback = callback
        self.count = 1


class SettlingSide(Stream):
    """The state of a writable half, and what comes of its writes."""

    __slots__ = ()

    _queue: deque[Write] | None
    _unwritten: int
    _write_mark: int
    _write_encoding: str
    _write_size: int
    _write_callback: Callback | None
    _writing: bool
    _inside_write: bool
    _flushing: bool
    _corked: int
    _need_drain: bool
    _callbacks_due: int
    _after: _AfterWrite | None
    _on_finished: list[Callback] | None
    _send: Callable[[bytes], bool] | None

    def _sent(self, error: BaseException | None = None) -> None:
        """The rest that `_send` left waiting has been sent, or never will be."""
        self._written(error)

    def _written(self, error: BaseException | None = None) -> None:
        """The write that was on its way is over."""
        if not self._writing:
            self._fail(ERR_MULTIPLE_CALLBACK())
            return
        inside = self._inside_write
        callback = self._write_callback
        self._writing = False
        self._write_callback = None
        self._unwritten -= self._write_size
        self._write_size = 0
        if error is not None:
            self._note(error)
            if inside:
                self._poller.nextTick(self._write_failed, error, callback)
            else:
                self._write_failed(error, callback)
            return
        if self._queue is not None:
            self._flush()
        self._judge_out()
        if inside:
            self._settle_soon(callback)
        else:
            self._settle(1, callback)

    def _settle_soon(self, callback: Callback | None) -> None:
        """A write was over at once: its callback has to wait for the next tick."""
        after = self._after
        if callback is None:
            drained = self._need_drain and self._unwritten == 0
            if after is None and (drained or self._life >= DOOMED):
                self._after = _AfterWrite(None)
                self._poller.nextTick(self._settle_later, self._after)
            else:
                self._callbacks_due -= 1
                if self._finish != FLOWS:
                    self._finish_if_done()
        elif after is not None and after.callback == callback:
            after.count += 1
        else:
            self._after = _AfterWrite(callback)
            self._poller.nextTick(self._settle_later, self._after)

    def _settle_later(self, after: _AfterWrite) -> None:
        self._after = None
        self._settle(after.count, after.callback)

    def _settle(self, count: int, callback: Callback | None) -> None:
        due = self._need_drain and self._unwritten == 0
        if due and self._finish == FLOWS and self._life < DOOMED:
            self._need_drain = False
            self._emit_drain(count, callback)
        self._callbacks_due -= count
        if callback is not None:
            for _ in range(count):
                self._call(callback, None)
        if self._life >= DOOMED:
            self._drop()
        self._finish_if_done()

    def _emit_drain(self, count: int, callback: Callback | None) -> None:
        try:
            self.emit("drain")
        except Exception:
            self._poller.nextTick(self._settle, count, callback)
            raise

    def _write_failed(self, error: BaseException, callback: Callback | None) -> None:
        self._callbacks_due -= 1
        if callback is not None:
            self._call(callback, error)
        self._drop()
        self._fail(error)

    def _drop(self) -> None:
        """The stream is dead: whoever still waits is told."""
        if self._writing:
            return
        queue, self._queue = self._queue, None
        for chunk, callback in queue or ():
            self._unwritten -= len(chunk)
            if callback is not None:
                self._call(callback, self._errored or ERR_STREAM_DESTROYED("write"))
        self._call_on_finished(self._errored or ERR_STREAM_DESTROYED("end"))

    def _abandon(self) -> None:
        super()._abandon()
        if self._finish != ABSENT and (self._queue is not None or self._on_finished is not None):
            self._poller.nextTick(self._drop)

    def _call(self, callback: Callback, error: BaseException | None) -> None:
        """Call back; what fails in there keeps no other callback from being called."""
        try:
            callback(error)
        except Exception:
            self._poller.uncaught(Failure(), callback)

    def _call_all(self, callbacks: list[Callback]) -> Callback:
        def call_all(error: BaseException | None) -> None:
            for callback in callbacks:
                self._call(callback, error)

        return call_all

    # -- what stands above ------------------------------------------------------------------------

    def _flush(self) -> None:
        raise NotImplementedError

    def _judge_out(self) -> None:
        raise NotImplementedError

    def _finish_if_done(self, now: bool = False) -> None:
        raise NotImplementedError

    def _call_on_finished(self, error: BaseException | None) -> None:
        raise NotImplementedError
