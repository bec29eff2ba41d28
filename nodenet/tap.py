"""``twistd nodenet ...``: the command lines of the services.

Law: whatever is wrong with a command line is one line on standard error and exit status 1;
nothing is opened here, for twistd has yet to fork.
"""

from __future__ import annotations

import math
import sys
import textwrap
from collections.abc import Sequence
from typing import ClassVar

from twisted.application.service import IService
from twisted.python import usage

from nodenet.endpoints import (
    Endpoint,
    EndpointStringError,
    TCPServerEndpoint,
    UDPServerEndpoint,
    UNIXServerEndpoint,
    parse,
)
from nodenet.services.echo import DEFAULT_LISTEN, EchoService


class _Options(usage.Options):
    """Options of twistd's kind that end the program with one line where they are wrong."""

    command = "nodenet"
    synopsis = ""
    epilogue = ""

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read the command line; a mistake in it ends the program."""
        try:
            usage.Options.parseOptions(self, options)
        except usage.UsageError as error:
            sys.exit(f"twistd {self.command}: {error} (see: twistd {self.command} --help)")

    def getSynopsis(self) -> str:
        """The first line of the help text."""
        return f"Usage: twistd [options of twistd] {self.command} {self.synopsis}"

    def getUsage(self, width: int | None = None) -> str:
        """The help text."""
        return super().getUsage(width) + self.epilogue


def _listed(endpoint: type[Endpoint]) -> str:
    """The further arguments of a kind of endpoint, as a paragraph."""
    kind = endpoint.arguments.kind
    text = ", ".join(endpoint.arguments.names)
    return textwrap.fill(text, 80, initial_indent=f"  {kind:6}", subsequent_indent=" " * 8)


class EchoOptions(_Options):
    """The command line of ``twistd nodenet echo``."""

    command = "nodenet echo"
    synopsis = "[--listen ENDPOINT]... [--grace SECONDS]"
    longdesc = (
        "Send back what is received: byte for byte over TCP and Unix sockets, with "
        "backpressure; datagram for datagram over UDP. Says in the log what it listens on and "
        "when clients come and go."
    )
    epilogue = f"""
Endpoints:
  tcp:PORT[:interface=ADDRESS]   TCP; port 0 takes a free one, which the log names
  udp:PORT[:interface=ADDRESS]   UDP
  unix:PATH[:mode=660]           a Unix socket; unix:@NAME is an abstract one

Each takes more, as :NAME=VALUE with the names of Node's options:
{_listed(TCPServerEndpoint)}
{_listed(UDPServerEndpoint)}
{_listed(UNIXServerEndpoint)}
A colon inside a value is written '\\:', as in 'tcp:8124:interface=\\:\\:1'.

Without --listen it listens on this machine alone:
  {", ".join(DEFAULT_LISTEN)}

Examples:
  twistd -n nodenet echo --listen tcp:8124:interface=127.0.0.1 \\
                         --listen unix:/tmp/echo.sock
  nc 127.0.0.1 8124
  nc -U /tmp/echo.sock

SIGINT and SIGTERM stop it: nobody new is accepted, and open connections get back
what they have sent, for --grace seconds at most. A second signal does not wait.
"""

    def __init__(self) -> None:
        usage.Options.__init__(self)
        self["listen"] = []
        self["grace"] = 5.0

    def opt_listen(self, endpoint: str) -> None:
        """Where to listen; may be given several times"""
        try:
            parse(endpoint)
        except EndpointStringError as error:
            raise usage.UsageError(f"--listen {error}") from None
        self["listen"].append(endpoint)

    def opt_grace(self, seconds: str) -> None:
        """How many seconds open connections get to finish when the service stops [default: 5]"""
        self["grace"] = _seconds("--grace", seconds)

    def makeService(self) -> IService:
        """The service that this command line asks for."""
        return EchoService(self["listen"] or DEFAULT_LISTEN, grace=self["grace"])


class Options(_Options):
    """The command line of ``twistd nodenet``."""

    synopsis = "SERVICE [options]"
    longdesc = "Socket services in the manner of Node.js. Each has its own --help."
    subCommands: ClassVar[list[list[object]]] = [
        ["echo", None, EchoOptions, "Send back what is received, over TCP, UDP and Unix sockets"],
    ]
    epilogue = """
Example:
  twistd -n nodenet echo --listen tcp:8124:interface=127.0.0.1
"""

    def postOptions(self) -> None:
        """Refuse a command line without a service."""
        if self.subCommand is None:
            names = ", ".join(str(command[0]) for command in self.subCommands)
            raise usage.UsageError(f"say which service to run: {names}")


def makeService(options: Options) -> IService:
    """The service that a command line asks for; called by twistd."""
    service: IService = options.subOptions.makeService()
    return service


def _seconds(option: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise usage.UsageError(f"{option} takes a number of seconds, 0 or more, not {text!r}")
    return seconds
