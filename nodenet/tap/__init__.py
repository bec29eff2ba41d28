"""``twistd nodenet ...``: the command lines of the services.

Law: whatever is wrong with a command line is one line on standard error and exit status 1;
nothing is opened here, for twistd has yet to fork.
"""

from __future__ import annotations

from typing import ClassVar

from twisted.application.service import IService
from twisted.python import usage

from nodenet.tap._options import LineOptions
from nodenet.tap.echo import EchoOptions
from nodenet.tap.relay import RelayOptions
from nodenet.tap.run import RunOptions


class Options(LineOptions):
    """The command line of ``twistd nodenet``."""

    synopsis = "SERVICE [options]"
    longdesc = "Socket services in the manner of Node.js. Each has its own --help."
    subCommands: ClassVar[list[list[object]]] = [
        ["echo", None, EchoOptions, "Send back what is received, over TCP, UDP and Unix sockets"],
        ["relay", None, RelayOptions, "Relay connections or datagrams to a target"],
        ["run", None, RunOptions, "Run a program of Node's kind: MODULE:CALLABLE"],
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
