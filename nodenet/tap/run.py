"""``twistd nodenet run``.

Law: that of `nodenet.tap`; the program is imported when the service starts, and not before.
"""

from __future__ import annotations

from twisted.python import usage

from nodenet.services._operated import OperatedService
from nodenet.services._program import Program, ProgramError
from nodenet.services.run import RunService
from nodenet.tap._options import SIGNALS, STATS, WORKERS, Ended, ServiceOptions


class RunOptions(ServiceOptions):
    """The command line of ``twistd nodenet run``."""

    command = "nodenet run"
    synopsis = (
        "[--grace SECONDS] [--stats ENDPOINT] [--workers NUMBER] MODULE:CALLABLE [ARGUMENT]..."
    )
    longdesc = (
        "Run a program that opens servers in the manner of Node.js. MODULE is imported as "
        "'python -m' does, from the current directory too; CALLABLE is called with the ARGUMENTs, "
        "all of them text, and gives back what it has opened."
    )
    epilogue = f"""
What CALLABLE may give back: a net.Server, a dgram.Socket, a service or a port
of Twisted's, anything else with a close(), a coroutine or Deferred of these, a
list of them, or nothing. That is closed when the service stops, and counted if
it is nodenet's.
The service ends when nothing of the program is open any more.

It is called before twistd gives up privileges (--uid, --gid), so that it may
listen on any port. With a host name instead of an address that is too late.

Example: chat.py holds
  def main(port):
      return net.createServer(serve).listen(int(port), "127.0.0.1")
and is run by
  twistd -n nodenet run --grace 30 chat:main 8124
{STATS}{WORKERS}{SIGNALS}"""

    def parseArgs(self, target: str = "", *arguments: str) -> None:
        """What to run, and what to hand to it."""
        try:
            Program(target)
        except ProgramError as error:
            raise usage.UsageError(str(error)) from None
        self["target"] = target
        self["arguments"] = arguments

    def makeOne(self, ended: Ended, stats: str | None = None) -> OperatedService:
        """The service that this command line asks for."""
        how = {"grace": self["grace"], "stats": stats, "ended": ended}
        return RunService(self["target"], self["arguments"], **how)
