"""What an operator has of every service: counters, and an end that is bounded.

Law: started means open, and stopped means that nothing of it is open: at most `grace` seconds
after it was asked to stop, and at once when it is asked a second time. The port of the counters
opens first and closes last.
"""

from __future__ import annotations

import signal
from abc import abstractmethod
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.logger import Logger

from nodenet.endpoints import EndpointStringError, parse
from nodenet.loop import Poller, pollerOf
from nodenet.options import checkString
from nodenet.services._failure import cannotStart
from nodenet.services._given import secondsOf
from nodenet.services._impatience import Impatience
from nodenet.services._notify import notify
from nodenet.services._signals import OnSignal
from nodenet.services._stats import Pages, State
from nodenet.services.counters import Counters, Export, told

if TYPE_CHECKING:
    from nodenet.services._stats_port import StatsPort

_log = Logger(namespace="nodenet")


class Ending(Protocol):
    """The end of what a service has open."""

    @property
    def done(self) -> Deferred[None]: ...
    def hurry(self) -> None: ...


class OperatedService(Service):
    """The base of nodenet's services. A subclass says what it opens, and how that ends.

    Args:
        grace: seconds that what is open gets to finish when the service stops.
        stats: where to show the counters, as for ``--stats``, or an endpoint; None: nowhere.
        reactor: by default Twisted's global one, taken when the service starts.

    Attributes:
        counters: What was counted so far.
        announces: Whether it says in the log where it listens.

    Raises:
        ERR_INVALID_ARG_TYPE: An argument has the wrong type.
        EndpointStringError: A string means nothing.
        ValueError: `grace` is negative or has no end.
    """

    def __init__(
        self,
        *,
        grace: float = 5.0,
        stats: str | IStreamServerEndpoint | None = None,
        reactor: Any = None,
    ) -> None:
        if not 0 <= secondsOf(grace, "grace") < inf:
            raise ValueError(f"grace must be 0 seconds or more, not {grace:g}")
        self.grace = grace
        self.counters = Counters()
        self.announces = True
        self._reactor = reactor
        if stats is not None and not IStreamServerEndpoint.providedBy(stats):
            stats = statsEndpoint(checkString(stats, "stats"), reactor)
        self._stats: IStreamServerEndpoint | None = stats
        self._stats_port: StatsPort | None = None
        self._open = False
        self._ending: Ending | None = None
        self._impatience: Impatience | None = None
        self._on_usr1: OnSignal | None = None
        self._hurried = False
        self._announced: set[str] = set()
        self._waiting: list[Deferred[None]] = []
        self._ready_once = False

    # -- what a subclass does ---------------------------------------------------------------

    @abstractmethod
    def openAll(self) -> None:
        """Open what the service has. What this raises keeps it from starting.

        Nothing may be open then.
        """

    @abstractmethod
    def endAll(self, grace: float) -> Ending:
        """Begin to end: take nobody new, and let what is open finish for `grace` seconds."""

    @property
    @abstractmethod
    def listening(self) -> list[str]:
        """Where the service listens, with real ports: ``['tcp 127.0.0.1:8124']``."""

    def export(self) -> Deferred[Export]:
        """What is counted, as it is shown; a service of several processes adds theirs up."""
        return succeed(self.counters.export())

    @property
    def ready(self) -> bool:
        """Whether what was opened serves by now."""
        return True

    def announce(self) -> None:
        """Say where the service listens, of what has not been said yet, and whether it serves."""
        if self._impatience is None:
            return  # the reactor does not run yet
        for where in self.listening if self.announces else ():
            if where not in self._announced:
                self._announced.add(where)
                _log.info("listening on {listener}", listener=where)
        if self.ready:
            self._tell_ready(None)

    def whenReady(self) -> Deferred[None]:
        """Wait until the service serves.

        Returns:
            A Deferred that fires then; or fails, with what keeps the service from it.
        """
        ready: Deferred[None] = Deferred()
        self._waiting.append(ready)
        return ready

    def cannotServe(self, error: Exception) -> None:
        """Something that the service needs to be ready has failed.

        Args:
            error: What went wrong.
        """
        self._tell_ready(error)

    # -- IService ---------------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Open everything; twistd gives up its privileges only then.

        Raises:
            CannotStart: Something could not be opened. Nothing is open then.
        """
        Service.privilegedStartService(self)
        self._start()

    def startService(self) -> None:
        """Open what is not open yet, and serve.

        Raises:
            CannotStart: As `privilegedStartService`.
        """
        self._start()
        Service.startService(self)
        self._poller.reactor.callWhenRunning(self._running)

    def stopService(self) -> Deferred[None]:
        """Take nobody new, and let what is open finish.

        Returns:
            A Deferred that fires when everything is closed, after `grace` seconds at the latest.
        """
        Service.stopService(self)
        if not self._open:
            return succeed(None)
        self._open = False
        notify("STOPPING=1")
        self._ending = self.endAll(0.0 if self._hurried else self.grace)
        return self._ending.done.addCallback(self._ended)

    # -- private ----------------------------------------------------------------------------

    @property
    def _poller(self) -> Poller:
        return pollerOf(self._reactor)

    @property
    def _state(self) -> State:
        if not self._open:
            return State.DRAINING
        return State.SERVING if self.ready else State.STARTING

    def _start(self) -> None:
        if self._open:
            return
        self._open_stats()
        try:
            self.openAll()
        except BaseException:
            self._close_stats()
            raise
        self._open = True
        self._on_usr1 = OnSignal(self._poller.reactor, signal.SIGUSR1, self._tell)
        self._on_usr1.begin()

    def _running(self) -> None:
        """The reactor runs: signals end it in order from now on, so say that it is there."""
        if not self._open:
            return
        self._impatience = Impatience(self._poller.reactor, self._hurry)
        self._impatience.begin()
        self.announce()
        if self._stats_port is not None:
            _log.info("counters at {listener}", listener=str(self._stats_port))

    def _tell_ready(self, error: Exception | None) -> None:
        waiting, self._waiting = self._waiting, []
        for ready in waiting:
            ready.callback(None) if error is None else ready.errback(error)
        if error is None and not self._ready_once:
            self._ready_once = True
            notify("READY=1")

    def _tell(self) -> None:
        """Somebody sent SIGUSR1."""
        self.export().addCallback(self._tell_counters).addErrback(self._poller.uncaught, self)

    def _tell_counters(self, export: Export) -> None:
        listeners = export["listeners"]
        if not listeners:
            _log.info("nothing is counted: there was no listener")
        for listener, values in listeners.items():
            _log.info("{listener}: {told}", listener=listener, told=told(values), **values)

    def _hurry(self) -> None:
        self._hurried = True
        if self._ending is not None:
            self._ending.hurry()

    def _ended(self, _: None) -> Deferred[None] | None:
        self._ending = None
        self._announced.clear()
        self._ready_once = False
        if self._impatience is not None:
            self._impatience.end()
            self._impatience = None
        if self._on_usr1 is not None:
            self._on_usr1.end()
            self._on_usr1 = None
        return self._close_stats()

    def _open_stats(self) -> None:
        if self._stats is None:
            return
        # Only now, since twisted.web takes its time to be imported.
        from nodenet.services._stats_port import StatsPort

        pages = Pages(self.export, lambda: self._state)
        try:
            self._stats_port = StatsPort(self._stats, pages, self._poller)
        except Exception as error:
            raise cannotStart(f"{error} (for --stats {self._stats})") from error

    def _close_stats(self) -> Deferred[None] | None:
        port, self._stats_port = self._stats_port, None
        return None if port is None else port.close()


def statsEndpoint(text: str, reactor: Any = None) -> IStreamServerEndpoint:
    """Read what ``--stats`` says: an endpoint for streams, or a port of this machine alone.

    Raises:
        EndpointStringError: It means nothing.
    """
    endpoint = parse(f"tcp:{text}:interface=127.0.0.1" if text.isdecimal() else text, reactor)
    if not IStreamServerEndpoint.providedBy(endpoint):
        raise EndpointStringError(text, 0, "HTTP needs tcp: or unix:")
    return endpoint
