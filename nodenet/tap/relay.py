"""``twistd nodenet relay``.

Law: that of `nodenet.tap`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.python import usage

from nodenet.endpoints import EndpointStringError, UDPServerEndpoint
from nodenet.services._operated import OperatedService
from nodenet.services._relay_endpoints import connectEndpoint, listenEndpoint
from nodenet.services._relay_settings import (
    DEFAULT_CONNECT,
    DEFAULT_IDLE,
    DEFAULT_LIMIT,
    DEFAULT_SESSION_IDLE,
)
from nodenet.services.relay import RelayService
from nodenet.services.workers import WorkersService
from nodenet.tap._options import (
    ENDPOINTS,
    SIGNALS,
    STATS,
    WORKERS,
    Ended,
    ServiceOptions,
    secondsOf,
)


class RelayOptions(ServiceOptions):
    """The command line of ``twistd nodenet relay``."""

    command = "nodenet relay"
    synopsis = "--listen ENDPOINT [--listen ENDPOINT]... --connect ENDPOINT [options]"
    longdesc = (
        "Relay connections to a target, byte for byte in both directions, no faster than the "
        "other side takes them; or datagrams, with a session for each client. Says in the log "
        "how each connection went: bytes both ways, how long, and why it ended."
    )
    epilogue = f"""{ENDPOINTS}
--listen also takes what Twisted knows: haproxy:tcp:80, and what plugins add.

Targets:
  tcp:HOST:PORT[:localAddress=ADDRESS]   TCP
  unix:PATH                              a Unix socket
  tls:HOST:PORT                          TLS, with the certificate of HOST checked
  udp:HOST:PORT                          UDP; --listen has to be udp: then, too

Lists hold addresses, ranges A-B and subnets A/N, between commas or, in a file,
one a line: --block 10.0.0.0/8,192.0.2.7 or --block @/etc/relay.blocked. A # begins
a remark. They are about IP addresses; clients of a Unix socket have none.

Examples:
  A web server on a Unix socket, for this network only:
    twistd -n nodenet relay --listen tcp:80 --connect unix:/run/web.sock \\
                            --allow 192.168.0.0/16 --proxy-protocol 2
  TLS in front of a plain service:
    twistd -n nodenet relay --connect tcp:127.0.0.1:8080 \\
        --listen ssl:443:privateKey=/etc/key.pem:certKey=/etc/cert.pem
  A name server elsewhere:
    twistd -n nodenet relay --listen udp:53 --connect udp:192.0.2.1:53
{STATS}{WORKERS}{SIGNALS}SIGHUP has it read the files of its lists again. Who is not let in any
more is cut off; a file with an error is named in the log and changes nothing.
"""

    def __init__(self) -> None:
        super().__init__()
        self._listen: list[str] = []
        self._given: dict[str, Any] = {"block": [], "allow": []}

    def opt_listen(self, endpoint: str) -> None:
        """Where to listen; may be given several times"""
        _try("--listen", endpoint, listenEndpoint)
        self._listen.append(endpoint)

    def opt_connect(self, endpoint: str) -> None:
        """The target: what to relay to"""
        _try("--connect", endpoint, connectEndpoint)
        self["connect"] = endpoint

    def opt_block(self, list: str) -> None:
        """Addresses that are not let in, or @FILE; may be given several times"""
        self._given["block"].append(list)

    def opt_allow(self, list: str) -> None:
        """Addresses that are let in, and nobody else; or @FILE; may be given several times"""
        self._given["allow"].append(list)

    def opt_max_connections(self, number: str) -> None:
        self._given["maxConnections"] = _integer("--max-connections", number)

    def opt_connect_timeout(self, seconds: str) -> None:
        self._given["connectTimeout"] = secondsOf("--connect-timeout", seconds)

    def opt_idle_timeout(self, seconds: str) -> None:
        self._given["idleTimeout"] = secondsOf("--idle-timeout", seconds)

    def opt_time_limit(self, seconds: str) -> None:
        """How many seconds a connection may last; 0 is for ever [default: 0]"""
        self._given["timeLimit"] = secondsOf("--time-limit", seconds)

    def opt_proxy_protocol(self, version: str) -> None:
        """Tell the target who the client is, with a header of version 1 or 2"""
        self._given["proxyProtocol"] = _integer("--proxy-protocol", version)

    opt_max_connections.__doc__ = (
        f"How many connections there may be at a time, for each --listen, or UDP sessions in all "
        f"[default: {DEFAULT_LIMIT}, or fewer where the limit of open files says so]"
    )
    opt_connect_timeout.__doc__ = (
        f"How many seconds the target has to answer; its endpoint's own timeout= counts, too, and "
        f"alone if this is 0 [default: {DEFAULT_CONNECT:g}]"
    )
    opt_idle_timeout.__doc__ = (
        f"How many seconds nothing may come either way; 0, for connections, is no limit "
        f"[default: {DEFAULT_IDLE:g}; {DEFAULT_SESSION_IDLE:g} for UDP sessions]"
    )

    def postOptions(self) -> None:
        """Refuse what does not go together: by making the service, which opens nothing yet."""
        if not self._listen:
            raise usage.UsageError("say where to listen: --listen ENDPOINT")
        if "connect" not in self:
            raise usage.UsageError("say what to relay to: --connect ENDPOINT")
        super().postOptions()

    def _shared(self, one: OperatedService) -> WorkersService:
        for endpoint in getattr(one, "endpoints", ()):
            if isinstance(endpoint, UDPServerEndpoint) and not endpoint.options.get("reusePort"):
                # Only then the kernel gives all datagrams of a client to the same one.
                raise usage.UsageError(
                    f"a session of datagrams belongs to one process: --workers takes a socket for "
                    f"each, {endpoint}:reusePort=yes"
                )
        return super()._shared(one)

    def makeOne(self, ended: Ended, stats: str | None = None) -> OperatedService:
        """The service that this command line asks for."""
        return RelayService(
            self._listen, self["connect"], **self._given, grace=self["grace"], stats=stats
        )


def _try(option: str, text: str, read: Callable[[str, Any], object]) -> None:
    try:
        read(text, None)
    except EndpointStringError as error:
        raise usage.UsageError(f"{option} {error}") from None


def _integer(option: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise usage.UsageError(f"{option} takes a number, not {text!r}") from None
