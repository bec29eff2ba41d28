"""How a Writable writes: one write at a time is on its way, the others wait in order.

Law: writes leave in the order of the calls. `_unwritten` is the length of all that was written and
is not settled: what is on its way and what waits in `_queue` (None: nothing waits).

A subclass has `_write()`, which calls back, or `_send`, which writes at once: it returns True when
all is handed over, False when the rest waits (then `_sent()` is called later), and raises OSError.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from nodenet.errors import ERR_STREAM_DESTROYED, ERR_STREAM_WRITE_AFTER_END
from nodenet.streams._settling import SettlingSide, Write
from nodenet.streams.stream import DOOMED, FLOWS, OPEN, Callback

_COPIED: Final = 8192
"""Bytes up to which it is cheaper to put chunks together than to hand over each by itself."""


class WritesSide(SettlingSide):
    """How writes begin."""

    __slots__ = ()

    _writev: Any = None
    """``_writev(chunks, callback)``, where a subclass has one: what has waited, in one call."""

    def _begin_writing(self, mark: int, encoding: str = "utf8") -> None:
        """The writable half begins, with a high-water mark in bytes."""
        self._finish = FLOWS
        self._write_mark = mark
        self._write_encoding = encoding
        self._queue = None
        self._unwritten = self._write_size = self._corked = self._callbacks_due = 0
        self._write_callback = None
        self._writing = self._inside_write = self._flushing = self._need_drain = False
        self._after = None
        self._on_finished = None
        self._send = None

    def _undestroy(self) -> None:
        super()._undestroy()
        self._judge_out()

    def _opened(self) -> None:
        super()._opened()
        if not self._writing:
            self._flush()
        self._judge_out()
        self._finish_if_done(now=True)

    def _judge_out(self) -> None:
        """May what is written go straight to `_send`, when there is one?"""
        self._straight_out = (
            self._finish == FLOWS
            and self._life == OPEN
            and self._errored is None
            and not self._writing
            and not self._corked
            and self._queue is None
        )

    # -- writing ----------------------------------------------------------------------------------

    def _accept(self, chunk: bytes, callback: Callback | None) -> BaseException | bool:
        """Take a chunk. Returns an error when it comes too late, else whether to go on."""
        error: BaseException | None = None
        if self._finish != FLOWS:
            error = ERR_STREAM_WRITE_AFTER_END()
        elif self._life >= DOOMED:
            error = ERR_STREAM_DESTROYED("write")
        if error is not None:
            if callback is not None:
                self._poller.nextTick(callback, error)
            self._fail(error, later=True)
            return error
        self._callbacks_due += 1
        self._unwritten += len(chunk)
        if self._writing or self._corked or self._errored is not None or self._life != OPEN:
            if self._queue is None:
                self._queue = deque()
            self._queue.append((chunk, callback))
            self._straight_out = False
        else:
            self._start_now(chunk, callback)
        # What was over at once leaves nothing to drain.
        room = self._unwritten < self._write_mark or self._unwritten == 0
        if not room:
            self._need_drain = True
        return room and self._errored is None and self._life < DOOMED

    def _keep_corked(self, chunk: bytes) -> bool:
        """As `_accept` does with a chunk while a healthy stream is corked."""
        self._callbacks_due += 1
        unwritten = self._unwritten = self._unwritten + len(chunk)
        if self._queue is None:
            self._queue = deque()
        self._queue.append((chunk, None))
        if unwritten < self._write_mark or unwritten == 0:
            return True
        self._need_drain = True
        return False

    def _start_now(self, chunk: bytes, callback: Callback | None) -> None:
        """Write a chunk of which `write()` is still being called."""
        try:
            self._start(chunk, callback)
        except Exception:
            # Whoever writes hears of it this way, and the stream goes on without that chunk.
            self._writing = self._inside_write = False
            self._unwritten -= len(chunk)
            self._callbacks_due -= 1
            raise

    def _start(self, chunk: bytes, callback: Callback | None) -> None:
        """Write one chunk; nothing else is on its way."""
        self._on_its_way(len(chunk), callback)
        if self._life >= DOOMED:
            self._written(ERR_STREAM_DESTROYED("write"))
        elif self._send is None:
            self._write(chunk, "buffer", self._written)
        else:
            self._try_send(chunk)
        self._inside_write = False

    def _start_all(self, writes: deque[Write]) -> None:
        """Write all that has waited, in one call."""
        callbacks = [callback for _, callback in writes if callback is not None]
        self._callbacks_due -= len(writes) - 1
        chunks = [chunk for chunk, _ in writes]
        size = self._unwritten
        self._on_its_way(size, self._call_all(callbacks) if callbacks else None)
        if self._life >= DOOMED:
            self._written(ERR_STREAM_DESTROYED("write"))
        elif self._writev is None or (self._send is not None and size <= _COPIED):
            self._try_send(b"".join(chunks))
        else:
            self._writev(chunks, self._written)
        self._inside_write = False

    def _on_its_way(self, size: int, callback: Callback | None) -> None:
        self._writing = self._inside_write = True
        self._straight_out = False
        self._write_size = size
        self._write_callback = callback

    def _try_send(self, chunk: bytes) -> None:
        assert self._send is not None
        try:
            done = self._send(chunk)
        except OSError as error:
            self._written(error)
        else:
            if done:
                self._written()

    def _flush(self) -> None:
        """Write what waits, as far as it is accepted at once."""
        if self._flushing or self._corked or self._life != OPEN or self._queue is None:
            return
        queue, self._flushing = self._queue, True
        try:
            if len(queue) > 1 and (self._writev is not None or self._send is not None):
                self._queue = None
                self._start_all(queue)
            else:
                while queue and not self._writing:
                    self._start(*queue.popleft())
        except Exception as error:
            if not self._writing:
                raise
            self._written(error)
            self._inside_write = False
        finally:
            if not self._queue:
                self._queue = None
            self._flushing = False

    def _sent_partly(self, size: int) -> bool:
        """A write went straight to `_send`, and some of it waits."""
        self._callbacks_due += 1
        self._unwritten = self._write_size = size
        self._writing = True
        self._straight_out = False
        room = size < self._write_mark or size == 0
        if not room:
            self._need_drain = True
        return room

    def _send_failed(self, chunk: bytes, error: OSError) -> bool:
        self._callbacks_due += 1
        self._unwritten += len(chunk)
        self._on_its_way(len(chunk), None)
        self._written(error)
        self._inside_write = False
        return False

    def _uncork(self) -> None:
        if self._corked:
            self._corked -= 1
            if not self._writing:
                self._flush()
            self._judge_out()

    # -- what a Writable adds ---------------------------------------------------------------------

    def _write(self, chunk: bytes, encoding: str, callback: Callback) -> None:
        raise NotImplementedError
