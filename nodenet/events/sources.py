"""Emitters and event targets alike.

Invariant: what is told apart is what an object can do, never what it is, so that emitters and
signals of others are served as well.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias

from nodenet.errors import ERR_INVALID_ARG_TYPE
from nodenet.events.emitter import EventEmitter
from nodenet.events.listeners import EventName, Listener
from nodenet.loop import Poller, pollerOf
from nodenet.options import checkAbortSignal, checkFunction, checkNumber


class Target(Protocol):
    """What has the methods of an event target, such as `nodenet.abort.AbortSignal`."""

    def addEventListener(self, type: str, listener: Any, options: Any = None) -> None:
        """Call `listener` with each event of `type`."""

    def removeEventListener(self, type: str, listener: Any, options: Any = None) -> None:
        """Call it no more."""


class Signal(Target, Protocol):
    """What can abort an operation: `nodenet.abort.AbortSignal`, or the like of it."""

    @property
    def aborted(self) -> bool:
        """Whether it has happened."""

    @property
    def reason(self) -> Any:
        """Why."""


Source: TypeAlias = EventEmitter | Target

_KINDS = ["EventEmitter", "EventTarget"]


def listen(source: Any, name: EventName, listener: Listener, *, once: bool = False) -> None:
    """Add a listener to an emitter or a target.

    Raises:
        ERR_INVALID_ARG_TYPE: `source` is neither.
    """
    if callable(getattr(source, "on", None)):
        (source.once if once else source.on)(name, listener)
    elif callable(getattr(source, "addEventListener", None)):
        source.addEventListener(name, listener, {"once": once, "resistStopPropagation": True})
    else:
        raise ERR_INVALID_ARG_TYPE("emitter", "EventEmitter", source)


def unlisten(source: Any, name: EventName, listener: Listener) -> None:
    """Remove a listener that `listen` has added."""
    if callable(getattr(source, "removeListener", None)):
        source.removeListener(name, listener)
    else:
        source.removeEventListener(name, listener)


def pollerFor(source: Any) -> Poller:
    """Return the Poller that an emitter runs on, or the default one."""
    own = getattr(source, "_poller", None) if isinstance(source, EventEmitter) else None
    return own or pollerOf()


def getEventListeners(emitterOrTarget: Source, name: EventName) -> list[Any]:
    """Return the listeners of an event, as they were added (Node: events.getEventListeners).

    Args:
        emitterOrTarget: An `EventEmitter` or a signal.
        name: The event.

    Raises:
        ERR_INVALID_ARG_TYPE: `emitterOrTarget` is neither.
    """
    for method in ("listeners", "_event_listeners"):
        get = getattr(emitterOrTarget, method, None)
        if callable(get):
            return list(get(name))
    raise ERR_INVALID_ARG_TYPE("emitter", _KINDS, emitterOrTarget)


def listenerCount(emitter: EventEmitter, name: EventName) -> int:
    """Count the listeners of an event of an emitter (Node: events.listenerCount).

    Args:
        emitter: The emitter; what is none has no listeners.
        name: The event.
    """
    count = getattr(emitter, "listenerCount", None)
    return count(name) if callable(count) else 0


def getMaxListeners(emitterOrTarget: Source) -> float:
    """Return how many listeners there may be before there is a warning; 0 is any number.

    Args:
        emitterOrTarget: An `EventEmitter` or a signal.

    Raises:
        ERR_INVALID_ARG_TYPE: `emitterOrTarget` is neither.
    """
    if callable(getattr(emitterOrTarget, "getMaxListeners", None)):
        return emitterOrTarget.getMaxListeners()  # type: ignore[union-attr]
    limit = getattr(emitterOrTarget, "_maxListeners", None)
    if limit is None:
        raise ERR_INVALID_ARG_TYPE("emitter", _KINDS, emitterOrTarget)
    return limit  # type: ignore[no-any-return]


def setMaxListeners(n: float, *eventTargets: Source) -> None:
    """Set how many listeners there may be before there is a warning.

    Args:
        n: 0 or more; 0 and ``math.inf`` mean any number.
        eventTargets: Emitters and signals; none given, the number becomes the default.

    Raises:
        ERR_INVALID_ARG_TYPE: `n` is no number, or one of `eventTargets` is neither.
        ERR_OUT_OF_RANGE: `n` is negative or NaN.
    """
    n = checkNumber(n, "setMaxListeners", 0)
    if not eventTargets:
        EventEmitter.defaultMaxListeners = n
    for target in eventTargets:
        if callable(getattr(target, "setMaxListeners", None)):
            target.setMaxListeners(n)  # type: ignore[union-attr]
        elif hasattr(target, "_maxListeners"):
            target._maxListeners = n
        else:
            raise ERR_INVALID_ARG_TYPE("eventTargets", _KINDS, target)


class Disposable:
    """What `addAbortListener` returns: a ``with`` block at whose end the listener is removed."""

    def __init__(self, dispose: Callable[[], object]) -> None:
        self._dispose = dispose

    def dispose(self) -> None:
        """Remove the listener now."""
        self._dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._dispose()


def addAbortListener(signal: Signal, listener: Listener) -> Disposable:
    """Call a listener when a signal is aborted, whatever its other listeners do.

    Node: events.addAbortListener. No listener can keep the event from this one by
    ``event.stopImmediatePropagation()``.

    Args:
        signal: The signal.
        listener: Called with the event; when the signal is aborted already, called soon, with
            nothing.

    Returns:
        What removes the listener.

    Raises:
        ERR_INVALID_ARG_TYPE: `signal` is none, or `listener` cannot be called.
    """
    if signal is None:
        raise ERR_INVALID_ARG_TYPE("signal", "AbortSignal", signal)
    checkAbortSignal(signal, "signal")
    checkFunction(listener, "listener")
    if signal.aborted:
        pollerOf().queueMicrotask(listener)
        return Disposable(_nothing)
    signal.addEventListener("abort", listener, {"once": True, "resistStopPropagation": True})
    return Disposable(lambda: signal.removeEventListener("abort", listener))


def _nothing() -> None:
    """There is nothing to remove."""
