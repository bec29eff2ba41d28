"""Two sockets, or two transports, joined in memory.

Law: both ends behave as over TCP, as far as nodenet or its user could tell.
"""

from __future__ import annotations

from typing import Any

from nodenet import net
from nodenet.loop import pollerOf
from nodenet.options import checkInteger, checkNumber
from nodenet.testing._poller import MemoryPoller
from nodenet.testing.memory import Faults, MemorySocket
from nodenet.transports.tcp import TCPTransport

_NONE = Faults()


def transportPair(
    *,
    delay: float = 0,
    capacity: int = 65_536,
    faults: tuple[Faults, Faults] = (_NONE, _NONE),
    clock: Any = None,
    reactor: Any = None,
) -> tuple[TCPTransport, TCPTransport]:
    """Join two transports in memory; ``transport.run(protocol)`` starts a Twisted protocol on one.

    Args:
        delay: Seconds that everything takes from one end to the other.
        capacity: Bytes that one end may send before the other has received them.
        faults: What goes wrong at the first end, and at the second.
        clock: What measures `delay`, such as `twisted.internet.task.Clock`; the reactor when left
            out.
        reactor: The Twisted reactor; the global one when left out.

    Returns:
        The two ends.

    Raises:
        ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE: `delay` or `capacity` is no such number.
    """
    delay = checkNumber(delay, "delay", 0)
    capacity = checkInteger(capacity, "capacity", 1)
    real = pollerOf(reactor)
    time = real.reactor if clock is None else clock
    sockets = [MemorySocket(capacity, delay, time, fault) for fault in faults]
    sockets[0].peer, sockets[1].peer = sockets[1], sockets[0]
    poller: Any = MemoryPoller(real)
    for end in sockets:
        end.turn = poller.turn
    ends: list[Any] = sockets
    return TCPTransport(poller, ends[0]), TCPTransport(poller, ends[1])


def socketPair(
    *,
    delay: float = 0,
    capacity: int = 65_536,
    faults: tuple[Faults, Faults] = (_NONE, _NONE),
    clock: Any = None,
    reactor: Any = None,
    **options: Any,
) -> tuple[net.Socket, net.Socket]:
    """Join two `net.Socket` in memory: no port, no kernel, the same every time.

    ``end()`` sends a FIN and ``resetAndDestroy()`` a reset, as over TCP.

    Args:
        delay: Seconds that everything takes from one end to the other.
        capacity: Bytes that one end may send before the other has received them.
        faults: What goes wrong at the first end, and at the second.
        clock: What measures `delay`; the reactor when left out.
        reactor: The Twisted reactor; the global one when left out.
        options: Options of both sockets, such as ``allowHalfOpen``.

    Returns:
        The two sockets; they are open.

    Raises:
        ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE: `delay` or `capacity` is no such number.
    """
    ends = transportPair(
        delay=delay, capacity=capacity, faults=faults, clock=clock, reactor=reactor
    )
    return (
        net.Socket.fromTransport(ends[0], **options),
        net.Socket.fromTransport(ends[1], **options),
    )
