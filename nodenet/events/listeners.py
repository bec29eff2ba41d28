"""What an emitter keeps of a listener.

Invariant: a listener is kept as it was added; only `once` puts a wrapper around it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeAlias

from nodenet.errors import ERR_INVALID_ARG_TYPE

if TYPE_CHECKING:
    from nodenet.events.emitter import EventEmitter

EventName: TypeAlias = Hashable
"""Usually a ``str``. Other names are for events that others shall not meet by accident."""

Listener: TypeAlias = Callable[..., object]


class OnceWrapper:
    """What stands in an emitter for a listener that is called once.

    Attributes:
        listener: The listener.
    """

    __slots__ = ("_emitter", "_fired", "_name", "listener")

    def __init__(self, emitter: EventEmitter, name: EventName, listener: Listener) -> None:
        check(listener)
        self._emitter = emitter
        self._fired = False
        self._name = name
        self.listener = listener

    def __call__(self, *args: Any) -> object:
        """Remove the listener and call it; do nothing the second time."""
        if self._fired:
            return None
        self._emitter.removeListener(self._name, self)
        self._fired = True
        return self.listener(*args)

    def __repr__(self) -> str:
        return f"<once {self.listener!r}>"


def check(listener: object) -> None:
    """Refuse a listener that cannot be called."""
    if not callable(listener):
        raise ERR_INVALID_ARG_TYPE("listener", "Function", listener)


def each(listeners: Listener | tuple[Listener, ...] | None) -> tuple[Listener, ...]:
    """Return what an event holds as a tuple."""
    if listeners is None:
        return ()
    return listeners if isinstance(listeners, tuple) else (listeners,)


def original(listener: Listener) -> Listener:
    """Return what was added: without the wrapper of `once`."""
    return listener.listener if type(listener) is OnceWrapper else listener


def same(added: Listener, listener: Listener) -> bool:
    """Whether `added` is `listener`: methods are equal, though made anew at every access."""
    return added == listener or original(added) == listener


def lastOf(listeners: tuple[Listener, ...], listener: Listener) -> int:
    """Return where `listener` was added last, or -1."""
    for index in range(len(listeners) - 1, -1, -1):
        if same(listeners[index], listener):
            return index
    return -1
