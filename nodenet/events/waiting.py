"""`once`: an event as a Deferred.

Invariant: when the Deferred is settled none of its listeners is left; it fires after the other
listeners of the event and after the ticks that they have queued.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypedDict, Unpack

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from nodenet.errors import ERR_UNHANDLED_ERROR, AbortError
from nodenet.events.listeners import EventName
from nodenet.events.sources import Signal, Source, listen, pollerFor, unlisten
from nodenet.options import Option, checkAbortSignal, resolve


class OnceOptions(TypedDict, total=False):
    """Options of `once`."""

    signal: Annotated[
        Signal, Option(check=checkAbortSignal, doc="Ends the waiting when it is aborted.")
    ]


def once(
    emitter: Source,
    name: EventName,
    options: Mapping[str, Any] | None = None,
    **keywords: Unpack[OnceOptions],
) -> Deferred[tuple[Any, ...]]:
    """Wait for an event (Node: events.once).

    Args:
        emitter: An `EventEmitter` or a signal.
        name: The event.
        options: The keywords as a mapping.
        keywords: ``signal``: an `AbortSignal` that ends the waiting.

    Returns:
        A Deferred of what the listeners are called with. Cancelling it removes its listeners.
        It fails with what comes with an ``'error'`` (`ERR_UNHANDLED_ERROR` around what is no
        exception), unless that is the event; with `AbortError` (``ABORT_ERR``) when the signal is
        aborted; with `ERR_INVALID_ARG_TYPE` when an argument has the wrong type.
    """
    waiting = _Waiting(emitter, name)
    try:
        signal: Signal | None = resolve(OnceOptions, options, keywords)["signal"]
        if signal is not None and signal.aborted:
            raise AbortError(cause=signal.reason)
        waiting.begin(signal)
    except Exception:
        waiting.fail(Failure())
    return waiting.deferred


def settle(deferred: Deferred[Any], result: object) -> None:
    """Fire a Deferred, with a value or a `Failure`, unless it was cancelled before."""
    if not deferred.called:
        deferred.callback(result)


def asFailure(error: object) -> Failure:
    """Return what a Deferred fails with when an ``'error'`` comes with `error`."""
    return Failure(error if isinstance(error, BaseException) else ERR_UNHANDLED_ERROR(error))


class _Waiting:
    """The listeners of one `once`."""

    def __init__(self, source: Source, name: EventName) -> None:
        self.deferred: Deferred[tuple[Any, ...]] = Deferred(self._stop)
        self._source: Source | None = source
        self._poller = pollerFor(source)
        self._name = name
        self._signal: Signal | None = None
        self._listening = False
        self._fallible = name != "error" and callable(getattr(source, "once", None))

    def begin(self, signal: Signal | None) -> None:
        listen(self._source, self._name, self._happened, once=True)
        self._listening = True
        if self._fallible:
            listen(self._source, "error", self._failed, once=True)
        if signal is not None:
            self._signal = signal
            listen(signal, "abort", self._aborted, once=True)

    def fail(self, failure: Failure) -> None:
        self._poller.queueMicrotask(settle, self.deferred, failure)

    def _happened(self, *args: Any) -> None:
        self._end(args)

    def _failed(self, error: Any) -> None:
        self._end(asFailure(error))

    def _aborted(self, event: object) -> None:
        reason = self._signal.reason if self._signal is not None else None
        self._end(Failure(AbortError(cause=reason)))

    def _end(self, result: object) -> None:
        self._stop(self.deferred)
        microtask = self._poller.queueMicrotask
        # In Node two promises lie between an event and whoever awaits it.
        microtask(microtask, settle, self.deferred, result)

    def _stop(self, deferred: Deferred[Any]) -> None:
        if not self._listening:
            return
        self._listening = False
        unlisten(self._source, self._name, self._happened)
        if self._fallible:
            unlisten(self._source, "error", self._failed)
        if self._signal is not None:
            self._signal.removeEventListener("abort", self._aborted)
        # Whoever still has the Deferred shall not keep these.
        self._source = self._signal = None
