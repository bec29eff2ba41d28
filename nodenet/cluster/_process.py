"""The other process, as seen over the channel (Node: ``process`` in a worker, ChildProcess).

Law: ``'message'`` comes in the order of sending, also where a handle takes its time to be made;
``'disconnect'`` comes once, behind every message.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from nodenet.cluster._channel import Channel, Handle
from nodenet.cluster._elsewhere import Elsewhere
from nodenet.cluster._passing import discard, pack, unpack
from nodenet.errors import (
    ERR_INVALID_ARG_TYPE,
    ERR_IPC_CHANNEL_CLOSED,
    ERR_IPC_DISCONNECTED,
    ERR_MISSING_ARGS,
    ERR_UNKNOWN_SIGNAL,
)
from nodenet.events import Event, EventEmitter
from nodenet.events.symbols import MISSING
from nodenet.loop import Poller

_log = Logger(namespace="nodenet")

Relay = Callable[..., bool]


class Process(EventEmitter):
    """One end of a channel, with what Node's objects have to say about it."""

    EVENTS: ClassVar[tuple[Event, ...]] = (
        Event("message", ("message", "handle"), "The other process has sent this."),
        Event("disconnect", (), "The channel is closed."),
        Event("error", ("error",), "A message could not be sent, or the process not be started."),
    )

    pid: int | None
    """The number that the system has for it."""

    def __init__(self, relay: Relay) -> None:
        super().__init__()
        self._relay = relay
        self._channel: Channel | None = None
        self._arrivals: deque[_Arrival] = deque()
        self._late: list[Callable[..., object] | None] = []  # too late, while it closes

    # -- operations -------------------------------------------------------------------------

    def send(
        self,
        message: Any = MISSING,
        handle: Any = None,
        options: Mapping[str, Any] | Callable[..., object] | None = None,
        callback: Callable[..., object] | None = None,
    ) -> bool:
        """Send a message to the other process, where it is a ``'message'``.

        Args:
            message: What JSON can say: text, numbers, booleans, ``None``, lists and dicts of these.
            handle: A socket that goes along: `net.Socket`, `net.Server`, `dgram.Socket` or a
                `socket.socket`. A `net.Socket` is closed here when it has arrived.
            options: ``{'keepOpen': True}``: the `net.Socket` is used on by both. Can be left out.
            callback: Called with ``None`` when the message was handed to the kernel or, with a
                handle, when it has arrived; with the error when it was not. Can stand in the place
                of the arguments before.

        Returns:
            Whether more may be sent; when False, so much waits that it is better to pause until
            a callback is called. Who does not is told ``ENOBUFS`` in the end.

        Raises:
            ERR_MISSING_ARGS: There is no `message`.
            ERR_INVALID_ARG_TYPE: JSON has no word for `message`, or `options` is no mapping.
            ERR_INVALID_HANDLE_TYPE: `handle` cannot be sent.
            ERR_INVALID_STATE: Bytes written to the `net.Socket` have not left yet.

        Without a callback, what goes wrong is an ``'error'``.

        Mirrors: "subprocess.send()", "process.send()".
        """
        if message is MISSING:
            raise ERR_MISSING_ARGS("message")
        handle, options, callback = _sorted(handle, options, callback)
        channel = self._channel
        if channel is None:
            self._next(self._failed, ERR_IPC_CHANNEL_CLOSED(), callback)
            return False
        if not channel.connected:
            self._late.append(callback)
            return False
        if handle is None:
            sent = channel.send([message])
        else:
            sent = self._pass(channel, message, handle, bool(options.get("keepOpen")))
        sent.addCallbacks(
            lambda _: self._next(_sent, callback),
            lambda failure: self._next(self._failed, failure.value, callback),
        )
        return not channel.full

    def disconnect(self) -> None:
        """Close the channel; what was sent arrives still. ``'disconnect'`` follows on both sides.

        Mirrors: "subprocess.disconnect()", "process.disconnect()".
        """
        if self._channel is not None and self._channel.connected:
            self._channel.close()
        else:
            self._error(ERR_IPC_DISCONNECTED())

    # -- properties -------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether messages can be sent."""
        return self._channel is not None and self._channel.connected

    @property
    def channel(self) -> Channel | None:
        """The channel, for its `ref` and `unref`; ``None`` when there is none any more."""
        return self._channel

    # -- private ----------------------------------------------------------------------------

    def _attach(self, poller: Poller, channel: Channel) -> None:
        self._poller = poller
        self._channel = channel
        self._elsewhere = Elsewhere(channel)
        channel.message = self._arrived
        channel.closed = self._closed

    def _next(self, callback: Callable[..., object], *args: object) -> None:
        self._poller.nextTick(callback, *args)

    def _pass(self, channel: Channel, message: Any, handle: Any, keepOpen: bool) -> Deferred[None]:
        parcel = pack(handle, keepOpen)
        number = None if keepOpen else self._elsewhere.announce(handle)
        try:
            if parcel.socket is None:
                return channel.send([message])
            sent = channel.send([message, {**parcel.said, "number": number}], parcel.socket)
        except BaseException:
            parcel.returned()
            raise
        finally:
            parcel.sent()

        def settled(result: Any) -> Any:
            if isinstance(result, Failure):
                parcel.returned()
            else:
                if number is not None:
                    self._elsewhere.arrived(handle, number)
                parcel.arrived()
            return result

        return sent.addBoth(settled)

    def _failed(self, error: BaseException, callback: Callable[..., object] | None) -> None:
        if callback is not None:
            callback(error)
        elif not self._stopped:
            self._error(error)

    def _error(self, error: BaseException) -> None:
        self._relay("error", error)
        if "error" in self.eventNames():
            self.emit("error", error)  # or else it was the worker's to hear

    def _arrived(self, content: Any, skt: Handle | None) -> None:
        message, said = _opened(content)
        arrival = _Arrival()
        self._arrivals.append(arrival)
        if skt is None:
            arrival.act = partial(self._message, message, None)
        else:
            made = unpack(self._poller, said, skt)
            number = said.get("number")
            if number is not None:
                made.addCallback(self._elsewhere.follow, number)
            made.addCallbacks(
                lambda handle: arrival.acts(partial(self._message, message, handle)),
                lambda failure: arrival.acts(partial(self._error, failure.value)),
            )
            made.addCallback(lambda _: self._next(self._hand_over))
        self._hand_over()

    def _hand_over(self) -> None:
        """What has arrived, up to what is still being made."""
        arrivals = self._arrivals
        act = arrivals[0].act if arrivals else None
        if act is not None:
            arrivals.popleft()
            if arrivals:
                self._next(self._hand_over)  # first: listeners may raise
            act()

    def _message(self, message: Any, handle: Any) -> None:
        heard = self._relay("message", message, handle)
        if not self.emit("message", message, handle) and not heard:
            discard(handle)

    @property
    def _stopped(self) -> bool:
        """Whether the reactor has stopped: this process ends, and is told nothing more."""
        return self._channel is not None and self._channel.stopped

    def _closed(self, error: BaseException | None) -> None:
        if self._stopped:
            return
        if error is not None:
            _log.error("{process!r}: {error}", process=self, error=error)
        arrival = _Arrival()
        arrival.act = self._disconnected
        self._arrivals.append(arrival)
        self._hand_over()

    def _disconnected(self) -> None:
        self._channel = None
        self._elsewhere.end()
        late, self._late = self._late, []
        for callback in late:
            self._next(self._failed, ERR_IPC_CHANNEL_CLOSED(), callback)
        self._relay("disconnect")
        self._tell_disconnected()

    def _tell_disconnected(self) -> None:
        self.emit("disconnect")


