"""nodenet's sockets and Twisted's ports on a fake network.

Law: only the kernel's socket below them is another one; everything else is the real thing.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nodenet import dgram
from nodenet.dgram._families import FAMILIES, Internet
from nodenet.errors import ERR_SOCKET_BAD_TYPE, lookupError
from nodenet.testing._datagrams import DatagramSocket
from nodenet.testing._places import oserror
from nodenet.transports.udp import Receiver, UDPDescriptor
from nodenet.transports.udp_port import UDPPort

if TYPE_CHECKING:
    from nodenet.loop import Poller
    from nodenet.testing._kernel import Kernel


class HostDescriptor(UDPDescriptor):
    """A descriptor without a number: it reads and sends one by one."""

    def __init__(self, kernel: Kernel, skt: Any, receiver: Receiver) -> None:
        poller: Any = kernel.wire.poller
        super().__init__(poller, skt, receiver)
        self.kernel = kernel
        self._read_singly()

    def disconnect(self) -> None:
        self.queue.flush()
        self._socket.disconnect()  # type: ignore[attr-defined]  # one of ours
        self.queue.turn(connected=False)

    def _choose_outbox(self) -> None:
        """Nothing takes several datagrams at once."""


class HostFamily(Internet):
    """UDP over one version of IP, between the hosts of a fake network.

    Args:
        kernel: Of the host whose sockets these are.
        family: The family of real sockets.
    """

    def __init__(self, kernel: Kernel, family: Internet) -> None:
        super().__init__(family.number, family.anywhere, family.here)
        self._kernel = kernel

    def open(self, poller: Poller, skt: socket.socket | None, receiver: Receiver) -> UDPDescriptor:
        if skt is not None:
            skt.close()
            raise oserror(errno.ENOTSUP)  # a real socket is not of this network
        return HostDescriptor(self._kernel, DatagramSocket(self._kernel, self.number), receiver)

    def lookUp(
        self,
        lookup: Callable[..., object] | None,
        host: str,
        found: Callable[..., object],
        poller: Poller,
    ) -> None:
        """Nobody is asked: there are addresses, and ``localhost``."""
        if lookup is not None:
            super().lookUp(lookup, host, found, poller)
        elif host == "localhost":
            poller.nextTick(found, None, self.here)
        elif self.isNumeric(host):
            poller.nextTick(found, None, host)
        else:
            poller.nextTick(found, lookupError("ENOTFOUND", host))


class HostSocket(dgram.Socket):
    """A `dgram.Socket` of a host: `Host.createSocket` makes it."""

    def __init__(
        self, kernel: Kernel, type: Any, listener: Callable[..., object] | None, **keywords: Any
    ) -> None:
        super().__init__(type, listener, reactor=kernel.wire.poller.reactor, **keywords)
        family = FAMILIES[self.type]
        if family.number not in (socket.AF_INET, socket.AF_INET6):
            raise ERR_SOCKET_BAD_TYPE
        self._family = HostFamily(kernel, family)


class HostPort(UDPPort):
    """A Twisted UDP port of a host: `Host.listenUDP` makes it."""

    def __init__(
        self, kernel: Kernel, protocol: Any, port: int, interface: str, **options: Any
    ) -> None:
        super().__init__(protocol, port, interface, reactor=kernel.wire.poller.reactor, **options)
        self._kernel = kernel

    def _new_socket(self) -> socket.socket:
        made: Any = DatagramSocket(self._kernel, self.family)
        as_good_as_one: socket.socket = made
        return as_good_as_one

    def _new_descriptor(self, skt: socket.socket) -> UDPDescriptor:
        return HostDescriptor(self._kernel, skt, self)
