"""The emitter.

Invariant: `_events` holds, for every event that has listeners and for no other, one function or a
tuple of several; a tuple is never changed, so whoever is emitting goes on with the listeners that
there were.

What JavaScript calls ``this`` in a listener has no counterpart: a listener gets its arguments, and
knows its emitter from where it was added.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, overload

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from nodenet.errors import ERR_UNHANDLED_ERROR, emitWarning
from nodenet.events.declarations import Event
from nodenet.events.listeners import (
    EventName,
    Listener,
    OnceWrapper,
    check,
    each,
    lastOf,
    original,
    same,
)
from nodenet.events.symbols import MISSING, captureRejectionSymbol, errorMonitor
from nodenet.loop import pollerOf
from nodenet.options import checkNumber

if TYPE_CHECKING:
    from nodenet.loop import Poller

_Listener = TypeVar("_Listener", bound=Listener)


class EventEmitter:
    """Something that events happen to (Node: Events, class EventEmitter).

    The methods that add a listener are decorators when the listener is left out::

        @server.on("connection")
        def welcome(socket): ...

    A listener is anything that can be called. The same one added twice is called twice. One that
    is a coroutine function, or that returns a Deferred, runs beside the others; when it fails the
    failure becomes an ``'error'`` of the emitter, see `captureRejection`.

    An event name is compared as Python compares: 1 and ``'1'`` are two events.
    """

    EVENTS: ClassVar[tuple[Event, ...]] = (
        Event(
            "newListener",
            ("name: Hashable", "listener: Callable"),
            "A listener is about to be added.",
        ),
        Event(
            "removeListener",
            ("name: Hashable", "listener: Callable"),
            "A listener has been removed.",
        ),
    )

    defaultMaxListeners: ClassVar[float] = 10
    """How many listeners an event of an emitter may have before there is a warning, unless
    `setMaxListeners` said otherwise; a subclass may have its own number."""

    _events: dict[EventName, Listener | tuple[Listener, ...]]
    _maxListeners: float | None = None
    _warned: frozenset[EventName] = frozenset()
    _capturing: bool = True
    _poller: Poller  # only of emitters that belong to a reactor

    def __init__(self) -> None:
        self._events = {}

    # -- adding -----------------------------------------------------------------------------------

    @overload
    def on(self, name: EventName) -> Callable[[_Listener], _Listener]: ...
    @overload
    def on(self, name: EventName, listener: Listener) -> Self: ...
    def on(self, name: EventName, listener: Listener = MISSING) -> Any:
        """Add a listener behind the others.

        Args:
            name: The event.
            listener: What to call; left out, the result is a decorator.

        Raises:
            ERR_INVALID_ARG_TYPE: `listener` cannot be called.
        """
        if listener is MISSING:
            return self._decorator(self.on, name)
        self._add(name, listener, False)
        return self

    @overload
    def addListener(self, name: EventName) -> Callable[[_Listener], _Listener]: ...
    @overload
    def addListener(self, name: EventName, listener: Listener) -> Self: ...
    def addListener(self, name: EventName, listener: Listener = MISSING) -> Any:
        """Do what `on` does."""
        return self.on(name, listener)

    @overload
    def once(self, name: EventName) -> Callable[[_Listener], _Listener]: ...
    @overload
    def once(self, name: EventName, listener: Listener) -> Self: ...
    def once(self, name: EventName, listener: Listener = MISSING) -> Any:
        """Add a listener that is removed when its event comes, before it is called. As `on`."""
        if listener is MISSING:
            return self._decorator(self.once, name)
        self.on(name, OnceWrapper(self, name, listener))
        return self

    @overload
    def prependListener(self, name: EventName) -> Callable[[_Listener], _Listener]: ...
    @overload
    def prependListener(self, name: EventName, listener: Listener) -> Self: ...
    def prependListener(self, name: EventName, listener: Listener = MISSING) -> Any:
        """Add a listener before the others. As `on`."""
        if listener is MISSING:
            return self._decorator(self.prependListener, name)
        self._add(name, listener, True)
        return self

    @overload
    def prependOnceListener(self, name: EventName) -> Callable[[_Listener], _Listener]: ...
    @overload
    def prependOnceListener(self, name: EventName, listener: Listener) -> Self: ...
    def prependOnceListener(self, name: EventName, listener: Listener = MISSING) -> Any:
        """Add a listener before the others, for one event. As `once`."""
        if listener is MISSING:
            return self._decorator(self.prependOnceListener, name)
        self.prependListener(name, OnceWrapper(self, name, listener))
        return self

    # -- removing ---------------------------------------------------------------------------------

    def removeListener(self, name: EventName, listener: Listener) -> Self:
        """Remove a listener; when it was added several times, what was added last.

        Args:
            name: The event.
            listener: As it was added, or as `rawListeners` gives it.

        Raises:
            ERR_INVALID_ARG_TYPE: `listener` cannot be called.
        """
        check(listener)
        events = self._events
        current = events.get(name)
        if isinstance(current, tuple):
            index = lastOf(current, listener)
            if index < 0:
                return self
            rest = current[:index] + current[index + 1 :]
            events[name] = rest if len(rest) > 1 else rest[0]
        elif current is not None and same(current, listener):
            del events[name]
            # Node tells the wrapper of a once-listener only where it stood among others.
            listener = original(current)
        else:
            return self
        if name in self._warned and not isinstance(events.get(name), tuple):
            self._warned -= {name}
        if "removeListener" in events:
            self.emit("removeListener", name, listener)
        return self

    def off(self, name: EventName, listener: Listener) -> Self:
        """Do what `removeListener` does."""
        return self.removeListener(name, listener)

    def removeAllListeners(self, name: EventName = MISSING) -> Self:
        """Remove the listeners of an event.

        Args:
            name: The event; left out, all events.
        """
        events = self._events
        if "removeListener" not in events:
            if name is MISSING:
                events.clear()
                self._warned = frozenset()
            elif events.pop(name, None) is not None:
                self._warned -= {name}
        elif name is MISSING:
            for other in [other for other in events if other != "removeListener"]:
                self.removeAllListeners(other)
            self.removeAllListeners("removeListener")
        else:
            for listener in reversed(each(events.get(name))):
                self.removeListener(name, listener)
        return self

    # -- emitting ---------------------------------------------------------------------------------

    def emit(self, name: EventName, /, *args: Any) -> bool:
        """Call the listeners of an event, in their order, now.

        What a listener raises is raised to the caller, and the listeners behind it are not called.

        Args:
            name: The event.
            args: What each listener is called with.

        Returns:
            Whether there was a listener.

        Raises:
            Exception: `name` is ``'error'``, nobody listens, and the first argument is this one.
            ERR_UNHANDLED_ERROR: As before, and the first argument is no exception.
        """
        if name == "error":
            self._before_error(args)
        listeners = self._events.get(name)
        if listeners is None:
            return False
        if isinstance(listeners, tuple):
            for listener in listeners:
                result = listener(*args)
                if result is not None and result is not True:
                    self._returned(result, name, args)
        else:
            result = listeners(*args)
            # True is what the likes of `socket.on("data", other.write)` return mostly.
            if result is not None and result is not True:
                self._returned(result, name, args)
        return True

    def captureRejection(self, error: BaseException, name: EventName, /, *args: Any) -> None:
        """Take the failure of a listener's coroutine or Deferred: emit it as ``'error'``.

        A subclass may do something else (Node: ``Symbol.for('nodejs.rejection')``). What fails in
        here, or in a listener of that ``'error'``, is logged as critical and goes nowhere else.

        Args:
            error: What the listener failed with.
            name: The event that it listened to.
            args: What it was called with.
        """
        before, self._capturing = self._capturing, False
        try:
            self.emit("error", error)
        finally:
            self._capturing = before

    # -- tuning -----------------------------------------------------------------------------------

    def setMaxListeners(self, n: float) -> Self:
        """Set how many listeners an event may have before there is a warning.

        Args:
            n: 0 or more; 0 and ``math.inf`` mean any number.

        Raises:
            ERR_INVALID_ARG_TYPE: `n` is no number.
            ERR_OUT_OF_RANGE: `n` is negative or NaN.
        """
        self._maxListeners = checkNumber(n, "setMaxListeners", 0)
        return self

    def getMaxListeners(self) -> float:
        """Return what `setMaxListeners` has set, or `defaultMaxListeners`."""
        if self._maxListeners is None:
            return checkNumber(self.defaultMaxListeners, "defaultMaxListeners", 0)
        return self._maxListeners

    # -- properties -------------------------------------------------------------------------------

    def eventNames(self) -> list[EventName]:
        """Return the events that have listeners: names that are text first."""
        return sorted(self._events, key=lambda name: not isinstance(name, str))

    def listenerCount(self, name: EventName, listener: Listener | None = None) -> int:
        """Count the listeners of an event.

        Args:
            name: The event.
            listener: Count only how often this one was added.
        """
        listeners = each(self._events.get(name))
        if listener is None:
            return len(listeners)
        return sum(same(added, listener) for added in listeners)

    def listeners(self, name: EventName) -> list[Listener]:
        """Return the listeners of an event, as they were added.

        Args:
            name: The event.
        """
        return [original(listener) for listener in each(self._events.get(name))]

    def rawListeners(self, name: EventName) -> list[Listener]:
        """Return the listeners of an event, with the wrappers that `once` makes.

        A wrapper's `listener` is what was added; the wrapper, when called, also removes it.

        Args:
            name: The event.
        """
        return list(each(self._events.get(name)))

    def __repr__(self) -> str:
        counts = [f" {name}={len(each(one))}" for name, one in self._events.items()]
        return f"<{type(self).__name__}{''.join(counts)}>"

    # -- private ----------------------------------------------------------------------------------

    def _decorator(
        self, add: Callable[[EventName, Listener], object], name: EventName
    ) -> Callable[[_Listener], _Listener]:
        def decorate(listener: _Listener) -> _Listener:
            add(name, listener)
            return listener

        return decorate

    def _add(self, name: EventName, listener: Listener, first: bool) -> None:
        check(listener)
        events = self._events
        if "newListener" in events:
            self.emit("newListener", name, original(listener))
        current = events.get(name)
        if current is None:
            events[name] = listener
            return
        listeners = each(current)
        listeners = (listener, *listeners) if first else (*listeners, listener)
        events[name] = listeners
        if name not in self._warned and 0 < self.getMaxListeners() < len(listeners):
            self._warned |= {name}
            self._warn(name, len(listeners))

    def _warn(self, name: EventName, count: int) -> None:
        emitWarning(
            f"Possible EventEmitter memory leak detected. {count} {name} listeners added to "
            f"[{type(self).__name__}]. MaxListeners is {self.getMaxListeners()}. "
            "Use emitter.setMaxListeners() to increase limit",
            "MaxListenersExceededWarning",
            emitter=self,
            type=name,
            count=count,
        )

    def _before_error(self, args: tuple[Any, ...]) -> None:
        """Let the monitors see an ``'error'``, and raise it when nobody listens."""
        if errorMonitor in self._events:
            self.emit(errorMonitor, *args)
        if "error" in self._events:
            return
        error = args[0] if args else None
        if isinstance(error, BaseException):
            raise error
        raise ERR_UNHANDLED_ERROR(error)

    def _returned(self, result: object, name: EventName, args: tuple[Any, ...]) -> None:
        """See to what a listener has returned.

        Whoever calls a listener directly, without `emit`, calls this with any result but ``None``.
        """
        if isinstance(result, CoroutineType):
            result = Deferred.fromCoroutine(result)
        elif not isinstance(result, Deferred):
            return
        result.addErrback(self._rejected, self._capturing, name, args)

    def _rejected(
        self, failure: Failure, capturing: bool, name: EventName, args: tuple[Any, ...]
    ) -> None:
        """Go on as Node does, in a tick that a microtask queues."""
        poller = getattr(self, "_poller", None) or pollerOf()
        if capturing:
            poller.queueMicrotask(_tick, poller, self._capture, failure, name, args)
        else:
            poller.queueMicrotask(_tick, poller, poller.uncaught, failure, self)

    def _capture(self, failure: Failure, name: EventName, args: tuple[Any, ...]) -> None:
        result = getattr(self, captureRejectionSymbol)(failure.value, name, *args)
        if result is not None:
            before, self._capturing = self._capturing, False
            self._returned(result, name, args)
            self._capturing = before


def _tick(poller: Poller, callback: Callable[..., object], *args: object) -> None:
    poller.nextTick(callback, *args)
