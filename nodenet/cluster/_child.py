"""The worker's own side: who it is, and its life with the primary.

Law: a worker that loses the primary without having been told to disconnect ends at once; one that
was told ends when nothing keeps it going any more.

The channel is opened with the first Poller, for until then nobody knows which reactor will run.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, ClassVar, Self

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ReactorNotRunning

from nodenet.cluster._channel import Channel
from nodenet.cluster._process import Process
from nodenet.cluster._settings import CHANNEL_FD, UNIQUE_ID
from nodenet.cluster._source import PrimarySource
from nodenet.cluster._worker import Worker
from nodenet.events import Event, EventEmitter
from nodenet.loop import Poller, pollerOf, whenIdle
from nodenet.loop.registry import whenUsed
from nodenet.transports.source import setSource


class Child(EventEmitter):
    """The cluster, in a worker."""

    EVENTS: ClassVar[tuple[Event, ...]] = ()

    isPrimary = isMaster = False
    isWorker = True

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self.worker = worker


class _Own(Worker):
    """This worker.

    Args:
        id: Its id.
        skt: Its end of the channel.
    """

    def __init__(self, id: int, skt: socket.socket) -> None:
        super().__init__(id, "online")
        self._socket: socket.socket | None = skt
        self._signal: int | None = None
        self.closing: Callable[[], Deferred[Any]] | None = None  # in place of closing the handles
        self.process = _OwnProcess(self)

    # -- operations -------------------------------------------------------------------------

    def kill(self, signal: str | int | None = None) -> None:
        if self.state == "destroying":
            return
        self.state = "destroying"
        self._open()
        if self.isConnected():
            self.exitedAfterDisconnect = True
            self._ask_to_leave()
        else:
            self._stop()

    def disconnect(self) -> Self:
        self._open()
        if not self.exitedAfterDisconnect:
            self.state = "disconnecting"
            self.exitedAfterDisconnect = True
            self._close_handles().addCallback(lambda _: self._ask_to_leave())
        return self

    @property
    def over(self) -> bool:
        """Whether the channel is closed."""
        return self._socket is None and not self._channel.connected

    @property
    def lingers(self) -> bool:
        """Whether something more may happen when the channel is closed; or else it ends at once."""
        return bool(self.exitedAfterDisconnect)

    # -- life -------------------------------------------------------------------------------

    def open(self, poller: Poller) -> None:
        """Open the channel, with the Poller that runs this process."""
        skt, self._socket = self._socket, None
        if skt is None:
            return
        self._poller = poller
        channel = self._channel = Channel(poller, skt)
        self._source = PrimarySource(poller, channel, self._listens)
        setSource(poller, self._source)
        poller.onSignal = self._note_signal
        self.process._attach(poller, channel)
        channel.hear("disconnect", self._told_to_disconnect)
        channel.tell({"act": "online"})

    def _open(self) -> None:
        pollerOf()  # the first one opens the channel

    def _told_to_disconnect(self, note: object, _: object) -> None:
        if not self.exitedAfterDisconnect:
            self.exitedAfterDisconnect = True
            self._close_handles().addCallback(lambda _: self._close_channel())

    def _listens(self) -> None:
        self.state = "listening"

    def _close_handles(self) -> Deferred[Any]:
        self._source.leaving = True
        if self.closing is not None:
            return self.closing()
        return self._source.close() if self.isConnected() else succeed(None)

    def _ask_to_leave(self) -> None:
        channel = self.process.channel
        if channel is not None and channel.connected:
            asked = channel.ask({"act": "exitedAfterDisconnect"})
            asked.addBoth(lambda _: self._close_channel())

    def _close_channel(self) -> None:
        if self.isConnected():
            self.process.disconnect()

    def _relayed(self, event: str, *args: Any) -> bool:
        """The process emits `event` next."""
        try:
            return self.emit(event, *args)
        finally:
            if event == "disconnect":
                self._disconnected()

    def _disconnected(self) -> None:
        if self.state == "destroying" or not self.exitedAfterDisconnect:
            self._channel.forget()
            self._stop()
        else:
            whenIdle(self._poller.reactor).addCallback(lambda _: self._stop())

    def _stop(self) -> None:
        """End with 0; in the next turn, for perhaps the signal that ended the primary is here too
        and has the reactor stopped already."""
        self._poller.callLater(0, self._stop_reactor, ref=False)

    def _stop_reactor(self) -> None:
        try:
            self._poller.reactor.stop()
        except ReactorNotRunning:
            pass  # it is being stopped, or was never started

    def _note_signal(self, number: int) -> None:
        self._signal = number

    def endOfProcess(self) -> None:
        """A signal has ended the program in an orderly way: the primary shall see which."""
        if self._signal is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            signal.signal(self._signal, signal.SIG_DFL)
            os.kill(os.getpid(), self._signal)


class _OwnProcess(Process):
    """What Node calls ``process``, as far as the cluster is concerned.

    Attributes:
        pid: Its number.
    """

    def __init__(self, worker: _Own) -> None:
        super().__init__(worker._relayed)
        self.pid = os.getpid()
        self._worker = worker

    def send(self, *args: Any) -> bool:
        self._worker._open()
        return super().send(*args)

    def disconnect(self) -> None:
        self._worker._open()
        super().disconnect()

    def _failed(self, error: BaseException, callback: Callable[..., object] | None) -> None:
        if self._worker.lingers or callback is not None or not self._worker.over:
            super()._failed(error, callback)

    def _tell_disconnected(self) -> None:
        if self._worker.lingers:
            super()._tell_disconnected()

    @property
    def connected(self) -> bool:
        return self._worker._socket is not None or super().connected


def becomeWorker() -> Child:
    """Take from the environment what the primary has put there; what this starts is no worker.

    Raises:
        OSError: The descriptor of the channel is not open: somebody between the primary and this
            process has closed it.
    """
    number, fd = int(os.environ.pop(UNIQUE_ID)), int(os.environ.pop(CHANNEL_FD))
    try:
        skt = socket.socket(fileno=fd)
    except OSError as error:
        raise OSError(error.errno, f"{CHANNEL_FD}={fd} is no channel: {error.strerror}") from None
    skt.set_inheritable(False)
    worker = _Own(number, skt)
    whenUsed(worker.open)
    atexit.register(worker.endOfProcess)  # now, to be called behind what is registered later
    return Child(worker)
