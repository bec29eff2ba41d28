"""The life of a program under a service: called, running, ending.

Law: only `begin`, `end` and `_end` move `_phase`, and whoever runs a program is told once that it
has ended. What goes wrong while it is called keeps the service from starting; what goes wrong
before it has given back what it gives ends it; an exception that nobody catches after that is the
log's, as everywhere in nodenet.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionAborted
from twisted.logger import Logger
from twisted.python.failure import Failure

from nodenet.loop import Handle, Poller, whenIdle
from nodenet.services._closing import Closing
from nodenet.services._parts import Part, partOf
from nodenet.services._program import Program, ProgramError, statusOf
from nodenet.services.counters import Counters

_log = Logger(namespace="nodenet")


class Phase(Enum):
    """How far a program is."""

    CALLED = "called"
    RUNNING = "running"
    ENDING = "ending"


class Life:
    """One run of a program, from its call to its end.

    Args:
        poller: of the reactor.
        program: what to run.
        counters: where what it gives back is counted.
        news: called when something of it listens.
        ended: called with an exit status when it has come to its end by itself.

    Attributes:
        listening: Where what the program gave back listens.
        ready: Whether it has given back what it gives, and all of that serves.
    """

    def __init__(
        self,
        poller: Poller,
        program: Program,
        counters: Counters,
        news: Callable[[], object],
        ended: Callable[[int], object],
    ) -> None:
        self._poller = poller
        self._program = program
        self._counters = counters
        self._news = news
        self._ended = ended
        self._phase = Phase.CALLED
        self._main: Deferred[Any] = Deferred()
        self._settled = False
        self._started = False
        self._parts: list[Part] = []
        self._trouble: ProgramError | None = None
        self._idle: Deferred[None] | None = None

    # -- operations -------------------------------------------------------------------------

    def begin(self) -> None:
        """Import the program and call it, with all that happens at once.

        Raises:
            ProgramError: It cannot be found, raises, rejects, or cannot listen. Nothing that it
                opened is open then.
        """
        poller = self._poller
        before = poller.openHandles()
        self._program.load()
        others, poller.onUncaught = poller.onUncaught, self._uncaught
        try:
            poller.ticks.call(self, self._call)
        finally:
            poller.onUncaught = others
        if self._trouble is not None:
            self._abandon(before)
            raise self._trouble
        self._phase = Phase.RUNNING

    def start(self) -> None:
        """Privileges are given up: go on."""
        self._started = True
        for part in self._parts:
            part.start()

    def end(self, grace: float) -> Closing:
        """Close what the program gave back, or cancel it where it has not come to that yet."""
        self._phase = Phase.ENDING
        self._watch_no_more()
        pending = [] if self._settled else [self._main]
        for main in pending:
            main.cancel()
        parts, self._parts = self._parts, []
        return Closing(self._poller, parts, pending, grace)

    # -- properties -------------------------------------------------------------------------

    @property
    def listening(self) -> list[str]:
        return [part.listening for part in self._parts if part.listening is not None]

    @property
    def ready(self) -> bool:
        return self._settled and all(part.ready for part in self._parts)

    # -- from the program -------------------------------------------------------------------

    def _call(self) -> None:
        self._main = self._program.call()
        self._main.addCallback(self._gave).addErrback(self._failed)

    def _gave(self, given: list[Any]) -> None:
        self._settled = True
        for one in given:
            self._parts.append(partOf(one, self._counters, self._part_news))
        if self._phase is Phase.ENDING:
            for part in self._parts:
                part.close()
            return
        if self._started:
            self.start()
        if not any(part.keeps for part in self._parts):
            self._idle = whenIdle(self._poller.reactor)
            self._idle.addCallbacks(lambda _: self._end(0), _cancelled)

    def _part_news(self, error: Exception | None = None) -> None:
        if error is not None:
            self._failed(Failure(error))
        elif self._phase is Phase.RUNNING:
            self._news()

    def _failed(self, failure: Failure) -> None:
        """It will not serve."""
        if self._phase is Phase.CALLED:
            self._uncaught(failure)
        elif self._phase is Phase.RUNNING:
            self._settled = True
            if not self.leaves(failure):
                _log.critical("{program}", program=str(self._program.says(failure)))
                self._end(1)
        elif not failure.check(CancelledError):
            _log.failure("while {program} was ended", failure, program=self._program.name)

    def _uncaught(self, failure: Failure) -> bool:
        self._trouble = self._trouble or self._program.says(failure)
        return True

    def leaves(self, failure: Failure) -> bool:
        """Whether a failure is a ``sys.exit()``: the program ends by that."""
        if not isinstance(failure.value, SystemExit):
            return False
        if isinstance(failure.value.code, str):
            _log.critical("{text}", text=failure.value.code)
        self._end(statusOf(failure.value))
        return True

    def _end(self, status: int) -> None:
        """It has come to its end by itself."""
        if self._phase is Phase.RUNNING:
            self._phase = Phase.ENDING
            self._watch_no_more()
            self._ended(status)

    def _watch_no_more(self) -> None:
        if self._idle is not None:
            self._idle.cancel()

    def _abandon(self, before: list[Handle]) -> None:
        """Close what the program has opened, for it failed."""
        self._watch_no_more()
        for part in self._parts:
            part.close()
        for handle in self._poller.openHandles():
            if handle not in before:
                self._poller.ticks.call(self, handle.connectionLost, Failure(ConnectionAborted()))


def _cancelled(failure: Failure) -> None:
    failure.trap(CancelledError)
