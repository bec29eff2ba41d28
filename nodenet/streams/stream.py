"""What every stream is: one life, one error, one ``'close'``.

Law: `_life` moves forward only, and only in this file.

::

    CONSTRUCTING --> OPEN --> DYING --> CLOSED --> GONE
          `---> DOOMED ---------^

- CONSTRUCTING: `_construct()` has not called back; reads and writes wait.
- DOOMED: destroyed while constructing; `_destroy()` runs once `_construct()` has called back.
- DYING: `destroy()` was called; `_destroy()` has not called back.
- CLOSED: `_destroy()` has called back; ``'error'`` and ``'close'`` follow in the next tick.
- GONE: that tick has run.

`_end` and `_finish` say how far the two halves are. A half that a stream does not have is one
that is over: the writable half of a plain Readable is ABSENT, and no rule asks which halves exist.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, Self

from nodenet.errors import ERR_MULTIPLE_CALLBACK, AggregateError
from nodenet.events import Event, EventEmitter
from nodenet.loop import Poller

CONSTRUCTING: Final = 0
OPEN: Final = 1
DOOMED: Final = 2
DYING: Final = 3
CLOSED: Final = 4
GONE: Final = 5

# How far the readable half is (`_end`) and the writable half (`_finish`); 0 is the start of both.
FLOWS: Final = 0
ENDED: Final = 1  # the source has said that there is no more
EMITTED: Final = 4  # 'end' was emitted

ENDING: Final = 1  # end() was called
FINAL: Final = 2  # _final() was called
PREFINISHED: Final = 3  # nothing is left to do
FINISHED: Final = 4  # 'finish' was emitted

ABSENT: Final = 5  # there is no such half

Callback = Callable[..., object]
"""Called with None, or with the exception."""


class Stream(EventEmitter):
    """The common part of Readable, Writable and Duplex: being made and being destroyed.

    Mirrors: Stream, "Common events and members".
    """

    EVENTS: ClassVar[tuple[Event, ...]] = (
        Event("close", (), "The stream is closed and emits nothing any more."),
        Event("error", ("error: Exception",), "Something failed; the stream is destroyed."),
    )

    # Python cannot merge the slots of two bases, so those of both halves stand here.
    __slots__ = (
        "_after",
        "_announced",
        "_auto_destroy",
        "_awaiting",
        "_buffered",
        "_callbacks_due",
        "_chunks",
        "_corked",
        "_decoder",
        "_demand",
        "_did_read",
        "_direct",
        "_doom",
        "_emits_close",
        "_end",
        "_ending",
        "_error_emitted",
        "_errored",
        "_events",  # the emitter's, which has none, to go with bases of any kind
        "_filling",
        "_finish",
        "_flowing",
        "_flushing",
        "_hears",
        "_inside_write",
        "_life",
        "_listening",
        "_need_drain",
        "_on_finished",
        "_paused",
        "_pipes",
        "_poller",
        "_push_encoding",
        "_queue",
        "_read_mark",
        "_resuming",
        "_send",
        "_straight_out",
        "_unwritten",
        "_wanted",
        "_write_callback",
        "_write_encoding",
        "_write_mark",
        "_write_size",
        "_writing",
    )

    _poller: Poller
    _life: int
    _errored: BaseException | None
    _error_emitted: bool
    _doom: BaseException | None  # while DOOMED: the error that `destroy()` was given
    _auto_destroy: bool
    _buffered: int
    _unwritten: int
    _callbacks_due: int
    _emits_close: bool
    _end: int
    _finish: int
    # The byte path: who gets what is pushed, and whether what is written may go to `_send`.
    _direct: Callable[..., object] | None
    _straight_out: bool

    _construct: Any = None
    """``_construct(callback)``, where a subclass has one: the stream waits until it calls back."""

    def _begin(self, poller: Poller, auto_destroy: bool, emits_close: bool) -> None:
        """Start a life; both halves are absent until they begin."""
        super().__init__()
        self._poller = poller
        self._auto_destroy = auto_destroy
        self._emits_close = emits_close
        self._end = self._finish = ABSENT
        self._buffered = self._unwritten = self._callbacks_due = 0
        self._direct = None
        self._straight_out = False
        self._live()

    def _live(self) -> None:
        self._life = OPEN
        self._errored = None
        self._error_emitted = False

    def _begin_construction(self) -> None:
        """The last step of a constructor."""
        if self._construct is not None:
            self._life = CONSTRUCTING
            self._straight_out = False
            self._poller.nextTick(self._call_construct)

    # -- operations -------------------------------------------------------------------------------

    def destroy(self, error: BaseException | None = None) -> Self:
        """Destroy the stream: release what it holds, emit ``'error'`` if there is one, ``'close'``.

        What was not written yet is lost, and what was not read yet is not emitted. A second call
        does nothing.

        Args:
            error: Why; emitted as ``'error'`` in a later tick.

        Returns:
            This stream.

        Mirrors: "readable.destroy([error])" and "writable.destroy([error])".
        """
        life = self._life
        if life >= DOOMED:
            return self
        self._abandon()
        self._note(error)
        if life == OPEN:
            self._life = DYING
            self._call_destroy(error)
        else:
            self._life = DOOMED
            self._doom = error
        return self

    # -- properties -------------------------------------------------------------------------------

    @property
    def destroyed(self) -> bool:
        """True once `destroy()` has been called."""
        return self._life >= DOOMED

    @property
    def closed(self) -> bool:
        """True once all is released: at ``'close'`` and just before."""
        return self._life >= CLOSED

    @property
    def errored(self) -> BaseException | None:
        """The error that the stream failed with, or None."""
        return self._errored

    # -- from subclasses --------------------------------------------------------------------------

    def _destroy(self, error: BaseException | None, callback: Callback) -> None:
        """Release what the stream holds, then call ``callback(error)``; for subclasses."""
        callback(error)

    def _undestroy(self) -> None:
        """Begin a new life after ``'close'``: for streams that can connect again."""
        self._live()
        if self._end != ABSENT:
            self._end = FLOWS
        if self._finish != ABSENT:
            self._finish = FLOWS

    # -- private ----------------------------------------------------------------------------------

    def _abandon(self) -> None:
        """The stream dies: what a half must do about it."""
        self._direct = None
        self._straight_out = False

    def _note(self, error: BaseException | None) -> None:
        """Remember the first error."""
        if error is not None:
            self._direct = None
            self._straight_out = False
            if self._errored is None:
                self._errored = error

    def _fail(self, error: BaseException, later: bool = False) -> None:
        """An operation failed: destroy the stream, or just say so if it does not destroy itself."""
        if self._life >= DOOMED:
            return
        if self._auto_destroy:
            self.destroy(error)
            return
        self._note(error)
        if later:
            self._poller.nextTick(self._emit_error, error)
        else:
            self._emit_error(error)

    def _half_over(self) -> None:
        """The joint rule of the halves: when both are over, the stream is."""
        if self._auto_destroy and self._end >= EMITTED and self._finish >= FINISHED:
            self.destroy()

    def _call_construct(self) -> None:
        try:
            self._construct(self._construct_called)
        except Exception as error:
            self._construct_called(error)

    def _construct_called(self, error: BaseException | None = None) -> None:
        self._poller.nextTick(self._constructed, error)

    def _constructed(self, error: BaseException | None) -> None:
        """`_construct` has called back."""
        if self._life == DOOMED:
            self._life = DYING
            self._call_destroy(_both(self._doom, error))
        elif self._life != CONSTRUCTING:
            self._fail(error or ERR_MULTIPLE_CALLBACK())
        else:
            self._life = OPEN
            if error is not None:
                self._fail(error, later=True)
            else:
                self._opened()

    def _opened(self) -> None:
        """Construction is done: what waited for it goes on."""

    def _call_destroy(self, error: BaseException | None) -> None:
        try:
            self._destroy(error, self._destroyed)
        except Exception as failure:
            self._destroyed(failure)

    def _destroyed(self, error: BaseException | None = None) -> None:
        """`_destroy` has called back."""
        if self._life != DYING:
            return
        self._note(error)
        self._life = CLOSED
        if error is not None:
            self._poller.nextTick(self._emit_error_and_close, error)
        else:
            self._poller.nextTick(self._emit_close)

    def _emit_error_and_close(self, error: BaseException) -> None:
        try:
            self._emit_error(error)
        finally:
            self._emit_close()

    def _emit_error(self, error: BaseException) -> None:
        if not self._error_emitted:
            self._error_emitted = True
            self.emit("error", error)

    def _emit_close(self) -> None:
        if self._life == CLOSED:
            self._life = GONE
        if self._emits_close:
            self.emit("close")


def _both(first: BaseException | None, second: BaseException | None) -> BaseException | None:
    """One error of two."""
    if isinstance(first, Exception) and isinstance(second, Exception):
        return AggregateError([first, second], str(first))
    return first or second
