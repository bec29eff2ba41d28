"""What signals have of the DOM: events as objects, and listeners for them.

Invariant: a listener that fails harms neither the other listeners nor whoever dispatches; its
failure is logged as critical in a tick of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from types import CoroutineType
from typing import Annotated, Any, TypedDict, Unpack
from weakref import ref

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from nodenet.abort.chain import Chain, Link
from nodenet.errors import ERR_EVENT_RECURSION, ERR_INVALID_ARG_TYPE, emitWarning
from nodenet.loop import pollerOf
from nodenet.options import Option, checkAbortSignal, resolve


class EventOptions(TypedDict, total=False):
    """Options of `Event`."""

    cancelable: Annotated[bool, Option(default=False, doc="`preventDefault` has an effect.")]


class Event:
    """Something that has happened to an `EventTarget` (Node: class Event).

    Args:
        type: What it is called.
        options: The keywords as a mapping.
        keywords: ``cancelable``: whether `preventDefault` has an effect.

    Attributes:
        type: What it is called.
        timeStamp: When it was made, in milliseconds of a clock that never goes back.
        target: Where it was dispatched; ``None`` before.
        isTrusted: Whether nodenet itself dispatched it.

    Raises:
        ERR_INVALID_ARG_TYPE: `options` is no mapping.
    """

    __slots__ = ("_prevented", "cancelable", "dispatching", "isTrusted", "stopped", "target",
                 "timeStamp", "type")  # fmt: skip

    def __init__(
        self,
        type: str,
        options: Mapping[str, Any] | None = None,
        **keywords: Unpack[EventOptions],
    ) -> None:
        self.type = type
        self.cancelable = bool(resolve(EventOptions, options, keywords)["cancelable"])
        self.timeStamp = monotonic() * 1000
        self.target: EventTarget | None = None
        self.isTrusted = False
        self.dispatching = False
        self.stopped = False
        self._prevented = False

    def preventDefault(self) -> None:
        """Have `dispatchEvent` return false, if the event is cancelable."""
        self._prevented = self.cancelable

    def stopImmediatePropagation(self) -> None:
        """Keep the event from the listeners behind the one that calls this."""
        self.stopped = True

    @property
    def currentTarget(self) -> EventTarget | None:
        """The target, while it is being dispatched."""
        return self.target if self.dispatching else None

    @property
    def defaultPrevented(self) -> bool:
        """Whether `preventDefault` was called with effect."""
        return self._prevented

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.type!r}>"


class ListenerOptions(TypedDict, total=False):
    """Options of `EventTarget.addEventListener`."""

    once: Annotated[bool, Option(default=False, doc="Remove the listener before it is called.")]
    capture: Annotated[bool, Option(default=False, doc="Makes another listener of the same one.")]
    signal: Annotated[
        Any, Option(check=checkAbortSignal, doc="An AbortSignal that removes the listener.")
    ]
    resistStopPropagation: Annotated[
        bool,
        Option(default=False, doc="No other listener can keep the event from it.", node=False),
    ]


class EventTarget:
    """Where events are dispatched (Node: class EventTarget)."""

    _maxListeners: float = 0

    def __init__(self) -> None:
        self._chains: dict[str, Chain] = {}

    def addEventListener(
        self,
        type: str,
        listener: Any,
        options: Mapping[str, Any] | bool | None = None,
        **keywords: Unpack[ListenerOptions],
    ) -> None:
        """Call a listener with every event of a type; adding it again has no effect.

        Args:
            type: The type.
            listener: A function, or an object with the method ``handleEvent``. It may be a
                coroutine function or return a Deferred.
            options: The keywords as a mapping; ``True`` means ``capture``.
            keywords: ``once``: remove it before it is called. ``signal``: an `AbortSignal` that
                removes it. ``capture``: the same listener with and without it counts as two.

        Raises:
            ERR_INVALID_ARG_TYPE: An argument has the wrong type.
        """
        if isinstance(options, bool):
            options = {"capture": options}
        settings = resolve(ListenerOptions, options, keywords)
        if not self._valid(type, listener, "addEventListener"):
            return
        signal = settings["signal"]
        if signal is not None and signal.aborted:
            return
        capture = bool(settings["capture"])
        chain = self._chains.setdefault(type, Chain())
        if chain.find(listener, capture) is None:
            resists = bool(settings["resistStopPropagation"])
            chain.append(Link(listener, capture, bool(settings["once"]), resists))
            self._chain_changed(type, chain)
        if signal is not None:
            self._remove_with(signal, type, listener, capture)

    def removeEventListener(
        self,
        type: str,
        listener: Any,
        options: Mapping[str, Any] | bool | None = None,
        **keywords: Unpack[ListenerOptions],
    ) -> None:
        """Remove a listener; nothing happens when it is not there.

        Args:
            type: The type.
            listener: As it was added.
            options: The keywords as a mapping; ``True`` means ``capture``.
            keywords: ``capture``: as when it was added.

        Raises:
            ERR_INVALID_ARG_TYPE: `listener` is none.
        """
        if isinstance(options, bool):
            options = {"capture": options}
        capture = bool(resolve(ListenerOptions, options, keywords)["capture"])
        chain = self._chains.get(type)
        if self._valid(type, listener) and chain is not None:
            link = chain.find(listener, capture)
            if link is not None:
                chain.remove(link)
                self._chain_changed(type, chain)

    def dispatchEvent(self, event: Event) -> bool:
        """Call the listeners of an event's type, in their order, now.

        Args:
            event: The event.

        Returns:
            False when the event is cancelable and a listener called ``preventDefault``.

        Raises:
            ERR_INVALID_ARG_TYPE: `event` is none.
            ERR_EVENT_RECURSION: It is being dispatched already.
        """
        if not isinstance(event, Event):
            raise ERR_INVALID_ARG_TYPE("event", "Event", event)
        if event.dispatching:
            raise ERR_EVENT_RECURSION(event.type)
        event.target = self
        event.dispatching = True
        chain = self._chains.get(event.type)
        link = chain.first if chain is not None else None
        while chain is not None and link is not None:
            following = link.next
            if not link.removed and (link.resists or not event.stopped):
                if link.once:
                    chain.remove(link)
                    self._chain_changed(event.type, chain)
                self._call(link.callback, event)
            link = following
        event.dispatching = False
        return not event.defaultPrevented

    def _call(self, callback: Any, event: Event) -> None:
        try:
            result = callback(event) if callable(callback) else callback.handleEvent(event)
        except Exception:
            self._failed(Failure())
            return
        if isinstance(result, CoroutineType):
            result = Deferred.fromCoroutine(result)
        if isinstance(result, Deferred):
            result.addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        poller = pollerOf()
        poller.nextTick(poller.uncaught, failure, self)

    def _event_listeners(self, type: str) -> list[Any]:
        chain = self._chains.get(type)
        return [] if chain is None else [link.callback for link in chain]

    def _chain_changed(self, type: str, chain: Chain) -> None:
        """A listener was added or removed."""
        if 0 < self._maxListeners < chain.size and not chain.warned:
            chain.warned = True
            self._warn(type, chain.size)

    def _warn(self, type_: str, count: int) -> None:
        emitWarning(
            f"Possible EventTarget memory leak detected. {count} {type_} listeners added to "
            f"[{type(self).__name__}]. MaxListeners is {self._maxListeners}. "
            "Use events.setMaxListeners() to increase limit",
            "MaxListenersExceededWarning",
            target=self,
            type=type_,
            count=count,
        )

    def _valid(self, type: str, listener: Any, method: str | None = None) -> bool:
        """Whether there is a listener; `method` warns when there is none."""
        if callable(listener) or hasattr(listener, "handleEvent"):
            return True
        if listener is not None:
            raise ERR_INVALID_ARG_TYPE("listener", "EventListener", listener)
        if method is not None:
            emitWarning(
                f"{method} called with None which has no effect.",
                "AddEventListenerArgumentTypeWarning",
                target=self,
                type=type,
            )
        return False

    def _remove_with(self, signal: Any, type: str, listener: Any, capture: bool) -> None:
        """Remove a listener when `signal` is aborted; the signal shall not keep us."""
        weak = ref(self)

        def remove(event: object) -> None:
            target = weak()
            if target is not None:
                target.removeEventListener(type, listener, capture)

        signal.addEventListener("abort", remove, {"once": True, "resistStopPropagation": True})
