"""A program of Node's kind as a service.

Law: the program is imported and called when the service starts, before twistd gives up its
privileges; what it gave back is closed when the service stops. It ends by itself as under
`nodenet.run`, but that an exception nobody catches ends nothing once it serves: a service stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.logger import Logger

from nodenet.errors import ERR_INVALID_ARG_TYPE
from nodenet.services._closing import Closing
from nodenet.services._failure import cannotStart
from nodenet.services._given import listOf
from nodenet.services._life import Life
from nodenet.services._operated import OperatedService
from nodenet.services._program import Program, ProgramError

_log = Logger(namespace="nodenet")


class RunService(OperatedService):
    """Runs a program: a callable that opens servers and gives them back.

    In a ``.tac`` file::

        from twisted.application.service import Application
        from nodenet.services import RunService

        application = Application("chat")
        RunService("chat:main").setServiceParent(application)

    What the program may give back: a `net.Server`, a `dgram.Socket`, a service or a port of
    Twisted's, anything else with a ``close()`` (which may take a callback or return a Deferred),
    a Deferred or coroutine of these, a list of them, or None. That is closed when the service
    stops; a coroutine that runs still is cancelled.

    Args:
        program: ``'module:callable'``, looked for where the service starts as well; or a callable.
        args: the arguments it is called with.
        grace: seconds that open connections get to finish when the service stops.
        stats: where to show the counters, as for ``--stats``, or an endpoint; None: nowhere.
        reactor: by default Twisted's global one, taken when the service starts.
        ended: called with an exit status when the program has come to its end by itself: 0 when
            nothing of it is open any more, 1 when it failed before it served, what it gave
            ``sys.exit()``. Without it that is said in the log.

    Raises:
        ERR_INVALID_ARG_TYPE: An argument has the wrong type.
        ProgramError: `program` is nothing that could be looked for.
        EndpointStringError: `stats` means nothing.
        ValueError: `grace` is negative or has no end.
    """

    def __init__(
        self,
        program: str | Callable[..., object],
        args: Iterable[str] = (),
        *,
        grace: float = 5.0,
        stats: str | IStreamServerEndpoint | None = None,
        reactor: Any = None,
        ended: Callable[[int], object] | None = None,
    ) -> None:
        super().__init__(grace=grace, stats=stats, reactor=reactor)
        if not isinstance(program, str) and not callable(program):
            raise ERR_INVALID_ARG_TYPE("program", ["string", "Function"], program)
        self.program = Program(program, listOf(args, "args"))
        self._ended_by_itself = ended
        self._life: Life | None = None

    # -- as every service -------------------------------------------------------------------

    def openAll(self) -> None:
        """Import the program and call it, with all that happens at once.

        Raises:
            CannotStart: It cannot be found, raises, rejects, or cannot listen.
        """
        life = Life(self._poller, self.program, self.counters, self.announce, self._has_ended)
        try:
            life.begin()
        except ProgramError as error:
            raise cannotStart(str(error), error.status) from error
        self._life = life
        if self._ended_by_itself is not None:
            self._poller.onUncaught = life.leaves

    def startService(self) -> None:
        """As every service; what the program gave back and is a service starts as well."""
        super().startService()
        assert self._life is not None
        self._life.start()

    def endAll(self, grace: float) -> Closing:
        """Close what the program gave back; cancel it where it has not come to that yet.

        Args:
            grace: Seconds that open connections get to finish.

        Returns:
            What fires when all is closed.
        """
        assert self._life is not None
        if self._ended_by_itself is not None:
            self._poller.onUncaught = None
        return self._life.end(grace)

    @property
    def listening(self) -> list[str]:
        """Where what the program gave back listens: ``['tcp 127.0.0.1:8124']``."""
        return [] if self._life is None else self._life.listening

    @property
    def ready(self) -> bool:
        """Whether the program has given back what it gives, and all of that serves."""
        return self._life is not None and self._life.ready

    # -- private ----------------------------------------------------------------------------

    def _has_ended(self, status: int) -> None:
        _log.info("{program} has ended", program=self.program.name)
        if self._ended_by_itself is not None:
            self._ended_by_itself(status)
