"""The life of a stream socket: idle, connecting, open, closed.

Invariant: `_phase` is the whole state of the connection and changes only in `_step()`; `_link` is
there only in the phase OPEN, `_connecting` exactly in CONNECTING.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar

from nodenet.addresses import BlockList, isIP
from nodenet.errors import (
    ERR_SOCKET_CLOSED,
    ERR_SOCKET_CLOSED_BEFORE_CONNECTION,
    systemError,
)
from nodenet.loop import debuglog
from nodenet.net._connect import Connecting
from nodenet.net._connect_unix import ConnectingUnix
from nodenet.net._idle import IdleTimer
from nodenet.net._kernel_options import applyKernelSettings
from nodenet.net._link import Link, SocketSink
from nodenet.net._onread import OnRead
from nodenet.streams import Duplex
from nodenet.streams.encodings import BytesLike
from nodenet.streams.stream import EMITTED, FLOWS, Callback
from nodenet.transports.tcp import TCPTransport

_trace = debuglog("net")


class Phase(Enum):
    """Where the connection of a socket stands."""

    IDLE = "idle"
    CONNECTING = "connecting"
    OPEN = "open"
    CLOSED = "closed"


# By names of their own: a look-up at an enum costs more than the rest of a step.
_IDLE, _CONNECTING, _OPEN, _CLOSED = Phase


class LivingSocket(Duplex):
    """What `nodenet.net.Socket` is below its public members. See there."""

    # Slots, for what is first set late in a life would cost each socket a dict of its own.
    __slots__ = (
        "_bytes_read",
        "_bytes_sent",
        "_connecting",
        "_final_waits",
        "_idle",
        "_link",
        "_onread",
        "_peername",
        "_phase",
        "_read_waits",
        "_referenced",
        "_released",
        "_reset_first",
        "_reset_waits",
        "_resets",
        "_tcp",
        "_unsent",
    )

    _phase: Phase
    _link: Link | None
    _tcp: TCPTransport | None
    _connecting: Connecting | ConnectingUnix | None
    _idle: IdleTimer | None
    _onread: OnRead | None
    _referenced: bool
    _resets: bool
    _reset_waits: bool
    _reset_first: bool  # before anything was written
    _read_waits: bool
    _unsent: tuple[Sequence[bytes], Callback] | None
    _final_waits: Callback | None
    _bytes_read: int
    _bytes_sent: int
    _peername: tuple[Any, ...] | None
    _released: Callable[[], object] | None

    # What most sockets never set, and none is asked for often.
    _block_list: BlockList | None = None
    _no_delay: bool = False
    _keep_alive: bool = False
    _keep_alive_delay: int = 0
    _kernel: Mapping[str, Any] | None = None
    _sent_at_timeout: int = 0
    _keeps_pushing: ClassVar[bool] = True

    def _begin_life(self) -> None:
        """Nothing is set, and there is no connection yet."""
        self._phase = _IDLE
        self._link = self._tcp = self._connecting = self._peername = self._released = None
        self._idle = self._onread = self._unsent = self._final_waits = None
        self._read_waits = self._resets = self._reset_waits = self._reset_first = False
        self._bytes_read = self._bytes_sent = 0
        self._referenced = True

    # -- from the link ----------------------------------------------------------------------

    def _receive(self, data: bytes) -> None:
        if self._idle is not None:
            self._idle.touch()
        if not self.push(data) and self._link is not None:
            self._link.stopReading()

    def _receive_into(self, view: memoryview) -> None:
        self._touch()
        onread, link = self._onread, self._link
        assert onread is not None
        assert link is not None
        result = onread.received(view, link)
        if result is False:
            link.stopReading()
        elif result is not None and result is not True:
            self._returned(result, "onread", ())

    def _read_ended(self) -> None:
        self._touch()
        self.push(None)
        if not self._ending:
            self.read(0)

    def _flushed(self) -> None:
        self._touch()
        if self._writing:  # or else it was held by the link, or written before that was ours
            self._sent()
        final = self._final_waits
        if final is not None:
            self._final_waits = None
            self._final(final)

    def _write_lost(self, error: OSError) -> None:
        if self._writing:
            self._sent(error)
        else:
            self.destroy(error)  # the link held what it could not send then

    def _reactor_stopped(self) -> None:
        self.destroy()

    # -- from Connecting --------------------------------------------------------------------

    def _failing(self) -> None:
        """The only attempt has failed: Node counts the socket as open until it is destroyed."""
        self._step(_OPEN)

    def _failed_to_connect(self, error: OSError, path: str) -> None:
        """There is nobody at the path of a Unix socket, or he cannot be reached."""
        self._failing()
        self.emit("connectionAttemptFailed", path, None, None, error)
        self.destroy(error)

    def _connected(self, link: Link) -> None:
        self._open(link)
        self._touch()
        if self._tcp is not None:
            self._tune(self._tcp)
        self.emit("connect")
        if self._reset_first:
            self._reset()
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
        elif self._phase is _CONNECTING:
            self._unsent = (chunks, callback)
        else:
            callback(ERR_SOCKET_CLOSED())

    def _final(self, callback: Callback) -> None:
        link = self._link
        if self._phase is _CONNECTING:
            self._final_waits = callback
        elif link is None:
            callback(None)
        elif link.queued:
            self._final_waits = callback  # the link holds some of what was written
        elif self._end >= EMITTED:
            # The peer has ended too: what follows is the close, and that sends the FIN.
            self._poller.feed(callback, None)
        else:
            failed = None
            try:
                link.shutdown()
            except OSError as error:
                if error.errno != errno.ENOTCONN:
                    failed = error
            self._poller.feed(callback, failed)

    def _destroy(self, error: BaseException | None, callback: Callback) -> None:
        phase, link, connecting = self._phase, self._link, self._connecting
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if connecting is not None:
            connecting.cancel()
        if link is not None:
            self._final_waits = None
            given = link.bytesSent + link.queued
            if self._resets:
                link.reset()
            else:
                link.close()
            self._bytes_read, self._bytes_sent = link.bytesRead, link.bytesSent
            if self._writing and self._unsent is None:
                self._bytes_sent -= self._write_size  # for it is among what waits, too
                self._poller.atRoundEnd(self._end_write, link.bytesSent < given)
        self._step(_CLOSED)
        callback(error)
        if phase is _IDLE:
            self._poller.nextTick(self._emit_closed)
        else:
            self._poller.atRoundEnd(self._emit_closed, error is not None)
        if self._released is not None:
            self._released()

    def _write_checked(
        self,
        chunk: BytesLike | str | None,
        encoding: str | Callback | None,
        callback: Callback | None,
    ) -> BaseException | bool:
        if self._finish != FLOWS and self._end >= EMITTED and not self.allowHalfOpen:
            error = _ended_by_peer()
            if callable(encoding):
                callback = encoding
            if callable(callback):
                self._poller.nextTick(callback, error)
            self.destroy(error)
            return error
        return super()._write_checked(chunk, encoding, callback)

    # -- private ----------------------------------------------------------------------------

    def _step(self, phase: Phase) -> None:
        """The one place where the connection's state changes."""
        if _trace is not None:
            _trace("{} -> {}: {!r}", self._phase.value, phase.value, self)
        self._phase = phase
        if phase is not _CONNECTING:
            self._connecting = None
        if phase is _IDLE or phase is _CLOSED:
            self._link = self._tcp = self._send = None
            self._resets = self._reset_waits = self._reset_first = False
            self._read_waits = False

    def _open(self, link: Link) -> None:
        """There is a connection: `link` is where bytes come from and go to."""
        self._link = link
        if isinstance(link, TCPTransport):
            self._tcp = link
        self._step(_OPEN)
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
        path = options["path"]
        if path:
            self.emit("connectionAttempt", path, None, None)
            error = systemError(errno.EISCONN, "connect", path)
            self._poller.feed(self._failed_to_connect, error, path)
        else:
            self._poller.nextTick(self._refuse, options["host"] or "localhost", options["port"])

    def _refuse(self, host: str, port: int) -> None:
        connecting = self._connecting
        number, local = errno.EISCONN, None
        if connecting is not None:
            number, local = errno.EALREADY, connecting.local()
        family = isIP(host)
        if family and not self.destroyed:
            self.emit("connectionAttempt", host, port, family)
        self.destroy(systemError(number, "connect", host, port, local=local))

    def _reset(self) -> None:
        self._resets = True
        self.destroy()

    def _tune(self, tcp: TCPTransport) -> None:
        """There is a TCP connection: the settings made before."""
        if self._no_delay:
            tcp.setNoDelay(True)
        if self._keep_alive:
            tcp.setKeepAlive(True, self._keep_alive_delay)
        if self._kernel is not None:
            applyKernelSettings(tcp, self._kernel)

    def _touch(self) -> None:
        if self._idle is not None:
            self._idle.touch()

    def _timed_out(self) -> None:
        link = self._link
        if link is not None and link.queued and link.bytesSent != self._sent_at_timeout:
            self._sent_at_timeout = link.bytesSent
            self._touch()  # a long write is on its way
        else:
            self.emit("timeout")

    def _end_write(self, cancelled: bool) -> None:
        """The link is closed: the write that was on its way has left, or the rest never will."""
        if self._writing and self.destroyed:
            self._bytes_sent += self._write_size
            self._sent(systemError(errno.ECANCELED, "write") if cancelled else None)

    def _emit_closed(self, *hadError: bool) -> None:
        unsent, self._unsent = self._unsent, None
        self.emit("close", *hadError)
        if unsent is not None:
            unsent[1](ERR_SOCKET_CLOSED_BEFORE_CONNECTION())


def _ended_by_peer() -> OSError:
    error = systemError(errno.EPIPE, "write")
    error.syscall = None  # nothing was asked of the system
    error.message = "This socket has been ended by the other party"
    return error
