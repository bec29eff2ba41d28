"""Signals that abort operations.

Invariant: a signal is aborted at most once, and its reason is set before any listener hears of it,
here or at a signal that depends on it.

Who keeps whom: a signal that `AbortSignal.any` made keeps its sources. A source keeps a dependent
signal, and a timer its signal, only as long as somebody listens to it; so a signal that lives as
long as the program does not collect what was made from it for one operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final
from weakref import WeakKeyDictionary, ref

from twisted.internet.interfaces import IDelayedCall

from nodenet.abort.chain import Chain
from nodenet.abort.target import Event, EventTarget
from nodenet.errors import (
    ERR_ILLEGAL_CONSTRUCTOR,
    ERR_INVALID_ARG_TYPE,
    AbortError,
    DOMException,
    NodeError,
    emitWarning,
)
from nodenet.loop import pollerOf
from nodenet.options import checkUint32

_LONGEST: Final = 2**31 - 1


class AbortSignal(EventTarget):
    """Tells operations that they shall end (Node: class AbortSignal).

    Signals come from an `AbortController`, from `abort`, `timeout` or `any`; the class cannot be
    called. The event ``'abort'`` comes once.

    Raises:
        ERR_ILLEGAL_CONSTRUCTOR: The class was called.
    """

    _aborted = False
    _reason: Any = None
    _on_abort: _Handler | None = None
    _expiry: _Expiry | None = None
    _sources: tuple[AbortSignal, ...] | None = None  # of `any`: what it depends on
    _dependents: WeakKeyDictionary[AbortSignal, None]
    _kept: set[AbortSignal]  # those dependents that somebody listens to

    def __init__(self) -> None:
        raise ERR_ILLEGAL_CONSTRUCTOR

    # -- construction -----------------------------------------------------------------------------

    @staticmethod
    def abort(reason: Any = None) -> AbortSignal:
        """Return a signal that is aborted already.

        Args:
            reason: Why; left out, a `DOMException` named ``'AbortError'``.
        """
        signal = newSignal()
        signal._aborted = True
        signal._reason = _abortion() if reason is None else reason
        return signal

    @staticmethod
    def timeout(delay: int, reactor: Any = None) -> AbortSignal:
        """Return a signal that is aborted after a while.

        Its timer does not keep `nodenet.run` going, and ends when nobody has the signal any more.

        Args:
            delay: Milliseconds, 0 to 4,294,967,295; over 2,147,483,647 there is a warning, and it
                is 1 millisecond.
            reactor: Where time comes from; by default Twisted's global reactor.

        Returns:
            A signal whose reason will be a `DOMException` named ``'TimeoutError'``.

        Raises:
            ERR_INVALID_ARG_TYPE: `delay` is no number.
            ERR_OUT_OF_RANGE: `delay` is no integer, or out of its range.
        """
        delay = checkUint32(delay, "delay")
        if delay > _LONGEST:
            emitWarning(
                f"{delay} does not fit into a 32-bit signed integer."
                "\nTimeout duration was set to 1.",
                "TimeoutOverflowWarning",
            )
            delay = 1
        signal = newSignal()
        signal._expiry = expiry = _Expiry(signal)
        expiry.call = pollerOf(reactor).callLater(max(delay, 1) / 1000, expiry, ref=False)
        return signal

    @staticmethod
    def any(signals: Iterable[AbortSignal]) -> AbortSignal:
        """Return a signal that is aborted as soon as one of several is, with its reason.

        Args:
            signals: The signals. One that is aborted already makes an aborted signal.

        Raises:
            ERR_INVALID_ARG_TYPE: `signals` cannot be iterated, or holds something else.
        """
        given = _checked(signals)
        signal = newSignal()
        for source in given:
            if source._aborted:
                signal._aborted = True
                signal._reason = source._reason
                return signal
        sources: dict[AbortSignal, None] = {}
        for source in given:
            sources.update(dict.fromkeys((source,) if source._sources is None else source._sources))
        signal._sources = tuple(sources)
        for source in sources:
            source._dependents[signal] = None
        return signal

    # -- operations -------------------------------------------------------------------------------

    def throwIfAborted(self) -> None:
        """Raise the reason, if the signal is aborted.

        Raises:
            BaseException: The reason; one that is no exception becomes the `cause` of an
                `AbortError` (``ABORT_ERR``).
        """
        if not self._aborted:
            return
        if isinstance(self._reason, BaseException):
            raise self._reason
        raise AbortError(cause=self._reason)

    # -- properties -------------------------------------------------------------------------------

    @property
    def aborted(self) -> bool:
        """Whether it has happened."""
        return self._aborted

    @property
    def reason(self) -> Any:
        """Why it has happened; ``None`` before."""
        return self._reason

    @property
    def onabort(self) -> Callable[[Event], object] | None:
        """A listener for ``'abort'`` that is replaced when it is set again, in its place."""
        return self._on_abort.handler if self._on_abort is not None else None

    @onabort.setter
    def onabort(self, handler: Callable[[Event], object] | None) -> None:
        if self._on_abort is None:
            self._on_abort = _Handler()
            self.addEventListener("abort", self._on_abort)
        self._on_abort.handler = handler
        self._keep()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} aborted={self._aborted}>"

    # -- private ----------------------------------------------------------------------------------

    def _abort(self, reason: Any) -> None:
        if self._aborted:
            return
        signals = [self, *(each for each in self._dependents if not each._aborted)]
        for signal in signals:
            signal._aborted = True
            signal._reason = reason
        for signal in signals:
            signal._announce()

    def _announce(self) -> None:
        self._keep()
        self._dependents.clear()
        event = Event("abort")
        event.isTrusted = True
        self.dispatchEvent(event)

    def _chain_changed(self, type: str, chain: Chain) -> None:
        super()._chain_changed(type, chain)
        if type == "abort":
            self._keep()

    def _keep(self) -> None:
        """Be kept by the timer and the sources while it matters, and only then."""
        chain = self._chains.get("abort")
        idle = self._on_abort is not None and self.onabort is None
        heard = bool(self._kept) or (chain is not None and chain.size > idle)
        kept = heard and not self._aborted
        if self._expiry is not None:
            self._expiry.kept = self if kept else None
        for source in self._sources or ():
            (source._kept.add if kept else source._kept.discard)(self)
            source._keep()


class AbortController:
    """Aborts its signal (Node: class AbortController)."""

    __slots__ = ("__weakref__", "_signal")

    def __init__(self) -> None:
        self._signal = newSignal()

    def abort(self, reason: Any = None) -> None:
        """Abort the signal; the second time nothing happens.

        Args:
            reason: Why, usually an exception; left out, a `DOMException` named ``'AbortError'``.
        """
        self._signal._abort(_abortion() if reason is None else reason)

    @property
    def signal(self) -> AbortSignal:
        """The signal, for those who shall end."""
        return self._signal

    def __repr__(self) -> str:
        return f"<{type(self).__name__} signal={self._signal!r}>"


class _Handler:
    """The place of `AbortSignal.onabort` among the listeners."""

    handler: Callable[[Event], object] | None = None

    def __call__(self, event: Event) -> object:
        return self.handler(event) if callable(self.handler) else None


class _Expiry:
    """What a timeout's timer calls: it holds the signal only when `kept`."""

    def __init__(self, signal: AbortSignal) -> None:
        self.kept: AbortSignal | None = None
        self.call: IDelayedCall | None = None
        self._signal = ref(signal, self._gone)

    def __call__(self) -> None:
        signal = self._signal()
        if signal is not None:
            message = "The operation was aborted due to timeout"
            signal._abort(DOMException(message, "TimeoutError"))

    def _gone(self, _: object) -> None:
        if self.call is not None and self.call.active():
            self.call.cancel()


class _NoSequence(ERR_INVALID_ARG_TYPE):
    def __init__(self) -> None:
        NodeError.__init__(self, "signals can not be converted to sequence.")


def newSignal() -> AbortSignal:
    """Make a signal, which the class itself refuses."""
    signal = AbortSignal.__new__(AbortSignal)
    EventTarget.__init__(signal)
    signal._dependents = WeakKeyDictionary()
    signal._kept = set()
    return signal


def _abortion() -> DOMException:
    return DOMException("This operation was aborted", "AbortError")


def _checked(signals: Any) -> list[AbortSignal]:
    if isinstance(signals, str) or not isinstance(signals, Iterable):
        raise _NoSequence
    given = list(signals)
    for index, signal in enumerate(given):
        if not isinstance(signal, AbortSignal):
            raise ERR_INVALID_ARG_TYPE(f"signals[{index}]", "AbortSignal", signal)
    return given
