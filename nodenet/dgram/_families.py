"""What differs between the types of sockets: what an address is.

Law: everything else of a socket is the same for all of them.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nodenet import dns
from nodenet.addresses import isIP
from nodenet.dgram._addresses import AddressInfo, RemoteInfo, Senders, addressInfo
from nodenet.dgram._arguments import given, uint32
from nodenet.options import checkPort, checkString
from nodenet.transports.udp import UDPDescriptor
from nodenet.transports.udp_address import Destination, destination
from nodenet.transports.unix_datagram import UNIXDatagramDescriptor, pathDestination

if TYPE_CHECKING:
    from nodenet.loop import Poller
    from nodenet.transports.udp import Receiver

Found = Callable[..., object]


class Internet:
    """UDP over one version of IP.

    Args:
        number: ``AF_INET`` or ``AF_INET6``.
        anywhere: The address of all interfaces.
        here: The address of this host.
    """

    shared = True
    """Whether the workers of a cluster share what is bound."""

    def __init__(self, number: socket.AddressFamily, anywhere: str, here: str) -> None:
        self.number = number
        self.anywhere = anywhere
        self.here = here

    def open(self, poller: Poller, skt: socket.socket | None, receiver: Receiver) -> UDPDescriptor:
        """A descriptor for `skt`, or for a new one."""
        return UDPDescriptor(poller, skt or socket.socket(self.number, socket.SOCK_DGRAM), receiver)

    def closedSocket(self) -> socket.socket:
        """One that refuses everything in the kernel's words."""
        with socket.socket(self.number, socket.SOCK_DGRAM) as closed:
            pass
        return closed

    def senders(self) -> Senders:
        """What tells who has sent something."""
        return Senders()

    def peer(self, port: Any, address: Any) -> tuple[int, str]:
        """What is written of a peer: a port and an address, empty for this host.

        Raises:
            ERR_SOCKET_BAD_PORT, ERR_INVALID_ARG_TYPE: It makes no sense.
        """
        port = checkPort(port, "Port", allowZero=False)
        return port, "" if address is None else checkString(address, "address")

    def place(self, port: Any, address: Any) -> tuple[int, str]:
        """What is written of where to bind. As in Node, a port that makes no sense is 0.

        Raises:
            ERR_INVALID_ARG_TYPE: The address is no text.
        """
        host = checkString(address, "hostname") if given(address) else ""
        return uint32(port) & 0xFFFF, host

    def lookUp(self, lookup: Found | None, host: str, found: Found, poller: Poller) -> None:
        """Have ``found(error, address, family)`` called; later, unless `lookup` hurries."""
        family = 4 if self.number == socket.AF_INET else 6
        if lookup is not None:
            lookup(host, family, found)
        else:
            dns.lookup(host, family, found, reactor=poller.reactor)

    def isNumeric(self, host: str) -> bool:
        """Whether `host` needs no look-up."""
        return bool(isIP(host))

    def pack(self, numeric: str, port: int, written: str | None = None) -> Destination:
        """The packed form of an address; `written` is what errors show.

        Raises:
            OSError: It is none of this family.
        """
        return destination(numeric, port, self.number, written)

    def info(self, raw: Any) -> AddressInfo | str:
        """What ``address()`` returns."""
        return addressInfo(raw)


class Local(Internet):
    """Datagrams between the processes of one host: addresses are paths."""

    shared = False

    def __init__(self) -> None:
        super().__init__(socket.AF_UNIX, "", "")

    def open(self, poller: Poller, skt: socket.socket | None, receiver: Receiver) -> UDPDescriptor:
        if skt is None:
            skt = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        return UNIXDatagramDescriptor(poller, skt, receiver)

    def senders(self) -> Senders:
        return LocalSenders()

    def peer(self, port: Any, address: Any) -> tuple[int, str]:
        return 0, checkString(address if port is None else port, "path")

    def place(self, port: Any, address: Any) -> tuple[int, str]:
        return 0, checkString(port or address or "", "path")

    def lookUp(self, lookup: Found | None, host: str, found: Found, poller: Poller) -> None:
        poller.nextTick(found, None, host)  # a path is what it is

    def isNumeric(self, host: str) -> bool:
        return True

    def pack(self, numeric: str, port: int, written: str | None = None) -> Destination:
        return pathDestination(numeric)

    def info(self, raw: Any) -> AddressInfo | str:
        path: str = raw[0]
        return path


class LocalSenders(Senders):
    """Senders by their paths; one that is not bound has none."""

    def describe(self, source: Any, size: int) -> RemoteInfo:
        path = source.decode(errors="surrogateescape") if isinstance(source, bytes) else source
        return RemoteInfo(path or "", "Unix", 0, size)


FAMILIES = {
    "udp4": Internet(socket.AF_INET, "0.0.0.0", "127.0.0.1"),
    "udp6": Internet(socket.AF_INET6, "::", "::1"),
    "unix_dgram": Local(),
}
