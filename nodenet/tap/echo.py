"""``twistd nodenet echo``.

Law: that of `nodenet.tap`.
"""

from __future__ import annotations

from nodenet.services._operated import OperatedService
from nodenet.services.echo import DEFAULT_LISTEN, EchoService
from nodenet.tap._options import ENDPOINTS, SIGNALS, STATS, WORKERS, Ended, ListenOptions


class EchoOptions(ListenOptions):
    """The command line of ``twistd nodenet echo``."""

    command = "nodenet echo"
    synopsis = "[--listen ENDPOINT]... [--grace SECONDS] [--stats ENDPOINT] [--workers NUMBER]"
    longdesc = (
        "Send back what is received: byte for byte over TCP and Unix sockets, with "
        "backpressure; datagram for datagram over UDP. Says in the log what it listens on and "
        "when clients come and go."
    )
    epilogue = f"""{ENDPOINTS}
Without --listen it listens on this machine alone:
  {", ".join(DEFAULT_LISTEN)}

Examples:
  twistd -n nodenet echo --listen tcp:8124:interface=127.0.0.1 \\
                         --listen unix:/tmp/echo.sock
  nc 127.0.0.1 8124
  nc -U /tmp/echo.sock
{STATS}{WORKERS}{SIGNALS}"""

    def makeOne(self, ended: Ended, stats: str | None = None) -> OperatedService:
        """The service that this command line asks for."""
        return EchoService(self["listen"] or DEFAULT_LISTEN, grace=self["grace"], stats=stats)
