"""Node's queues: ticks, then microtasks; and at the end of a round what was fed, then what closes.

Law: a drain ends with ticks and microtasks empty, and no queued callback runs inside the call
that queued it. Whatever a callback raises, also ``SystemExit`` and its like, ends that callback
alone: the reactor would close the Poller for it, and everything that is open.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable
from threading import get_ident
from typing import Any, TypeVarTuple, Unpack

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure
from twisted.python.threadable import isInIOThread

_Args = TypeVarTuple("_Args")


class Ticks:
    """The tick and microtask queues of one reactor.

    `depth` counts the callbacks of nodenet that are on the stack; whoever runs one raises it
    with :meth:`enter` and lowers it with :meth:`leave`, which drains at depth 0.
    """

    def __init__(self, reactor: Any, uncaught: Callable[[Failure, object], None]) -> None:
        self.reactor = reactor
        self.depth = 0
        self.queue: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._microtasks: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self.fed: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self.closing: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._uncaught = uncaught
        self.turn = 0
        """A number that is another one after each look for events."""
        self.polling = False
        """Whether a round of handlers is being run."""
        self._round_end: IDelayedCall | None = None
        self._wake: IDelayedCall | None = None
        self._thread = get_ident()

    def nextTick(self, callback: Callable[[Unpack[_Args]], object], *args: *_Args) -> None:
        """Run `callback` when the running callback of nodenet has returned, in order."""
        if get_ident() != self._thread and self._foreign(self.nextTick, callback, args):
            return
        self.queue.append((callback, args))
        if not self.depth and not _is_due(self._wake):
            self._wake = IReactorTime(self.reactor).callLater(0, self._woken)

    def queueMicrotask(self, callback: Callable[[Unpack[_Args]], object], *args: *_Args) -> None:
        """Run `callback` once the tick queue is empty, where Node runs promise reactions."""
        if get_ident() != self._thread and self._foreign(self.queueMicrotask, callback, args):
            return
        self._microtasks.append((callback, args))
        # The drain that empties the ticks looks at the microtasks as well.
        if not self.queue:
            self.nextTick(_nothing)

    def atRoundEnd(self, callback: Callable[[Unpack[_Args]], object], *args: *_Args) -> None:
        """Run `callback` when the handlers of this round have run: Node's close callbacks."""
        self.closing.append((callback, args))
        if not self.depth:
            self._await_round_end()

    def feed(self, callback: Callable[[Unpack[_Args]], object], *args: *_Args) -> None:
        """Run `callback` before the next look for events: what the system has done by then."""
        self.fed.append((callback, args))
        if not self.depth:
            self._await_round_end()

    @property
    def ending(self) -> bool:
        """Whether something waits for the end of the round."""
        return bool(self.fed or self.closing)

    @property
    def running(self) -> bool:
        """Whether a callback of nodenet is on the stack of the calling thread."""
        return self.depth > 0 and self._thread == get_ident()

    def enter(self) -> None:
        """A callback of nodenet begins in the reactor's thread."""
        self._thread = get_ident()
        self.depth += 1
        self.turn += 1

    def leave(self) -> None:
        """A callback of nodenet has returned: at depth 0 drain the queues."""
        try:
            if self.depth == 1 and self.queue:
                self.drain()
        finally:
            self.depth -= 1
            if (self.closing or self.fed) and not self.polling:
                self._await_round_end()

    def call(self, owner: object, callback: Callable[..., object], *args: object) -> None:
        """Run `callback` as a callback of nodenet: guarded, and with a drain behind it."""
        self.enter()
        try:
            callback(*args)
        except BaseException:
            self._uncaught(Failure(), owner)
        finally:
            self.leave()

    def drain(self) -> None:
        """Run ticks and microtasks until none is left. Only for whoever is inside a callback."""
        ticks, microtasks = self.queue, self._microtasks
        while ticks:
            callback, args = ticks.popleft()
            try:
                callback(*args)
            except BaseException:
                self._uncaught(Failure(), callback)
            if not ticks:
                while microtasks:
                    callback, args = microtasks.popleft()
                    try:
                        callback(*args)
                    except BaseException:
                        self._uncaught(Failure(), callback)

    def runFed(self) -> None:
        """Run what was fed. Only for whoever is inside a callback."""
        if self.depth == 1:
            self._run(self.fed)

    def runClosing(self) -> None:
        """Run what waits for the end of the round. Only for whoever is inside a callback.

        What these callbacks close waits for the end of the next one, as in libuv.
        """
        if self.depth == 1:
            self._run(self.fed)
            self._run(self.closing)

    def _run(self, queue: deque[tuple[Callable[..., object], tuple[Any, ...]]]) -> None:
        for _ in range(len(queue)):
            callback, args = queue.popleft()
            try:
                callback(*args)
            except BaseException:
                self._uncaught(Failure(), callback)
            if self.queue:
                self.drain()

    def _await_round_end(self) -> None:
        """No handlers are being run: what the reactor does until it runs this is the round."""
        if not _is_due(self._round_end):
            self._round_end = IReactorTime(self.reactor).callLater(0, self._round_ended)

    def _round_ended(self) -> None:
        self._round_end = None
        self.enter()
        self.runClosing()
        self.leave()

    def _woken(self) -> None:
        self._wake = None
        self.enter()
        self.leave()

    def _foreign(self, again: Callable[..., None], callback: Any, args: tuple[Any, ...]) -> bool:
        """Called from a thread that is not the one seen last: hand over, or accept a new home."""
        if not self.depth and (isInIOThread() or not self.reactor.running):
            # It has started in another thread than that of the first call, or not yet.
            self._thread = get_ident()
            return False
        warnings.warn(
            f"nodenet called from thread {get_ident()}, but its reactor runs in thread "
            f"{self._thread}: use reactor.callFromThread. {callback!r} was handed over.",
            RuntimeWarning,
            stacklevel=3,
        )
        self.reactor.callFromThread(again, callback, *args)
        return True


def _is_due(call: IDelayedCall | None) -> bool:
    """Whether a call will be made: trial, for one, cancels what a test has left."""
    return call is not None and bool(call.active())


def _nothing() -> None:
    """A tick that only makes the drain happen."""
