"""Lets Twisted's own tests of transports run on nodenet's: a reactor with other methods.

Law: a test of Twisted's runs as it is, or is skipped with the reason why it does not apply.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ServiceNameUnknownError
from twisted.internet.test.reactormixins import ReactorBuilder
from twisted.trial.unittest import SkipTest

from nodenet.loop import pollerOf
from nodenet.transports import tcp, udp_port, unix
from nodenet.transports.address import rawAddress
from nodenet.transports.connector import Connector
from nodenet.transports.port import StreamPort
from nodenet.transports.tcp import TCPTransport
from nodenet.transports.udp_port import UDPPort
from nodenet.transports.unix import BoundPath, UNIXTransport

TIMEOUT = 60
"""Seconds that a test of Twisted's may take."""

REACTORS = [
    "twisted.internet.epollreactor.EPollReactor",
    "twisted.internet.selectreactor.SelectReactor",
    "twisted.internet.test.reactormixins.AsyncioSelectorReactor",
]


def listenTCP(
    reactor: Any, port: int, factory: Any, backlog: int = 50, interface: str = ""
) -> StreamPort:
    address = rawAddress(interface or "0.0.0.0", port)
    opener = partial(tcp.listen, address, backlog, ipv6Only=False, reusePort=False)
    return _started(StreamPort(pollerOf(reactor), factory, opener))


def connectTCP(
    reactor: Any,
    host: str,
    port: int | str,
    factory: Any,
    timeout: float = 30,
    bindAddress: Any = None,
) -> Connector:
    if isinstance(port, str):
        try:
            port = socket.getservbyname(port, "tcp")
        except OSError as error:
            raise ServiceNameUnknownError(string=f"{error} ({port!r})") from None
    poller = pollerOf(reactor)
    address = rawAddress(host, port)
    version6 = len(address) > 2

    def opener() -> TCPTransport:
        transport = TCPTransport.open(poller, socket.AF_INET6 if version6 else socket.AF_INET)
        if bindAddress is not None:
            transport.bind(rawAddress(*bindAddress))
        return transport

    destination = (IPv6Address if version6 else IPv4Address)("TCP", host, port)
    return _connecting(Connector(poller, factory, destination, address, opener, timeout))


def listenUNIX(
    reactor: Any,
    address: str,
    factory: Any,
    backlog: int = 50,
    mode: int = 0o666,
    wantPID: int = 0,
) -> StreamPort:
    paths: list[BoundPath] = []

    def opener() -> socket.socket:
        listening = unix.listen(address, backlog, mode=mode)
        paths.append(BoundPath(address))
        return listening

    return _started(
        StreamPort(pollerOf(reactor), factory, opener, closed=lambda: paths.pop().unlink())
    )


def connectUNIX(
    reactor: Any, address: str, factory: Any, timeout: float = 30, checkPID: int = 0
) -> Connector:
    poller = pollerOf(reactor)
    opener = partial(UNIXTransport.open, poller)
    return _connecting(Connector(poller, factory, UNIXAddress(address), address, opener, timeout))


def adoptStreamPort(reactor: Any, descriptor: int, family: int, factory: Any) -> StreamPort:
    return _started(
        StreamPort(pollerOf(reactor), factory, lambda: socket.socket(fileno=os.dup(descriptor)))
    )


def adoptStreamConnection(reactor: Any, descriptor: int, family: int, factory: Any) -> Any:
    kind = UNIXTransport if family == socket.AF_UNIX else TCPTransport
    transport = kind(pollerOf(reactor), socket.socket(fileno=os.dup(descriptor)))
    protocol = factory.buildProtocol(transport.getPeer())
    if protocol is None:
        transport.close()
        return None
    transport.run(protocol)
    return transport


def listenUDP(
    reactor: Any, port: int, protocol: Any, interface: str = "", maxPacketSize: int = 8192
) -> UDPPort:
    return udp_port.listenUDP(port, protocol, interface, maxPacketSize, reactor=reactor)


def listenMulticast(
    reactor: Any,
    port: int,
    protocol: Any,
    interface: str = "",
    maxPacketSize: int = 8192,
    listenMultiple: bool = False,
) -> UDPPort:
    return udp_port.listenUDP(
        port,
        protocol,
        interface,
        maxPacketSize,
        reactor=reactor,
        reuseAddr=listenMultiple,
        reusePort=listenMultiple,
    )


def adoptDatagramPort(
    reactor: Any, descriptor: int, family: int, protocol: Any, maxPacketSize: int = 8192
) -> UDPPort:
    bound = socket.socket(fileno=os.dup(descriptor))
    port = UDPPort(protocol, 0, bound=bound, reactor=reactor)
    port.startListening()
    return port


DATAGRAM_METHODS: tuple[Callable[..., Any], ...] = (listenUDP, listenMulticast, adoptDatagramPort)
METHODS: tuple[Callable[..., Any], ...] = (
    listenTCP,
    connectTCP,
    listenUNIX,
    connectUNIX,
    adoptStreamPort,
    adoptStreamConnection,
)


class OnNodenet(ReactorBuilder):
    """Builds reactors whose sockets are nodenet's."""

    _reactors = REACTORS
    timeout = TIMEOUT

    def buildReactor(self) -> Any:
        reactor = super().buildReactor()
        for method in (*METHODS, *DATAGRAM_METHODS):
            setattr(reactor, method.__name__, partial(method, reactor))
        return reactor


def applied(base: type, reasons: Mapping[str, str]) -> dict[str, type]:
    """The test cases of `base` on nodenet, one for each reactor; see `casesOf`."""
    return casesOf(type(base.__name__.removesuffix("Builder"), (OnNodenet, base), {}), reasons)


def casesOf(builder: Any, reasons: Mapping[str, str]) -> dict[str, type]:
    """The test cases of a `ReactorBuilder`, one for each reactor.

    Args:
        reasons: The tests that do not apply, and why; ``'Reactor.test'`` names one reactor's.
    """
    cases: dict[str, type] = builder.makeTestCaseClasses()
    for key, reason in reasons.items():
        reactor, _, name = key.rpartition(".")
        for title, case in cases.items():
            if reactor in title and hasattr(case, name):
                setattr(case, name, _skipping(reason))
    return cases


def _skipping(reason: str) -> Callable[[Any], None]:
    def test(self: Any) -> None:
        raise SkipTest(reason)

    return test


def _started(port: StreamPort) -> StreamPort:
    port.startListening()
    return port


def _connecting(connector: Connector) -> Connector:
    connector.connect()
    return connector
