"""What the command lines of the services share.

Law: whatever is wrong with a command line is one line on standard error and exit status 1;
nothing is opened here, for twistd has yet to fork.
"""

from __future__ import annotations

import math
import sys
import textwrap
from collections.abc import Callable, Sequence
from platform import python_version
from typing import Final

import twisted
from twisted.application.service import IService
from twisted.python import usage

from nodenet import __version__
from nodenet.endpoints import (
    Endpoint,
    EndpointStringError,
    TCPServerEndpoint,
    UDPServerEndpoint,
    UNIXServerEndpoint,
    parse,
)
from nodenet.services._operated import OperatedService, statsEndpoint
from nodenet.services.workers import WorkersService, cores
from nodenet.tap._exit import THIS_PROCESS

Ended = Callable[[int], object]

_MOST_WORKERS: Final = 1024  # processes; more is a slip of the finger


class LineOptions(usage.Options):
    """Options of twistd's kind that end the program with one line where they are wrong."""

    command = "nodenet"
    synopsis = ""
    epilogue = ""
    words: Sequence[str] = ()
    """What was given behind the command."""

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read the command line; a mistake in it ends the program."""
        self.words = list(options or ())
        try:
            usage.Options.parseOptions(self, options)
        except usage.UsageError as error:
            sys.exit(f"twistd {self.command}: {error} (see: twistd {self.command} --help)")

    def opt_version(self) -> None:
        """Say which versions of nodenet, Twisted and Python these are, and end"""
        versions = f"Twisted {twisted.__version__}, Python {python_version()}"
        sys.stdout.write(f"nodenet {__version__}, {versions}\n")
        sys.exit(0)

    def getSynopsis(self) -> str:
        """The first line of the help text."""
        return f"Usage: twistd [options of twistd] {self.command} {self.synopsis}"

    def getUsage(self, width: int | None = None) -> str:
        """The help text."""
        return super().getUsage(width) + self.epilogue


class ServiceOptions(LineOptions):
    """What every service takes."""

    def __init__(self) -> None:
        usage.Options.__init__(self)
        self["grace"] = 5.0
        self["stats"] = None
        self["workers"] = None
        self._service: OperatedService | None = None

    def opt_grace(self, seconds: str) -> None:
        """How many seconds open connections get to finish when the service stops [default: 5]"""
        self["grace"] = secondsOf("--grace", seconds)

    def opt_stats(self, endpoint: str) -> None:
        """Where to show the counters over HTTP; a port alone is one of this machine alone"""
        try:
            statsEndpoint(endpoint)
        except EndpointStringError as error:
            raise usage.UsageError(f"--stats {error}") from None
        self["stats"] = endpoint

    def opt_workers(self, number: str) -> None:
        """How many processes share the work, or auto: one for each core [default: no others]"""
        digits = number.isascii() and number.isdecimal()
        count = cores() if number == "auto" else int(number) if digits else 0
        if not 1 <= count <= _MOST_WORKERS:
            raise usage.UsageError(
                f"--workers takes a number, 1 to {_MOST_WORKERS}, or auto, not {number!r}"
            )
        self["workers"] = count

    def postOptions(self) -> None:
        """Refuse what does not go together: by making the service, which opens nothing yet."""
        try:
            one = self.makeOne(THIS_PROCESS.end, self["stats"])
            self._service = one if self["workers"] is None else self._shared(one)
        except ValueError as error:
            raise usage.UsageError(str(error)) from None

    def makeService(self) -> IService:
        """The service that this command line asks for."""
        assert self._service is not None
        return self._service

    def makeOne(self, ended: Ended, stats: str | None = None) -> OperatedService:
        """The service, or a worker's part of it.

        Args:
            ended: To be called with an exit status when it has come to its end by itself.
            stats: Where it shows its counters.
        """
        raise NotImplementedError

    def _shared(self, one: OperatedService) -> WorkersService:
        """The work of `one`, shared by several processes."""
        return WorkersService(
            [self.command.rpartition(" ")[2], *self.words],
            self["workers"],
            listen=getattr(one, "endpoints", ()),
            grace=self["grace"],
            stats=self["stats"],
            ended=THIS_PROCESS.end,
        )


class ListenOptions(ServiceOptions):
    """What the services take that listen."""

    def __init__(self) -> None:
        super().__init__()
        self["listen"] = []

    def opt_listen(self, endpoint: str) -> None:
        """Where to listen; may be given several times"""
        try:
            parse(endpoint)
        except EndpointStringError as error:
            raise usage.UsageError(f"--listen {error}") from None
        self["listen"].append(endpoint)


def secondsOf(option: str, text: str) -> float:
    """The number of seconds that an option was given.

    Raises:
        usage.UsageError: It is none.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise usage.UsageError(f"{option} takes a number of seconds, 0 or more, not {text!r}")
    return seconds


def _listed(endpoint: type[Endpoint]) -> str:
    """The further arguments of a kind of endpoint, as a paragraph."""
    kind = endpoint.arguments.kind
    text = ", ".join(endpoint.arguments.names)
    return textwrap.fill(text, 80, initial_indent=f"  {kind:6}", subsequent_indent=" " * 8)


ENDPOINTS = f"""
Endpoints:
  tcp:PORT[:interface=ADDRESS]   TCP; port 0 takes a free one, which the log names
  udp:PORT[:interface=ADDRESS]   UDP
  unix:PATH[:mode=660]           a Unix socket; unix:@NAME is an abstract one

Each takes more, as :NAME=VALUE with the names of Node's options:
{_listed(TCPServerEndpoint)}
{_listed(UDPServerEndpoint)}
{_listed(UNIXServerEndpoint)}
A colon inside a value is written '\\:', as in 'tcp:8124:interface=\\:\\:1'.
"""
"""The part of a help text that says what can be listened on."""

SIGNALS = """
SIGINT and SIGTERM stop it: nobody new is accepted, and open connections get to
finish, for --grace seconds at most. A second signal does not wait.
SIGUSR1 has it say its counters in the log. (twistd also begins a new log file
then, where it writes one.)
"""
"""The part that says what signals do."""

WORKERS = """
Workers: with --workers 4, or --workers auto, so many processes share the
connections, each getting its turn. One that crashes is started again; SIGHUP
replaces them one by one, and no client is refused meanwhile.
"""
"""The part that says what --workers does."""

STATS = """
Counters: with --stats 9100, or --stats tcp:9100:interface=192.0.2.1, or
--stats unix:/run/echo.stats, it answers over HTTP:
  /metrics      for Prometheus
  /stats.json   the same as JSON
  /health       200 while it serves, 503 before and while it stops
Whoever reaches that endpoint can read this, so a port alone means 127.0.0.1.
"""
"""The part that says what --stats does."""
