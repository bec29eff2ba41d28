"""One worker of a service, as its primary sees it.

Law: what a worker has counted is not lost with it, but for what it counts after it was asked last
when it is killed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from nodenet.cluster._channel import QueryFailed
from nodenet.cluster._primary import Primary
from nodenet.errors import ERR_IPC_CHANNEL_CLOSED
from nodenet.loop import Poller
from nodenet.services.counters import Export

READY: Final = "ready"
"""The note of a worker that serves: with ``listening``, a list of what it listens on."""

LEAVING: Final = "leaving"
"""The note of a worker that is about to end: what it closes from now on is to stay."""

COUNTED: Final = "counted"
"""The note of a worker that has closed everything: with ``export``, its counters."""

COUNT: Final = "count"
"""The question for its counters."""

_PATIENCE: Final = 2.0  # seconds that a worker has to say what it has counted
_LAST_WORDS: Final = 1.0  # seconds in which what an ended worker wrote is read
_LONGEST: Final = 8192  # characters of a line in the log: what is longer is several
LEVELS: Final = {  # of a line, as a worker writes it
    "2": LogLevel.critical,
    "3": LogLevel.error,
    "4": LogLevel.warn,
    "6": LogLevel.info,
    "7": LogLevel.debug,
}

_log = Logger(namespace="nodenet")


class Member:
    """A worker process.

    Args:
        primary: Starts it.
        poller: The primary's.
        env: What its environment has besides.
        ready: Called with this when it serves.
        ended: Called with this, its exit code and the name of the signal that has ended it.

    Attributes:
        since: When it became ready, by the Poller's clock; None before.
        listening: Where it listens.
        export: What it had counted when it was asked last; None before.
        leaving: Whether it ends, of itself or because it was asked to.
    """

    def __init__(
        self,
        primary: Primary,
        poller: Poller,
        env: dict[str, str],
        ready: Callable[[Member], object],
        ended: Callable[[Member, int | None, str | None], object],
    ) -> None:
        self.since: float | None = None
        self.listening: list[str] = []
        self.export: Export | None = None
        self.leaving = False
        self._poller = poller
        self._ready = ready
        self._dismissed = False
        self._kill: Any = None
        self._last_words: Any = None
        self._over = False
        self.worker = worker = primary.fork(env)
        self._channel = channel = worker.process.channel
        if channel is not None:  # or else it could not be started
            channel.hear(READY, self._is_ready, listening=list)
            channel.hear(LEAVING, self._leaves)
            channel.hear(COUNTED, self._has_counted, export=dict)
        worker.on("error", self._failed)
        worker.on("exit", lambda *_: self._has_exited(ended))
        worker.process.on("close", lambda *_: self._gone(ended))
        for stream, level in (("stdout", LogLevel.info), ("stderr", LogLevel.error)):
            pipe = getattr(worker.process, stream)
            if pipe is not None:
                _Lines(pipe, str(self), level)

    def dismiss(self, grace: float) -> None:
        """Have it take nobody new and end when it is done; after `grace` seconds it is killed."""
        if not self._dismissed:
            self._dismissed = self.leaving = True
            self.worker.disconnect()
            self._kill = self._poller.callLater(grace, self.kill)

    def kill(self) -> None:
        """End it at once."""
        self.worker.process.kill("SIGKILL")  # type: ignore[attr-defined]

    def count(self) -> Deferred[None]:
        """Ask what it has counted; fires when `export` is up to date, or it does not answer."""
        channel = self._channel
        if channel is None or not channel.connected or self.since is None:  # it is busy beginning
            return succeed(None)
        asked = channel.ask({"act": COUNT})
        asked.addTimeout(_PATIENCE, self._poller)  # type: ignore[arg-type]  # has its callLater
        return asked.addCallbacks(self._answered, _silent)

    @property
    def serves(self) -> bool:
        """Whether it is ready and will be."""
        return self.since is not None and not self.leaving

    def __str__(self) -> str:
        return f"worker {self.worker.id}"

    def _is_ready(self, note: dict[str, Any], _: object) -> None:
        self.since = self._poller.seconds()
        self.listening = note["listening"]
        self._ready(self)

    def _leaves(self, note: object, _: object) -> None:
        self.leaving = True

    def _has_counted(self, note: dict[str, Any], _: object) -> None:
        self.export = note["export"]

    def _answered(self, answer: Any) -> None:
        self.export = answer[0]["export"]

    def _failed(self, why: BaseException) -> None:
        _log.error("{worker}: {error}", worker=str(self), error=why)

    def _has_exited(self, ended: Callable[..., object]) -> None:
        if not self._over:
            self._last_words = self._poller.callLater(_LAST_WORDS, self._gone, ended)

    def _gone(self, ended: Callable[..., object]) -> None:
        """It has ended, and what it had to say was read; or a child of its own keeps that open."""
        if self._over:
            return
        self._over = True
        for timer in (self._kill, self._last_words):
            if timer is not None and timer.active():
                timer.cancel()
        process: Any = self.worker.process
        ended(self, process.exitCode, process.signalCode)


class _Lines:
    """What a worker writes goes into the primary's log, line by line; a long one in pieces.

    A line may begin with its level as for systemd, ``<4>`` say: sd-daemon(3).
    """

    def __init__(self, stream: Any, who: str, level: Any) -> None:
        self._who = who
        self._usual = level
        self._level: Any = None  # of the line that is being read, once that is known
        self._rest = ""  # of that line, which is not in the log yet
        stream.setEncoding("utf8")
        stream.on("data", self._read)
        stream.on("end", self._end)

    def _read(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._say(self._last_piece(line))
            self._level = None
        self._rest = self._last_piece(self._rest)

    def _end(self) -> None:
        if self._rest:
            self._say(self._rest)

    def _last_piece(self, line: str) -> str:
        """Say what is before it."""
        while len(line) > _LONGEST:
            line = self._leveled(line)
            if len(line) > _LONGEST:
                self._say(line[:_LONGEST])
                line = line[_LONGEST:]
        return line

    def _say(self, line: str) -> None:
        line = self._leveled(line)
        _log.emit(self._level, "{worker}: {line}", worker=self._who, line=line)

    def _leveled(self, line: str) -> str:
        """What there is behind the level, where that is not known yet."""
        if self._level is None:
            self._level = self._usual
            if line[:1] == "<" and line[2:3] == ">" and line[1] in LEVELS:
                self._level, line = LEVELS[line[1]], line[3:]
        return line


def _silent(failure: Failure) -> None:
    """It has ended meanwhile, is about to, or hangs: what it said last is what there is."""
    failure.trap(error.TimeoutError, CancelledError, ERR_IPC_CHANNEL_CLOSED, QueryFailed)