class _Arrival:
    """What has arrived, in its place in the order; `act` is None while its handle is made."""

    act: Callable[[], object] | None = None

    def acts(self, act: Callable[[], object]) -> None:
        self.act = act


def _sent(callback: Callable[..., object] | None) -> None:
    if callback is not None:
        callback(None)


def signalNumber(given: str | int | None) -> int:
    """The number of a signal, ``SIGTERM`` when none is given.

    Raises:
        ERR_UNKNOWN_SIGNAL: There is no such signal.
    """
    if given is None:
        return signal.SIGTERM
    if isinstance(given, str):
        found = signal.__dict__.get(given.upper())
        if isinstance(found, signal.Signals):
            return found
    elif isinstance(given, int) and (given == 0 or given in signal.valid_signals()):
        return given
    raise ERR_UNKNOWN_SIGNAL(given)


def _sorted(
    handle: Any, options: Any, callback: Any
) -> tuple[Any, Mapping[str, Any], Callable[..., object] | None]:
    """A callback may stand in the place of what is left out before it."""
    if callable(handle):
        handle, callback = None, handle
    elif callable(options):
        options, callback = None, options
    if options is not None and not isinstance(options, Mapping):
        raise ERR_INVALID_ARG_TYPE("options", "object", options)
    return handle, options or {}, callback if callable(callback) else None


def _opened(content: Any) -> tuple[Any, Mapping[str, Any]]:
    """The message, and what is said of its handle."""
    message, said, *_ = [*content, {}, {}] if isinstance(content, list) else (content, {})
    return message, said if isinstance(said, Mapping) else {}
