"""Starting a process with a channel, and its end.

Law: the channel is over before ``'exit'`` is told, and what the process had sent comes first; the
reactor reaps the process, so there is no zombie. Of the descriptors that are made here the parent
keeps its own ends alone.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, ClassVar, Final

from twisted.internet.error import ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IProcessTransport
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from nodenet.cluster._channel import Channel
from nodenet.cluster._process import Process, Relay, signalNumber
from nodenet.cluster._settings import CHANNEL_FD, checkText, commandLine, streams
from nodenet.errors import ERR_INVALID_ARG_VALUE, systemError
from nodenet.events import Event
from nodenet.loop import Poller
from nodenet.net import Socket

_CHANNEL: Final = 3
"""The worker's descriptor of its channel: the one behind the standard ones."""

_SIGNALS: Final = {int(one): one.name for one in signal.Signals}


class ChildProcess(Process):
    """The process of a worker, in the primary.

    Attributes:
        pid: Its number; ``None`` when it could not be started.
        exitCode: What it has exited with; ``None`` while it runs and when a signal has ended it.
            Negative, the number of the error, when it could not be started.
        signalCode: The name of the signal that has ended it.
        killed: Whether it was sent a signal with `kill`.
        stdin: What is written arrives there; ``None`` unless it is piped.
        stdout: What the process writes there; ``None`` unless it is piped.
        stderr: As `stdout`.
        spawnfile: The program that was started.
        spawnargs: Its command line.

    Mirrors: "Class: ChildProcess".
    """

    EVENTS: ClassVar[tuple[Event, ...]] = (
        Event("spawn", (), "It was started."),
        Event("exit", ("code: int | None", "signal: str | None"), "It has ended."),
        Event("close", ("code: int | None", "signal: str | None"), "And its pipes are closed."),
    )

    exitCode: int | None = None
    signalCode: str | None = None
    killed: bool = False
    stdin: Socket | None = None
    stdout: Socket | None = None
    stderr: Socket | None = None
    spawnfile: str
    spawnargs: list[str]

    def __init__(
        self, poller: Poller, relay: Relay, settings: dict[str, Any], env: Mapping[str, str]
    ) -> None:
        super().__init__(relay)
        self.spawnargs = commandLine(settings)
        self.spawnfile = self.spawnargs[0]
        self.pid = None
        self._transport: IProcessTransport | None = None
        self._ended: tuple[int | None, str | None] | None = None
        self._pipes = 0
        self._settled: Callable[[], None] | None = None
        self._start(poller, settings, env)

    # -- operations -------------------------------------------------------------------------

    def kill(self, signal: str | int | None = None) -> bool:
        """Send the process a signal.

        Args:
            signal: Its name or number; ``'SIGTERM'`` when left out.

        Returns:
            Whether there was a process to send it to.

        Raises:
            ERR_UNKNOWN_SIGNAL: There is no such signal.

        Mirrors: "subprocess.kill()".
        """
        number = signalNumber(signal)
        if self._transport is None or self._ended is not None:
            return False
        try:
            self._transport.signalProcess(number)
        except ProcessExitedAlready:
            return False
        self.killed = True
        return True

    def ref(self) -> None:
        """Keep :func:`nodenet.run` going while the process runs (the default)."""
        if self._settled is None and self._transport is not None and self._ended is None:
            self._settled = self._poller.pending(repr(self))

    def unref(self) -> None:
        """Let :func:`nodenet.run` end although the process runs; the channel has its own."""
        settled, self._settled = self._settled, None
        if settled is not None:
            settled()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} pid={self.pid}>"

    # -- private: the start -----------------------------------------------------------------

    def _start(self, poller: Poller, settings: dict[str, Any], env: Mapping[str, str]) -> None:
        self._poller = poller
        with ExitStack() as theirs:
            try:
                with ExitStack() as ours:
                    given, kept = _opened(streams(settings), theirs, ours)
                    self._attach(poller, Channel(poller, kept.pop(_CHANNEL)))
                    ours.pop_all()
            except OSError as error:  # no descriptors are left: there is not even a channel
                self._next(self._not_started, error)
                self._next(self._pipe_closed)
                return
            for number, end in kept.items():
                self._pipe(number, end)
            try:
                self._spawn(settings, env, given)
            except OSError as error:
                self._next(self._not_started, error)
                self._next(self._next, self._pipe_closed)
                self._abandon()
            except BaseException:  # text that the system has no bytes for, say
                self._relay = lambda *_: False  # there is no worker
                self._abandon()
                raise
            else:
                self.ref()
                poller.nextTick(self.emit, "spawn")

    def _spawn(
        self, settings: dict[str, Any], env: Mapping[str, str], descriptors: Sequence[int]
    ) -> None:
        cwd = settings.get("cwd")
        if cwd is not None:
            os.stat(os.path.join(cwd, "."))  # a process that has begun cannot tell us
        told = {**env, CHANNEL_FD: str(_CHANNEL)}
        self._transport = transport = self._poller.reactor.spawnProcess(
            _Life(self),
            os.fsencode(self.spawnfile),
            # Here, for not every Twisted says what it has no bytes for.
            [os.fsencode(word) for word in self.spawnargs],
            env={os.fsencode(name): os.fsencode(value) for name, value in told.items()},
            path=cwd,
            uid=settings.get("uid"),
            gid=settings.get("gid"),
            childFDs=dict(enumerate(descriptors)),
        )
        self.pid = transport.pid

    def _pipe(self, number: int, end: socket.socket) -> None:
        """Read or write the `number`th of the process's streams."""
        pipe = Socket(
            {"fd": end.detach(), "readable": number > 0, "writable": number == 0},
            reactor=self._poller.reactor,
        )
        setattr(self, ("stdin", "stdout", "stderr")[number], pipe)
        if number > 0:
            self._pipes += 1
            pipe.once("close", self._pipe_closed)

    def _not_started(self, error: OSError) -> None:
        self.exitCode = -(error.errno or errno.EIO)
        self._error(systemError(error, f"spawn {self.spawnfile}"))

    def _abandon(self) -> None:
        """There is no process: close what was opened for it."""
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe is not None:
                pipe.destroy()
        if self._channel is not None:
            self._channel.drain()

    # -- private: the end -------------------------------------------------------------------

    def _exited(self, reason: Failure) -> None:
        """The reactor has reaped it: its channel is closed as well, with what it has left there."""
        ended: Any = reason.value
        number = ended.signal if isinstance(ended, ProcessTerminated) else None
        name = None if number is None else _SIGNALS.get(number, f"SIG{number}")
        self._ended = (ended.exitCode if name is None else None), name
        if self._channel is None:
            self._tell_exit()
        else:
            self._channel.drain()

    def _disconnected(self) -> None:
        super()._disconnected()
        if self._ended is not None:
            self._tell_exit()

    def _tell_exit(self) -> None:
        assert self._ended is not None
        code, name = self.exitCode, self.signalCode = self._ended
        self.unref()
        self._relay("exit", code, name)
        self.emit("exit", code, name)
        for pipe in (self.stdout, self.stderr):
            if pipe is not None and pipe.readableFlowing is None:
                pipe.resume()  # nobody reads it, and it shall end all the same
        if self.stdin is not None:
            self.stdin.destroy()
        self._pipe_closed()

    def _pipe_closed(self, *_: object) -> None:
        """A pipe is closed, or the process has ended, whichever is last."""
        self._pipes -= 1
        if self._pipes < 0:
            self.emit("close", self.exitCode, self.signalCode)


