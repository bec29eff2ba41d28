"""A worker of a service: ``python -m nodenet.tap.worker echo --listen ...``, started by a primary.

Law: it serves what the command line says, as one process, and nothing else of it: the primary has
the counters' port. It ends when the primary asks it to, or is gone; the signals of a terminal are
the primary's.
"""

from __future__ import annotations

import sys
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogBeginner
from twisted.python.failure import Failure
from zope.interface import implementer

from nodenet import cluster
from nodenet.loop import pollerOf
from nodenet.services._member import COUNT, COUNTED, LEAVING, LEVELS, READY
from nodenet.services._operated import OperatedService
from nodenet.services._signals import ignoreOfPrimary
from nodenet.tap import Options

_LEVELS: Final = {level: f"<{number}>" for number, level in LEVELS.items()}


@implementer(ILogObserver)
def log(event: LogEvent) -> None:
    """Write a line for the primary's log, with its level; not of what every process does."""
    if event["log_namespace"] == "twisted.internet.base" and event["log_level"] is LogLevel.info:
        return
    text = formatEvent(event)
    failure = event.get("log_failure")
    if failure is not None:
        text += "\n" + failure.getTraceback()
    level = _LEVELS.get(event["log_level"], "<6>")
    sys.__stdout__.write("".join(f"{level}{line}\n" for line in text.splitlines()))  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


class Serving:
    """A service, and the primary that hears of it.

    Attributes:
        status: What to exit with.
    """

    def __init__(self, reactor: Any) -> None:
        self.status = 0
        self._reactor = reactor
        pollerOf(reactor)  # opens the channel
        self._channel: Any = cluster.worker.process.channel
        self._channel.unref()  # a program that comes to its end is not kept from it

    def begin(self, service: OperatedService) -> None:
        """Serve.

        Raises:
            CannotStart: The service cannot.
        """
        self._service = service
        cluster.worker.closing = self._end
        self._channel.serve(COUNT, self._count)
        service.announces = False
        service.privilegedStartService()
        service.startService()
        service.whenReady().addCallbacks(self._is_ready, self._is_not_ready)
        self._reactor.addSystemEventTrigger("before", "shutdown", self._end)

    def ended(self, status: int) -> None:
        """The program has come to its end by itself."""
        self.status = status
        if self._reactor.running:
            self._reactor.stop()

    def _is_ready(self, _: None) -> None:
        self._channel.tell({"act": READY, "listening": self._service.listening})

    def _is_not_ready(self, failure: Failure) -> None:
        self.ended(1)

    def _count(self, query: object, _: object) -> tuple[dict[str, Any], None]:
        return {"export": self._service.counters.export()}, None

    def _end(self) -> Deferred[Any]:
        if self._channel.connected:
            self._channel.tell({"act": LEAVING})
        return self._service.stopService().addCallback(self._has_ended)

    def _has_ended(self, _: object) -> None:
        if self._channel.connected:
            self._channel.tell({"act": COUNTED, "export": self._service.counters.export()})


def main() -> None:
    """Serve until the end."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a line is for the log
    globalLogBeginner.beginLoggingTo([log], redirectStandardIO=False)
    ignoreOfPrimary()
    options: Any = Options()  # type: ignore[no-untyped-call]
    options.parseOptions(sys.argv[1:])
    from twisted.internet import reactor

    serving = Serving(reactor)
    serving.begin(options.subOptions.makeOne(serving.ended))
    running: Any = reactor
    running.run()
    ending = getattr(reactor, "_exitSignal", None)
    if ending is not None:
        cluster.worker._note_signal(ending)
    sys.exit(serving.status)


if __name__ == "__main__":
    main()
