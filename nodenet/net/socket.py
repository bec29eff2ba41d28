"""TCP and Unix stream sockets.

Law: arguments are read and checked here; what a socket then does is in `LivingSocket`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from nodenet.errors import ERR_INVALID_HANDLE_TYPE, ERR_SOCKET_CLOSED
from nodenet.events import Event
from nodenet.loop import Poller, pollerOf
from nodenet.net._arguments import normalizeArguments, seconds
from nodenet.net._connect import Connecting, connectRequest
from nodenet.net._connect_unix import ConnectingUnix
from nodenet.net._descriptor import adopt
from nodenet.net._join import linkTo
from nodenet.net._kernel_options import kernelSettings
from nodenet.net._life import Phase
from nodenet.net._link import Link
from nodenet.net._onread import OnRead
from nodenet.net._options import SocketOptions
from nodenet.net._state import TellingSocket
from nodenet.options import resolve
from nodenet.streams import addAbortSignal
from nodenet.streams.stream import ABSENT, FINISHED


class Socket(TellingSocket):
    """A TCP or Unix connection, or what is to become one (Node: Class ``net.Socket``).

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

    # -- construction -----------------------------------------------------------------------

    def __init__(
        self,
        options: Mapping[str, Any] | int | None = None,
        *,
        reactor: Any = None,
        **keywords: Any,
    ) -> None:
        if isinstance(options, int | float) and not isinstance(options, bool):
            options = {"fd": options}
        elif not isinstance(options, Mapping):
            options = None  # anything else says nothing
        resolved = resolve(SocketOptions, options, keywords)
        onread = resolved["onread"]
        link = None
        poller = pollerOf(reactor)
        if resolved["fd"] is not None:
            link = adopt(poller, resolved["fd"])
        self._set_up(poller, resolved["allowHalfOpen"], resolved["highWaterMark"])
        self._no_delay = resolved["noDelay"]
        self._keep_alive = resolved["keepAlive"]
        self._keep_alive_delay = seconds(resolved["keepAliveInitialDelay"])
        self._kernel = kernelSettings(resolved) or None
        self._block_list = resolved["blockList"]
        if onread is not None:
            self._onread = OnRead(onread)
        if link is not None:
            self._adopt_link(link, resolved["readable"], resolved["writable"])
        signal = resolved["signal"]
        if signal is not None:
            if signal.aborted:
                poller.nextTick(addAbortSignal, signal, self)
            else:
                addAbortSignal(signal, self)

    def _adopt_link(self, link: Link, readable: bool, writable: bool) -> None:
        """A descriptor was given: it is open, and perhaps has but one half."""
        if not readable:
            self._end = ABSENT
        if not writable:
            self._finish = ABSENT
            self._judge_out()
        self._open(link)
        if self._tcp is not None:
            self._tune(self._tcp)
        if readable:
            self.read(0)

    @classmethod
    def fromTransport(
        cls,
        transport: Any,
        options: Mapping[str, Any] | None = None,
        *,
        reactor: Any = None,
        **keywords: Any,
    ) -> Self:
        """Make a socket over a connected Twisted transport, in the place of its protocol.

        It may be of any kind: TLS, a channel of SSH, the pipes of a process, a test's. Of a
        socket's doings it lacks those that its transport has not: without half-close, for
        instance, `end` closes. There is no such thing in Node.

        Args:
            transport: An `ITransport`.
            options: A mapping of `SocketOptions`, without `fd`; may be left out.
            reactor: The Twisted reactor, for a transport that is not nodenet's own.
            keywords: Options by name; they win over those of `options`.

        Returns:
            The socket; it is open.

        Raises:
            ERR_SOCKET_CLOSED: The transport has lost its connection.
            ERR_INVALID_ARG_TYPE: An option has the wrong type.
        """
        link, poller = linkTo(transport, reactor)
        socket = cls(options, reactor=poller.reactor, **keywords)
        socket._adopt_link(link, readable=True, writable=True)
        return socket

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
            self._ask()
        return self

    def _set_up(self, poller: Poller, allowHalfOpen: bool, highWaterMark: int | None) -> None:
        self._begin_duplex(poller, allowHalfOpen, highWaterMark, emits_close=False)
        self._begin_life()

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
            self._step(Phase.IDLE)
            self._peername = None
        if self._phase is Phase.IDLE:
            self._undestroy()  # a new connection: what was ended before it begins again
            self._bytes_read = self._bytes_sent = 0
        if listener is not None:
            self.once("connect", listener)
        if options["noDelay"]:
            self._no_delay = True
        if options["keepAlive"]:
            self._keep_alive = True
            self._keep_alive_delay = seconds(options["keepAliveInitialDelay"])
        kernel = kernelSettings(options)
        if kernel:
            self._kernel = {**(self._kernel or {}), **kernel}
        self._touch()
        if self._phase is not Phase.IDLE:
            self._connect_again(options)
            return self
        self._step(Phase.CONNECTING)
        path = options["path"]
        self._connecting = ConnectingUnix(self, path) if path else Connecting(self, options)
        self._connecting.begin()
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
            self.once("finish", self.destroy)

    def resetAndDestroy(self) -> Self:
        """Close with RST and destroy the socket; while connecting, once it has connected.

        A socket that is not open is destroyed with `ERR_SOCKET_CLOSED`.

        Raises:
            ERR_INVALID_HANDLE_TYPE: This is no TCP connection.

        Mirrors: "socket.resetAndDestroy()".
        """
        if self._connecting is not None:
            if not self._connecting.tcp:
                raise ERR_INVALID_HANDLE_TYPE()
            self._reset_waits = True
            self._reset_first = self._unsent is None
        elif self._link is not None:
            if self._tcp is None:
                raise ERR_INVALID_HANDLE_TYPE()
            self._reset()
        else:
            self.destroy(ERR_SOCKET_CLOSED())
        return self