def _opened(
    kinds: Sequence[str | int], theirs: ExitStack, ours: ExitStack
) -> tuple[list[int], dict[int, socket.socket]]:
    """Open what a process gets: a stream of each of `kinds` and, behind these, its channel.

    Args:
        kinds: What each stream is.
        theirs: Closes what only the process needs.
        ours: Closes what this process keeps.

    Returns:
        The descriptors for the process, in their order there; and this process's other ends of
        them, by their place in that.
    """
    given: list[int] = []
    kept: dict[int, socket.socket] = {}
    for number, kind in enumerate([*kinds, "pipe"]):
        if kind == "pipe":
            end, kept[number] = pair = socket.socketpair()
            theirs.enter_context(pair[0])
            ours.enter_context(pair[1])
            given.append(end.fileno())
        elif kind == "ignore":
            given.append(os.open(os.devnull, os.O_RDWR))
            theirs.callback(os.close, given[-1])
        else:
            given.append(number if kind == "inherit" else int(kind))
    return given, kept


class _Life(ProcessProtocol):
    """Told by the reactor of what becomes of a process."""

    def __init__(self, process: ChildProcess) -> None:
        self._process = process

    def processExited(self, reason: Failure) -> None:
        process = self._process
        process._poller.ticks.call(process, process._exited, reason)


def environment(given: Mapping[str, Any] | None) -> dict[str, str]:
    """This process's environment and what is given; ``None`` takes a name out.

    Raises:
        ERR_INVALID_ARG_VALUE: A name cannot be one, or there is a NUL in it or in a value.
    """
    env = dict(os.environ)
    for name, value in (given or {}).items():
        name, what = str(name), f"env[{str(name)!r}]"
        if not name or "=" in checkText(name, what):
            raise ERR_INVALID_ARG_VALUE(what, name, "must have a name without '='")
        if value is None:
            env.pop(name, None)
        else:
            env[name] = checkText(str(value), what)
    return env
