"""TCP and Unix stream sockets.

Invariant: `_phase` is the whole state of the connection and changes only in `_step()`; `_link` is
there only in the phase OPEN, `_connecting` exactly in CONNECTING.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar, Self

from nodenet.errors import (
    ERR_INVALID_HANDLE_TYPE,
    ERR_OUT_OF_RANGE,
    ERR_SOCKET_CLOSED,
    ERR_SOCKET_CLOSED_BEFORE_CONNECTION,
    emitWarning,
    systemError,
)
from nodenet.events import Event
from nodenet.loop import Poller, debuglog, pollerOf
from nodenet.net._address import AddressInfo, addressInfo
from nodenet.net._arguments import normalizeArguments
from nodenet.net._connect import Connecting, connectRequest
from nodenet.net._descriptor import adopt
from nodenet.net._idle import IdleTimer
from nodenet.net._link import Capabilities, Link, SocketSink
from nodenet.net._onread import OnRead
from nodenet.net._options import SocketOptions
from nodenet.options import checkFunction, checkNumber, resolve
from nodenet.streams import Duplex, addAbortSignal
from nodenet.streams.stream import EMITTED, FINISHED, FLOWS, Callback

_trace = debuglog("net")

_LONGEST_TIMEOUT = 2**31 - 1  # milliseconds


class Phase(Enum):
    """Where the connection of a socket stands."""

    IDLE = "idle"
    CONNECTING = "connecting"
    OPEN = "open"
    CLOSED = "closed"


class Socket(Duplex):
    """A TCP or Unix connection, or what is to become one.

    Args:
        options: A mapping of `SocketOptions`, or a descriptor number (as ``{'fd': number}``).
        reactor: The Twisted reactor; the global one when left out.
        keywords: Options by name; they win over those of `options`.

    Raises:
        ERR_INVALID_ARG_TYPE: An option has the wrong type.
        ERR_INVALID_FD_TYPE: `fd` is no stream socket.

    Mirrors: "new net.Socket([options])".
    """

    EVENTS: ClassVar[tuple[Event, ...]] = (
        Event(
            "lookup",
            ("error", "address", "family", "host"),
            "The host name was resolved, or could not be.",
        ),
        Event("connectionAttempt", ("ip", "port", "family"), "An attempt to connect begins."),
        Event(
            "connectionAttemptFailed",
            ("ip", "port", "family", "error"),
            "An attempt to connect failed.",
        ),
        Event(
            "connectionAttemptTimeout",
            ("ip", "port", "family"),
            "An attempt to connect took too long; the next begins.",
        ),
        Event("connect", (), "The connection is established."),
        Event("ready", (), "The socket is ready for use; right after ``'connect'``."),
        Event("timeout", (), "The socket was idle for as long as `setTimeout` said."),
        Event("close", ("hadError",), "The socket is closed; `hadError`: because of an error."),
    )

    autoSelectFamilyAttemptedAddresses: list[str] | None = None
    """The addresses tried so far, as ``'address:port'``, when there was a choice."""

    server: Any = None
    """The server that accepted this connection, if one did."""

    timeout: float | None = None
    """Milliseconds set by `setTimeout`; None when it was never called."""

    # -- construction -----------------------------------------------------------------------

    def __init__(
        self,
        options: Mapping[str, Any] | int | None = None,
        *,
        reactor: Any = None,
        **keywords: Any,
    ) -> None:
        given = {"fd": options} if isinstance(options, int) else options
        resolved = resolve(SocketOptions, given, keywords)
        onread = resolved["onread"]
        link = None
        poller = pollerOf(reactor)
        if resolved["fd"] is not None:
            link = adopt(poller, resolved["fd"])
        self._set_up(poller, resolved["allowHalfOpen"], resolved["highWaterMark"])
        self._no_delay = resolved["noDelay"]
        self._keep_alive = resolved["keepAlive"]
        self._keep_alive_delay = int(resolved["keepAliveInitialDelay"] / 1000)
        if onread is not None:
            self._onread = OnRead(onread)
        if link is not None:
            self._open(link)
            self.read(0)
        if resolved["signal"] is not None:
            addAbortSignal(resolved["signal"], self)

    @classmethod
    def _accepted(
        cls,
        link: Link,
        poller: Poller,
        server: Any,
        allowHalfOpen: bool,
        highWaterMark: int | None,
        paused: bool,
    ) -> Self:
        """The socket of a connection that a server has accepted."""
        self = cls.__new__(cls)
        self._set_up(poller, allowHalfOpen, highWaterMark)
        self.server = server
        self._open(link)
        if paused:
            self._flowing = False
        else:
            self.read(0)
        return self

    def _set_up(self, poller: Poller, allowHalfOpen: bool, highWaterMark: int | None) -> None:
        self._begin_duplex(poller, allowHalfOpen, highWaterMark, emits_close=False)
        self._phase = Phase.IDLE

    _link: Link | None = None
    _capabilities: Capabilities | None = None
    _connecting: Connecting | None = None
    _idle: IdleTimer | None = None
    _onread: OnRead | None = None
    _no_delay: bool = False
    _keep_alive: bool = False
    _keep_alive_delay: int = 0
    _referenced: bool = True
    _resets: bool = False
    _reset_waits: bool = False
    _destroys_soon: bool = False
    _read_waits: bool = False
    _unsent: tuple[Sequence[bytes], Callback] | None = None
    _final_waits: Callback | None = None
    _bytes_read: int = 0
    _bytes_sent: int = 0
    _peername: tuple[Any, ...] | None = None
    _released: Callable[[], object] | None = None
    _keeps_pushing: ClassVar[bool] = True

    # -- operations -------------------------------------------------------------------------

    def connect(self, *args: Any, **keywords: Any) -> Self:
        """Connect: ``connect(port[, host])``, ``connect(path)`` or ``connect(options)``.

        Each form takes a listener of ``'connect'`` as its last argument; keywords are options too.

        Args:
            args: As above.
            keywords: `ConnectOptions` by name.

        Returns:
            This socket.

        Raises:
            ERR_MISSING_ARGS: Neither a port nor a path was given.
            ERR_SOCKET_BAD_PORT: The port is not one.
            ERR_INVALID_ARG_TYPE: An option has the wrong type.
            ERR_INVALID_IP_ADDRESS: `localAddress` is not an IP address.

        Mirrors: "socket.connect()".
        """
        given, listener = normalizeArguments(args, keywords)
        options = connectRequest(given)
        if self.destroyed:
            self._undestroy()
            self._step(Phase.IDLE)
            self._peername = None
        if listener is not None:
            self.once("connect", listener)
        if options["noDelay"]:
            self._no_delay = True
        if options["keepAlive"]:
            self._keep_alive = True
            self._keep_alive_delay = int(options["keepAliveInitialDelay"] / 1000)
        self._touch()
        if self._phase is not Phase.IDLE:
            self._connect_again(options)
            return self
        self._step(Phase.CONNECTING)
        connecting = self._connecting = Connecting(self, options)
        connecting.begin()
        return self

    def destroySoon(self) -> None:
        """Destroy the socket once all that was written has been sent.

        Mirrors: "socket.destroySoon()".
        """
        if self.writable:
            self.end()
        if self._finish >= FINISHED:
            self.destroy()
        else:
            self._destroys_soon = True

    def resetAndDestroy(self) -> Self:
        """Close with RST and destroy the socket; while connecting, once it has connected.

        A socket that is not open is destroyed with `ERR_SOCKET_CLOSED`.

        Raises:
            ERR_INVALID_HANDLE_TYPE: This is no TCP connection.

        Mirrors: "socket.resetAndDestroy()".
        """
        if self._connecting is not None:
            if self._connecting.path is not None:
                raise ERR_INVALID_HANDLE_TYPE()
            self._reset_waits = True
        elif self._capabilities is not None:
            if not self._capabilities.tcp:
                raise ERR_INVALID_HANDLE_TYPE()
            self._reset()
        else:
            self.destroy(ERR_SOCKET_CLOSED())
        return self

    # -- tuning -----------------------------------------------------------------------------

    def setTimeout(self, timeout: float, callback: Callable[[], object] | None = None) -> Self:
        """Emit ``'timeout'`` when nothing was received or sent for a while; nothing is closed.

        Args:
            timeout: Milliseconds; 0 switches it off.
            callback: A listener for the next ``'timeout'``.

        Raises:
            ERR_INVALID_ARG_TYPE: `timeout` is no number, or `callback` no function.
            ERR_OUT_OF_RANGE: `timeout` is negative or not finite.

        Mirrors: "socket.setTimeout(timeout[, callback])".
        """
        if self.destroyed:
            return self
        self.timeout = timeout
        duration = _duration(timeout)
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if callback is not None:
            checkFunction(callback, "callback")
        if duration:
            self._idle = IdleTimer(self._poller, duration / 1000, self._timed_out)
            if callback is not None:
                self.once("timeout", callback)
        elif callback is not None:
            self.removeListener("timeout", callback)
        self._choose_send()
        return self

    def setNoDelay(self, noDelay: bool = True) -> Self:
        """Switch Nagle's algorithm off (True) or on; remembered until there is a connection.

        Mirrors: "socket.setNoDelay([noDelay])".
        """
        wanted = bool(noDelay)
        if self._capabilities is not None and wanted != self._no_delay and self._capabilities.tcp:
            self._link.setNoDelay(wanted)  # type: ignore[union-attr]  # TCP, and attached
        self._no_delay = wanted
        return self

    def setKeepAlive(self, enable: bool = False, initialDelay: float = 0) -> Self:
        """Probe an idle peer; remembered until there is a connection.

        Args:
            enable: Whether to.
            initialDelay: Idle milliseconds before the first probe; 0 leaves what was set before.

        Mirrors: "socket.setKeepAlive([enable][, initialDelay])".
        """
        wanted, delay = bool(enable), int(initialDelay / 1000)
        changed = (wanted, delay) != (self._keep_alive, self._keep_alive_delay)
        if self._capabilities is not None and changed and self._capabilities.tcp:
            self._link.setKeepAlive(wanted, delay)  # type: ignore[union-attr]  # as above
        self._keep_alive, self._keep_alive_delay = wanted, delay
        return self

    def ref(self) -> Self:
        """Keep `nodenet.run` going while this socket is open (the default)."""
        self._referenced = True
        if self._link is not None:
            self._link.ref()
        elif self._connecting is not None:
            self._connecting.ref()
        return self

    def unref(self) -> Self:
        """Let `nodenet.run` end although this socket is open."""
        self._referenced = False
        if self._link is not None:
            self._link.unref()
        elif self._connecting is not None:
            self._connecting.unref()
        return self

    def pause(self) -> Self:
        """Stop ``'data'``, or reading into the buffer of `onread`.

        Mirrors: "socket.pause()".
        """
        if self._onread is not None and self._link is not None:
            self._link.stopReading()
        return super().pause()

    def resume(self) -> Self:
        """Go on after `pause()`.

        Mirrors: "socket.resume()".
        """
        if self._onread is not None and self._link is not None:
            self._link.startReading()
        return super().resume()

    # -- properties -------------------------------------------------------------------------

    @property
    def connecting(self) -> bool:
        """Whether `connect` was called and has not come to its end."""
        return self._phase is Phase.CONNECTING

    @property
    def pending(self) -> bool:
        """Whether there is no connection yet, or no more."""
        return self._phase is not Phase.OPEN

    @property
    def readyState(self) -> str:
        """``'opening'``, ``'open'``, ``'readOnly'``, ``'writeOnly'`` or ``'closed'``."""
        if self._phase is Phase.CONNECTING:
            return "opening"
        if self.readable:
            return "open" if self.writable else "readOnly"
        return "writeOnly" if self.writable else "closed"

    @property
    def bytesRead(self) -> int:
        """How many bytes were received."""
        return self._bytes_read if self._link is None else self._link.bytesRead

    @property
    def bytesWritten(self) -> int:
        """How many bytes were sent or wait to be."""
        link = self._link
        if link is None:
            return self._bytes_sent + self._unwritten
        waits = self._unwritten - (self._write_size if self._writing else 0)
        return link.bytesSent + link.queued + waits

    @property
    def bufferSize(self) -> int | None:
        """How many bytes wait to be sent; None without a connection. Deprecated in Node."""
        return None if self._phase in (Phase.IDLE, Phase.CLOSED) else self.writableLength

    @property
    def localAddress(self) -> str | None:
        """The local address, such as ``'127.0.0.1'``."""
        local = self._local()
        return None if local is None else local.address

    @property
    def localPort(self) -> int | None:
        """The local port."""
        local = self._local()
        return None if local is None else local.port

    @property
    def localFamily(self) -> str | None:
        """``'IPv4'`` or ``'IPv6'``."""
        local = self._local()
        return None if local is None else local.family

    @property
    def remoteAddress(self) -> str | None:
        """The peer's address; None without a connection."""
        remote = self._remote()
        return None if remote is None else remote.address

    @property
    def remotePort(self) -> int | None:
        """The peer's port."""
        remote = self._remote()
        return None if remote is None else remote.port

    @property
    def remoteFamily(self) -> str | None:
        """``'IPv4'`` or ``'IPv6'``."""
        remote = self._remote()
        return None if remote is None else remote.family

    def address(self) -> AddressInfo | None:
        """The local address, family and port; None without a connection.

        Mirrors: "socket.address()".
        """
        return self._local()

    def __repr__(self) -> str:
        where = "" if self._link is None else f" {self._link.describe()}"
        return f"<{type(self).__name__} {self.readyState}{where}>"

    # -- from the link ----------------------------------------------------------------------

    def _receive(self, data: bytes) -> None:
        if self._idle is not None:
            self._idle.touch()
        if not self.push(data) and self._link is not None:
            self._link.stopReading()

    def _receive_into(self, view: memoryview) -> None:
        self._touch()
        assert self._onread is not None
        if not self._onread.received(view) and self._link is not None:
            self._link.stopReading()

    def _read_ended(self) -> None:
        self._touch()
        self.push(None)
        self.read(0)

    def _flushed(self) -> None:
        self._touch()
        self._sent()

    def _reactor_stopped(self) -> None:
        self.destroy()

    # -- from Connecting --------------------------------------------------------------------

    def _failing(self) -> None:
        """The only attempt has failed: Node counts the socket as open until it is destroyed."""
        self._step(Phase.OPEN)

    def _connected(self, link: Link) -> None:
        self._open(link)
        self._touch()
        if self._no_delay or self._keep_alive:
            self._tune()
        self.emit("connect")
        self._send_unsent()
        if self._reset_waits:
            self._reset()
        self.emit("ready")
        if self._link is not link:
            return
        if self._read_waits:
            self._read_waits = False
            link.startReading()
        elif not self.isPaused():
            self.read(0)

    # -- from the stream --------------------------------------------------------------------

    def _read(self, size: int) -> None:
        link = self._link
        if link is None:
            self._read_waits = True
        elif not link.reading:
            link.startReading()

    def _write(self, chunk: bytes, encoding: str, callback: Callback) -> None:
        self._writev((chunk,), callback)

    def _writev(self, chunks: Sequence[bytes], callback: Callback) -> None:
        link = self._link
        if link is not None:
            self._touch()
            try:
                done = link.sendv(chunks)
            except OSError as error:
                callback(error)
            else:
                if done:
                    callback(None)
        elif self._phase is Phase.CONNECTING:
            self._unsent = (chunks, callback)
        else:
            callback(ERR_SOCKET_CLOSED())

    def _final(self, callback: Callback) -> None:
        link = self._link
        if self._phase is Phase.CONNECTING:
            self._final_waits = callback
        elif link is None:
            callback(None)
        else:
            try:
                link.shutdown()
            except OSError as error:
                callback(None if error.errno == errno.ENOTCONN else error)
            else:
                self._poller.atRoundEnd(callback, None)

    def _destroy(self, error: BaseException | None, callback: Callback) -> None:
        phase, link, connecting = self._phase, self._link, self._connecting
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if connecting is not None:
            connecting.cancel()
        if link is not None:
            self._bytes_read, self._bytes_sent = link.bytesRead, link.bytesSent
            if self._resets:
                link.reset()
            else:
                link.close()
        self._step(Phase.CLOSED)
        callback(error)
        if phase is Phase.IDLE:
            self._poller.nextTick(self._emit_closed)
        else:
            self._poller.atRoundEnd(self._emit_closed, error is not None)
        if self._released is not None:
            self._released()

    def _half_over(self) -> None:
        if self._destroys_soon and self._finish >= FINISHED:
            self.destroy()
        else:
            super()._half_over()

    def _accept(self, chunk: bytes, callback: Callback | None) -> BaseException | bool:
        if self._finish != FLOWS and self._end >= EMITTED and not self.allowHalfOpen:
            error = _ended_by_peer()
            if callback is not None:
                self._poller.nextTick(callback, error)
            self.destroy(error)
            return error
        return super()._accept(chunk, callback)

    # -- private ----------------------------------------------------------------------------

    def _step(self, phase: Phase) -> None:
        """The one place where the connection's state changes."""
        if _trace is not None:
            _trace("{} -> {}: {!r}", self._phase.value, phase.value, self)
        self._phase = phase
        if phase is not Phase.CONNECTING:
            self._connecting = None
        if phase is not Phase.OPEN:
            self._link = self._capabilities = self._send = None
            self._resets = self._destroys_soon = False
            self._read_waits = self._reset_waits = False

    def _open(self, link: Link) -> None:
        """There is a connection: `link` is where bytes come from and go to."""
        self._link = link
        self._capabilities = Capabilities.of(link)
        self._step(Phase.OPEN)
        if not self._referenced:
            link.unref()
        if self._onread is None:
            link.attach(self._receive, SocketSink(self))
        else:
            link.attach(self._receive_into, SocketSink(self))  # type: ignore[arg-type]  # a view
            self._onread.attach(link)
        self._choose_send()

    def _choose_send(self) -> None:
        """Written bytes go straight to the link; over a method of ours while a timer runs."""
        link = self._link
        if link is None:
            self._send = None
        else:
            self._send = link.send if self._idle is None else self._send_and_touch

    def _send_and_touch(self, data: bytes) -> bool:
        self._touch()
        assert self._link is not None
        return self._link.send(data)

    def _send_unsent(self) -> None:
        """What was written or ended before there was a connection."""
        unsent, self._unsent = self._unsent, None
        final, self._final_waits = self._final_waits, None
        if unsent is not None:
            self._writev(*unsent)
        if final is not None:
            self._final(final)

    def _connect_again(self, options: Mapping[str, Any]) -> None:
        """`connect` on a socket that connects or is connected: the kernel refuses that."""
        number = errno.EALREADY if self._phase is Phase.CONNECTING else errno.EISCONN
        host, port = options["path"] or options["host"] or "localhost", options["port"]
        self._poller.nextTick(self.destroy, systemError(number, "connect", host, port))

    def _reset(self) -> None:
        self._resets = True
        self.destroy()

    def _tune(self) -> None:
        link = self._link
        if self._capabilities is not None and self._capabilities.tcp:
            if self._no_delay:
                link.setNoDelay(True)  # type: ignore[union-attr]  # TCP, and attached
            if self._keep_alive:
                link.setKeepAlive(True, self._keep_alive_delay)  # type: ignore[union-attr]

    def _touch(self) -> None:
        if self._idle is not None:
            self._idle.touch()

    def _timed_out(self) -> None:
        self.emit("timeout")

    def _emit_closed(self, *hadError: bool) -> None:
        unsent, self._unsent = self._unsent, None
        self.emit("close", *hadError)
        if unsent is not None:
            unsent[1](ERR_SOCKET_CLOSED_BEFORE_CONNECTION())

    def _local(self) -> AddressInfo | None:
        raw = None if self._link is None else self._link.localAddress()
        return None if raw is None else addressInfo(raw)

    def _remote(self) -> AddressInfo | None:
        if self._peername is None and self._link is not None:
            self._peername = self._link.remoteAddress()
        return None if self._peername is None else addressInfo(self._peername)


def _duration(milliseconds: float) -> float:
    """Check a time as Node's timers do."""
    checkNumber(milliseconds, "msecs")
    if milliseconds < 0 or not math.isfinite(milliseconds):
        raise ERR_OUT_OF_RANGE("msecs", "a non-negative finite number", milliseconds)
    if milliseconds > _LONGEST_TIMEOUT:
        emitWarning(
            f"{milliseconds} does not fit into a 32-bit signed integer."
            f"\nTimer duration was truncated to {_LONGEST_TIMEOUT}.",
            "TimeoutOverflowWarning",
        )
        return _LONGEST_TIMEOUT
    return milliseconds


def _ended_by_peer() -> OSError:
    error = systemError(errno.EPIPE, "write")
    error.syscall = None  # nothing was asked of the system
    error.message = "This socket has been ended by the other party"
    return error
