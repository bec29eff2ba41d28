"""A service in several processes, which share what it listens on.

Law: the primary listens for all, until the service stops or every worker has closed a port; so no
client is refused when a worker ends, is started again or replaced. Workers never have the
privileges that twistd gives up.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.logger import Logger

from nodenet.cluster._handles import Handles
from nodenet.cluster._primary import Primary
from nodenet.endpoints import Endpoint, StreamServerEndpoint, UDPServerEndpoint
from nodenet.endpoints._systemd import forWorkers
from nodenet.services._crew import Crew
from nodenet.services._failure import cannotStart
from nodenet.services._member import Member
from nodenet.services._notify import ADDRESS
from nodenet.services._operated import OperatedService
from nodenet.services._signals import OnSignal, keptFromWorkers
from nodenet.services.counters import Export

_log = Logger(namespace="nodenet")

_PROGRAM = "-m nodenet.tap.worker"


class WorkersService(OperatedService):
    """Runs a service of nodenet's in several processes.

    In a ``.tac`` file::

        from twisted.application.service import Application
        from nodenet.services import WorkersService

        application = Application("echo")
        echo = WorkersService(["echo", "--listen", "tcp:8124"], 2)
        echo.setServiceParent(application)

    A worker that crashes is started again, later each time that it does so at once. SIGHUP
    replaces the workers one by one.

    Args:
        command: what each worker runs: the words behind ``twistd nodenet``.
        workers: how many; None: one for each core that this process may use.
        listen: the endpoints that the command names, so that they are bound before privileges
            are given up; others are bound when workers ask for them.
        grace: seconds that open connections get to finish when a worker is to end.
        stats: where to show the counters of all together, as for ``--stats``, or an endpoint;
            None: nowhere.
        reactor: by default Twisted's global one; there is no other for processes.
        ended: called with an exit status when the service has come to its end by itself: a worker
            could not serve from the first, or all have ended with 0.

    Raises:
        ValueError: `workers` is no number of processes, or workers cannot share an endpoint.
        EndpointStringError: `stats` means nothing.
    """

    def __init__(
        self,
        command: Sequence[str],
        workers: int | None = None,
        *,
        listen: Iterable[Endpoint | IStreamServerEndpoint] = (),
        grace: float = 5.0,
        stats: str | IStreamServerEndpoint | None = None,
        reactor: Any = None,
        ended: Callable[[int], object] | None = None,
    ) -> None:
        super().__init__(grace=grace, stats=stats, reactor=reactor)
        self.command = list(command)
        self.workers = cores() if workers is None else workers
        if self.workers < 1:
            raise ValueError(f"there must be one worker at least, not {workers}")
        self._endpoints = [_shareable(endpoint) for endpoint in listen]
        self._ended_by_itself = ended
        self._primary = Primary()
        self._handles: Handles | None = None
        self._crew: Crew | None = None
        self._on_hup: OnSignal | None = None
        self._env: dict[str, Any] = {}

    # -- operations -------------------------------------------------------------------------

    def replace(self) -> None:
        """Replace the workers one by one, as at SIGHUP: each goes on until its successor serves."""
        if self._crew is not None:
            self._crew.replace()

    # -- as every service -------------------------------------------------------------------

    def openAll(self) -> None:
        """Bind what the workers will listen on.

        Raises:
            CannotStart: Something could not be bound. Nothing is open then.
        """
        poller = self._poller
        settings = {"exec": _PROGRAM, "args": self.command, "stdio": ["ignore", "pipe", "pipe"]}
        self._primary.setupPrimary(settings)
        self._env = {**forWorkers(), ADDRESS: None}  # now: finding it out takes descriptors
        handles = self._handles = self._primary.handlesOf(poller)
        handles.kept = True
        handles.released = self._tidy
        for endpoint in self._endpoints:
            try:
                _reserve(handles, endpoint)
            except Exception as error:
                handles.tidy()
                raise cannotStart(f"{error} (for {endpoint})") from error
        self._crew = Crew(
            poller, self._hire, self.workers, self.grace, self.announce, self._is_over
        )
        self._on_hup = OnSignal(poller.reactor, signal.SIGHUP, self.replace)
        self._on_hup.begin()

    def startService(self) -> None:
        """As every service; the workers are started when the reactor runs."""
        super().startService()
        assert self._crew is not None
        self._poller.reactor.callWhenRunning(self._crew.begin)

    def endAll(self, grace: float) -> Dismissal:
        """Have the workers end; their connections get `grace` seconds to finish."""
        assert self._crew is not None
        assert self._handles is not None
        assert self._on_hup is not None
        self._on_hup.end()
        return Dismissal(self._crew, self._handles, grace)

    def export(self) -> Deferred[Export]:
        """What all workers have counted, those that have ended included."""
        assert self._crew is not None

        def added(listeners: Mapping[str, Any]) -> Export:
            return {**self.counters.export(), "listeners": listeners}

        return self._crew.count().addCallback(added)

    def announce(self) -> None:
        """As every service; what none listens on any more is closed, once all serve."""
        if self.ready:
            self._tidy()
            super().announce()

    @property
    def listening(self) -> list[str]:
        """Where the workers listen: ``['tcp 127.0.0.1:8124']``."""
        return [] if self._crew is None else self._crew.listening

    @property
    def ready(self) -> bool:
        """Whether all workers serve; once they have, whether any does."""
        crew = self._crew
        return crew is not None and (crew.serves if self._ready_once else crew.complete)

    # -- private ----------------------------------------------------------------------------

    def _hire(self, ready: Callable[[Member], object], ended: Callable[..., object]) -> Member:
        with keptFromWorkers():
            return Member(self._primary, self._poller, self._env, ready, ended)

    def _tidy(self) -> None:
        """Close what no worker has open; who is about to begin may have use for it yet."""
        if self._crew is not None and self._handles is not None and self._crew.complete:
            self._handles.tidy()

    def _is_over(self, status: int) -> None:
        _log.error("the workers have ended") if status else _log.info("the workers have ended")
        if self._ended_by_itself is not None:
            self._ended_by_itself(status)


class Dismissal:
    """The end of the workers, and of what they shared.

    Attributes:
        done: Fires when all is closed.
    """

    def __init__(self, crew: Crew, handles: Handles, grace: float) -> None:
        self._crew = crew
        self._handles = handles
        self.done = crew.dismiss(grace).addCallback(self._all_gone)
        handles.tidy()  # who comes now is refused, rather than left to wait

    def hurry(self) -> None:
        """Wait no longer."""
        self._crew.hurry()

    def _all_gone(self, _: None) -> None:
        self._handles.tidy()


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _shareable(
    endpoint: Endpoint | IStreamServerEndpoint,
) -> StreamServerEndpoint | UDPServerEndpoint:
    if not isinstance(endpoint, StreamServerEndpoint | UDPServerEndpoint):
        raise ValueError(f"workers cannot share {endpoint}: that takes an endpoint of nodenet's")
    return endpoint


def _reserve(handles: Handles, endpoint: StreamServerEndpoint | UDPServerEndpoint) -> None:
    place = endpoint.place()
    if place is None:
        return
    if isinstance(endpoint, UDPServerEndpoint):
        handles.reserve(place, endpoint.bound())
    else:
        endpoint.prepare()
        handles.reserve(place)
