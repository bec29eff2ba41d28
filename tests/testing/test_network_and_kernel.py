"""What a socket of a fake host answers, one of this machine's answers: whatever is done to both."""

from __future__ import annotations

import errno
import random
import select
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from machine import NEEDS_IPV6

from nodenet.testing import Network
from nodenet.testing._datagrams import DatagramSocket
from nodenet.transports._disconnect import disconnect

# Not made smaller: each that fails may wait for something in vain.
SETTINGS = settings(max_examples=300, deadline=None, phases=(Phase.reuse, Phase.generate))
PATIENCE = 10.0  # seconds until a kernel has carried something from one socket to the other
READABLE = select.POLLIN | select.POLLHUP | select.POLLERR
ADDRESSES = {
    socket.AF_INET: ["127.0.0.1", "127.0.0.2", "0.0.0.0", "192.0.2.9"],
    socket.AF_INET6: ["::1", "::", "2001:db8::9"],
}
TARGETS = {
    socket.AF_INET: ["127.0.0.1", "127.0.0.2", "0.0.0.0"],
    socket.AF_INET6: ["::1", "::"],
}


def freePorts(family: socket.AddressFamily) -> list[int]:
    """Two that nobody has, and that no kernel gives to who has not asked for one."""
    found: list[int] = []
    while len(found) < 2:
        port = random.randint(20_000, 30_000)
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as one:
            one.bind(("", port))
            found.append(port)
    return found


class Machine:
    """Three sockets of this machine."""

    def __init__(self, family: socket.AddressFamily) -> None:
        self.sockets: list[Any] = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(3)]
        for one in self.sockets:
            one.setblocking(False)

    def disconnect(self, one: Any) -> None:
        disconnect(one)

    def readable(self) -> list[bool]:
        poller = select.poll()
        for one in self.sockets:
            poller.register(one, select.POLLIN)
        found = dict(poller.poll(0))
        return [bool(found.get(one.fileno(), 0) & READABLE) for one in self.sockets]


class Fake(Machine):
    """Three sockets of a fake host."""

    def __init__(self, family: socket.AddressFamily) -> None:
        self.network = Network()
        kernel = self.network.host("192.0.2.1", "2001:db8::1")._kernel
        self.sockets = [DatagramSocket(kernel, family) for _ in range(3)]

    def disconnect(self, one: Any) -> None:
        one.disconnect()

    def readable(self) -> list[bool]:
        return [one.readable for one in self.sockets]


def share(one: Any, option: int) -> None:
    one.setsockopt(socket.SOL_SOCKET, option, 1)


ACTS: dict[str, Callable[[Machine, Any, str, int, bytes], object]] = {
    "bind": lambda _, one, address, port, data: one.bind((address, port)),
    "bind anywhere": lambda _, one, address, port, data: one.bind((address, 0)),
    "connect": lambda _, one, address, port, data: one.connect((address, port)),
    "disconnect": lambda host, one, address, port, data: host.disconnect(one),
    "send to": lambda _, one, address, port, data: one.sendto(data, (address, port)),
    "send": lambda _, one, address, port, data: one.send(data),
    "receive": lambda _, one, address, port, data: one.recvfrom(100),
    "own address": lambda _, one, address, port, data: one.getsockname(),
    "peer's address": lambda _, one, address, port, data: one.getpeername(),
    "share the address": lambda _, one, address, port, data: share(one, socket.SO_REUSEADDR),
    "share the port": lambda _, one, address, port, data: share(one, socket.SO_REUSEPORT),
}
UNBOUND = {"bind", "bind anywhere", "share the address", "share the port"}
CONNECTED = {"disconnect", "send"}
NOT_CONNECTED = {"connect", "send to"}


def possible(name: str, one: Any) -> bool:
    """Whether `dgram.Socket` lets that happen."""
    if name in UNBOUND:
        return not one.port
    return not ((name in CONNECTED and not one.peer) or (name in NOT_CONNECTED and one.peer))


def answer(host: Machine, index: int, name: str, *arguments: Any, ports: list[int]) -> object:
    """A value, with the ports that were not asked for made alike, or the code of an error."""

    def alike(value: Any) -> Any:
        if isinstance(value, tuple) and isinstance(value[0], str):
            return value[0], value[1] if value[1] in ports else bool(value[1])
        return tuple(map(alike, value)) if isinstance(value, tuple) else value

    try:
        return alike(ACTS[name](host, host.sockets[index], *arguments))
    except OSError as error:
        return errno.errorcode[error.errno or 0]


STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([*ACTS]), st.integers(0, 9), st.integers(0, 1)),
    min_size=1,
    max_size=14,
)


@SETTINGS
@given(STEPS)
def test_a_machine_would_have_answered_the_same(steps: list[tuple[int, str, int, int]]) -> None:
    compare(socket.AF_INET, steps)


@NEEDS_IPV6
@SETTINGS
@given(STEPS)
def test_so_it_would_of_ipv6(steps: list[tuple[int, str, int, int]]) -> None:
    compare(socket.AF_INET6, steps)


def compare(family: socket.AddressFamily, steps: list[tuple[int, str, int, int]]) -> None:
    """Do the same with both."""
    ports = freePorts(family)
    fake, machine = Fake(family), Machine(family)
    hosts: list[Machine] = [fake, machine]
    try:
        for number, (index, name, address, port) in enumerate(steps):
            if not possible(name, fake.sockets[index]):
                continue
            choice = (ADDRESSES if name.startswith("bind") else TARGETS)[family]
            what = (choice[address % len(choice)], ports[port], b"%d" % number)
            first, second = (answer(host, index, name, *what, ports=ports) for host in hosts)
            assert (name, *what, first) == (name, *what, second)
            fake.network.clock.advance(0)
            settled(machine, fake.readable())
    finally:
        for host in hosts:
            for one in host.sockets:
                one.close()


def settled(machine: Machine, readable: list[bool]) -> None:
    """Wait until all has arrived, and so has what was refused."""
    deadline = time.monotonic() + PATIENCE
    while (found := machine.readable()) != readable:
        assert time.monotonic() < deadline, f"{found}, not {readable}"
