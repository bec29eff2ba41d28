"""Multicast as Twisted's protocols ask for it.

Law: what Twisted leaves to IPv4 works for both families; an address may be a name, an interface an
address, an index or a name.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from nodenet import dns
from nodenet.addresses import isIP
from nodenet.errors import systemError
from nodenet.loop import Poller
from nodenet.transports import udp_multicast as multicast


class MulticastGroups:
    """What `IMulticastTransport` has beyond `IUDPTransport`."""

    family: socket.AddressFamily
    _poller: Poller

    @property
    def addressFamily(self) -> socket.AddressFamily:
        """Twisted's name for the family."""
        return self.family

    def getHandle(self) -> socket.socket:
        """The socket."""
        raise NotImplementedError

    def getOutgoingInterface(self) -> str | int:
        """The interface multicast is sent on: an address (IPv4), an index (IPv6)."""
        skt = self.getHandle()
        if self.family == socket.AF_INET6:
            return skt.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF)
        return socket.inet_ntoa(skt.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, 4))

    def setOutgoingInterface(self, addr: str | int) -> Deferred[int]:
        """Send multicast on an interface.

        Returns:
            A Deferred of 1, or of 0 when the system refused.
        """
        done: Deferred[int] = Deferred()

        def found(error: BaseException | None, address: Any = None, family: Any = None) -> None:
            try:
                if error is not None:
                    raise error
                chosen = self._interface(address) or "0.0.0.0"
                multicast.setMulticastInterface(self.getHandle(), chosen)
            except OSError:
                done.callback(0)
            else:
                done.callback(1)

        if self.family == socket.AF_INET and isinstance(addr, str) and addr and not isIP(addr):
            dns.lookup(addr, 4, found, reactor=self._poller.reactor)
        else:
            found(None, addr)
        return done

    def getLoopbackMode(self) -> bool:
        return bool(multicast.getMulticastLoopback(self.getHandle()))

    def setLoopbackMode(self, mode: bool) -> None:
        multicast.setMulticastLoopback(self.getHandle(), bool(mode))

    def getTTL(self) -> int:
        return multicast.getMulticastTTL(self.getHandle())

    def setTTL(self, ttl: int) -> None:
        multicast.setMulticastTTL(self.getHandle(), ttl)

    def joinGroup(self, addr: str, interface: str | int = "") -> Deferred[None]:
        """Join a multicast group.

        Args:
            addr: The group, or a name of it.
            interface: IPv4: an address of the interface; IPv6: its index, its name, or an address
                with its zone.

        Returns:
            A Deferred that fails with `MulticastJoinError`.
        """
        return self._member("addMembership", addr, interface, True)

    def leaveGroup(self, addr: str, interface: str | int = "") -> Deferred[None]:
        """Leave a multicast group. As `joinGroup`."""
        return self._member("dropMembership", addr, interface, False)

    # -- private ----------------------------------------------------------------------------

    def _interface(self, given: str | int) -> str | None:
        """Twisted's ways to name an interface, as an address."""
        if given == "" or given == 0:
            return None if self.family == socket.AF_INET else "::"
        text = str(given)
        if self.family == socket.AF_INET or ":" in text:
            return text
        if not text.isdigit():
            try:
                socket.if_nametoindex(text)
            except OSError:
                raise OSError(errno.ENODEV, "no interface of this name") from None
        return f"::%{text}"

    def _member(self, call: str, group: str, interface: str | int, join: bool) -> Deferred[None]:
        done: Deferred[None] = Deferred()

        def found(error: BaseException | None, address: Any = None, family: Any = None) -> None:
            try:
                if error is not None:
                    raise error
                multicast.setMembership(self.getHandle(), address, self._interface(interface), join)
            except OSError as refused:
                done.errback(Failure(systemError(refused, call)))
            else:
                done.callback(None)

        if isIP(group):
            found(None, group)
        else:
            family = 6 if self.family == socket.AF_INET6 else 4
            dns.lookup(group, family, found, reactor=self._poller.reactor)
        return done
