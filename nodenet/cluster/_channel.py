"""One end of the Unix socket pair between the primary and a worker.

Law: frames arrive whole, in the order in which they were given; a handle (a socket) arrives with
its own frame or, when this process has no room for it, not at all, and the sender is told which, be
it by the answer to a question. What is wrong with what arrives ends the channel, never the loop.

How they leave is `nodenet.cluster._outbox`'s business, how they arrive `nodenet.cluster._frames`'s.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure

from nodenet.cluster._acts import Acts, Answer, Handle, Hear, Serve, drop
from nodenet.cluster._frames import Frame, Frames, Pipe
from nodenet.cluster._outbox import Outbox
from nodenet.cluster._questions import QueryFailed, Questions
from nodenet.errors import ERR_IPC_CHANNEL_CLOSED
from nodenet.loop import Poller, debuglog

__all__ = ["Answer", "Channel", "Handle", "QueryFailed"]

_log = Logger(namespace="nodenet")
_trace = debuglog("cluster")


class Channel:
    """Messages, questions and notes to the other process, and from it.

    The channel sends a duplicate of a handle, made at once: the one that was given stays with who
    gave it, open. A handle that arrives belongs to who is called with it.

    Attributes:
        message: Called with each message of the user's and its handle, in a tick of its own.
        closed: Called once, when nothing arrives any more: with what ended the channel, or
            ``None`` when one of both sides closed it or the other process is gone.
        connected: Whether messages can be sent.
        stopped: Whether it is closed because the reactor has stopped.

    Args:
        poller: Whose loop it is.
        skt: This process's end of the pair; the channel owns it from now on.
    """

    message: Callable[[Any, Handle | None], object]
    closed: Callable[[BaseException | None], object]

    def __init__(self, poller: Poller, skt: socket.socket) -> None:
        self.message = drop
        self.closed = lambda error: None
        self.connected = True
        self._poller = poller
        self._number = 0
        self._questions = Questions()
        self._acts = Acts()
        self._finished = False
        self._gone = False
        self.stopped = False
        self._transport = Pipe(poller, skt)
        frames = Frames(self)
        self._transport.run(frames)
        self._outbox = Outbox(self._transport, frames)

    # -- sending ----------------------------------------------------------------------------

    def send(self, message: Any, handle: Handle | None = None) -> Deferred[None]:
        """Send a message of the user's.

        Args:
            message: Anything that JSON can say.
            handle: A socket that goes along.

        Returns:
            A Deferred that fires when the kernel has taken the message or, with a handle, when
            the other process has it. It fails with ERR_IPC_CHANNEL_CLOSED when the channel closes
            first, with ``ENOBUFS`` when too much waits for the other process to read, with
            ``EMFILE`` when that process had no room for the handle: it did not get the message.

        Raises:
            ERR_INVALID_ARG_TYPE: JSON has no word for `message`.
            ERR_OUT_OF_RANGE: It has more than 16 MiB.
            OSError: `handle` is closed, or there is no descriptor left to duplicate it.
        """
        return self._send("message", self._next(), message, handle)

    def ask(self, query: dict[str, Any], handle: Handle | None = None) -> Deferred[Answer]:
        """Ask the other process a question of nodenet's own.

        Args:
            query: What to ask; its ``act`` says whom, see `serve`.
            handle: As for `send`.

        Returns:
            A Deferred of the answer and the socket that came with it. It fails with
            ERR_IPC_CHANNEL_CLOSED when the channel closes first, with `QueryFailed` when the other
            process raised (with an `OSError` when it was one), and as that of `send` does.
        """
        number = self._next()
        return self._questions.asked(number, self._send("query", number, query, handle))

    def tell(self, note: dict[str, Any], handle: Handle | None = None) -> None:
        """Tell the other process something of nodenet's own, without an answer; see `hear`.

        When it does not arrive, the channel closes or is closed already: who must know asks.
        Raises what `send` raises.
        """
        self._send("note", self._next(), note, handle).addErrback(self._broken)

    @property
    def full(self) -> bool:
        """Whether who sends messages should wait until one has been sent."""
        return self._outbox.full

    # -- receiving --------------------------------------------------------------------------

    def serve(self, act: str, answer: Serve) -> None:
        """Answer the questions about `act` with ``answer(query, handle)``.

        It returns the answer's dict and a socket or ``None``, or a Deferred of these. The socket
        stays with who returned it.
        """
        self._acts.serve(act, answer)

    def hear(self, act: str, listener: Hear, **said: type) -> None:
        """Call ``listener(note, handle)`` with the notes about `act`.

        They say what is named in `said`, of these types; another one ends the channel.
        """
        self._acts.hear(act, listener, said)

    # -- life -------------------------------------------------------------------------------

    def close(self) -> None:
        """Close, as soon as handles under way have arrived and what was sent has left.

        Nothing can be sent from now on. Does nothing the second time.
        """
        if self.connected:
            self.connected = False
            if self._outbox.settled:
                self._poller.nextTick(self._finish, None)

    def drain(self) -> None:
        """The other process has ended: take what it has left, and close."""
        if self.connected:
            self._transport.drain()
        self._gone = True
        self._end_with(None)

    def forget(self) -> None:
        """Let nobody hear any more what becomes of his question: this process ends."""
        self._questions.forget()

    def ref(self) -> None:
        """Keep :func:`nodenet.run` going while the channel is open (the default)."""
        self._transport.ref()

    def unref(self) -> None:
        """Let :func:`nodenet.run` end although the channel is open."""
        self._transport.unref()

    def hasRef(self) -> bool:
        return self._transport.hasRef()

    def fileno(self) -> int:
        """The descriptor, or -1 when closed."""
        return self._transport.fileno()

    def __repr__(self) -> str:
        return f"<Channel {self._transport.describe()}>"

    # -- private: out -----------------------------------------------------------------------

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _send(
        self, kind: str, number: int, content: Any, handle: Handle | None, about: int | None = None
    ) -> Deferred[None]:
        if self.connected:
            return self._outbox.send(kind, number, content, handle, about)
        return fail(ERR_IPC_CHANNEL_CLOSED())

    def _say(self, kind: str, about: int, content: int | None = None) -> None:
        if not self._finished:
            self._outbox.say(kind, about, content)

    def _broken(self, failure: Failure) -> None:
        """A note could not be sent: both sides would disagree from now on."""
        if self.connected:
            self._end_with(failure.value)

    # -- private: in ------------------------------------------------------------------------

    def received(self, frame: Frame, handle: Handle | None) -> None:
        """A frame is here, whole and as it should be."""
        if _trace is not None:
            _trace("received: {} {}", frame, handle)
        if frame.inode is not None and handle is None:
            self._say("lost", frame.number)
        if frame.kind in ("got", "lost"):
            self._acknowledged(frame.about, arrived=frame.kind == "got")
        else:
            self._poller.nextTick(self._deliver, frame, handle)

    def _deliver(self, frame: Frame, handle: Handle | None) -> None:
        if frame.kind in ("answer", "failed"):
            self._acknowledged(frame.about, arrived=True)  # what is answered has come
            self._questions.answered(frame, handle)
        elif frame.inode is not None and handle is None:
            return  # the other process knows
        if handle is not None and frame.kind != "query":
            self._say("got", frame.number)
        if frame.kind == "message":
            self.message(frame.content, handle)
        elif frame.kind == "note":
            self._note(frame.content, handle)
        elif frame.kind == "query":
            self._answer(frame, handle)

    def _note(self, note: dict[str, Any], handle: Handle | None) -> None:
        try:
            listener = self._acts.listener(note)
        except ValueError as error:
            drop(note, handle)
            self.malformed(error)
        else:
            listener(note, handle)

    def _answer(self, frame: Frame, handle: Handle | None) -> None:
        if not self.connected:
            drop(frame.content, handle)  # the question fails when the channel has closed
            return
        done = self._acts.answer(frame.content, handle)
        done.addCallback(self._reply, frame.number)
        done.addErrback(self._failed_to_answer, frame.number)

    def _reply(self, answer: Answer, about: int) -> None:
        if self.connected:
            content, handle = answer
            sent = self._send("answer", self._next(), content, handle, about)
            sent.addErrback(self._failed_to_answer, about)

    def _failed_to_answer(self, failure: Failure, about: int) -> None:
        error = failure.value
        number = error.errno if isinstance(error, OSError) else None
        if number is None and not isinstance(error, ERR_IPC_CHANNEL_CLOSED):
            _log.failure("Could not answer {channel!r}", failure, channel=self)
        self._say("failed", about, number)

    def _acknowledged(self, about: int | None, arrived: bool) -> None:
        self._outbox.acknowledged(about, arrived)
        if not self.connected and self._outbox.settled:
            self._poller.nextTick(self._finish, None)

    # -- private: the end -------------------------------------------------------------------

    def malformed(self, error: ValueError) -> None:
        """The other process does what it should not."""
        self._end_with(error)

    def _end_with(self, error: BaseException | None) -> None:
        self.connected = False
        self._transport.pauseProducing()
        self._poller.nextTick(self._finish, error)

    def lost(self, reason: Failure) -> None:
        """The transport is closed: what has arrived is delivered first."""
        self.connected = False
        self.stopped = reason.type is ConnectionLost  # of a peer that is gone the system speaks
        # A transport says that it is done when nothing is left to send.
        self._outbox.lost(reason.check(ConnectionDone) is not None)
        self._poller.nextTick(self._finish, None)

    def _finish(self, error: BaseException | None) -> None:
        """The one way out."""
        if self._finished:
            return
        self._finished = True
        self._outbox.close()
        if self._gone or error is not None:
            self._transport.abortConnection()
        else:
            self._transport.loseConnection()
        self._poller.nextTick(self._tell_closed, error)  # behind the transport's own

    def _tell_closed(self, error: BaseException | None) -> None:
        try:
            self.closed(error)  # first: it may be the end of all
        finally:
            self._questions.closed()
