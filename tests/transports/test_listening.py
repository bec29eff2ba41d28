"""Accepting: in bounded bursts, and calmly when the system has no more descriptors."""

from __future__ import annotations

import errno
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.task import deferLater

from nodenet.loop import openHandles, pollerOf
from nodenet.transports import tcp
from nodenet.transports.listening import ListeningDescriptor

EXHAUSTED = Path(__file__).with_name("exhausted.py")


class Refusing:
    """A listening socket whose call of the system's `accept` gives these errors first."""

    def __init__(self, *numbers: int) -> None:
        self.real = tcp.listen(("127.0.0.1", 0), 16, ipv6Only=False, reusePort=False)
        self.errors = list(numbers)

    def _accept(self) -> Any:
        if self.errors:
            raise OSError(self.errors.pop(0), "accept")
        return self.real._accept()  # type: ignore[attr-defined]  # what `socket.accept` calls

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


async def turns() -> None:
    for _ in range(5):
        await deferLater(reactor, 0)


def listening(skt: Any, accepted: list[socket.socket]) -> ListeningDescriptor:
    port = ListeningDescriptor(pollerOf(), skt, lambda skt, peer: accepted.append(skt))
    port.startReading()
    return port


def connect(port: ListeningDescriptor, count: int) -> list[socket.socket]:
    clients = []
    for _ in range(count):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(port._socket.getsockname())
        clients.append(client)
    return clients


async def test_connections_are_accepted_in_bounded_bursts() -> None:
    accepted: list[socket.socket] = []
    port = listening(tcp.listen(("127.0.0.1", 0), 128, ipv6Only=False, reusePort=False), accepted)
    clients = connect(port, 100)
    port.doRead()
    assert 0 < len(accepted) < 100
    while len(accepted) < 100:
        await deferLater(reactor, 0)
    port.close()
    for skt in accepted + clients:
        skt.close()


async def test_it_stops_in_the_middle_of_a_burst_when_it_is_closed() -> None:
    accepted: list[socket.socket] = []
    port = listening(tcp.listen(("127.0.0.1", 0), 128, ipv6Only=False, reusePort=False), [])

    def close(skt: socket.socket, peer: Any) -> None:
        accepted.append(skt)
        port.close()

    port._accepted = close
    clients = connect(port, 10)
    await turns()
    assert len(accepted) == 1
    assert port not in openHandles()
    for skt in accepted + clients:
        skt.close()


@pytest.mark.parametrize("number", [errno.ECONNABORTED, errno.EPROTO, errno.ENETDOWN])
async def test_a_connection_that_died_waiting_is_passed_over(number: int) -> None:
    accepted: list[socket.socket] = []
    port = listening(Refusing(number, number), accepted)
    clients = connect(port, 1)
    while not accepted:
        await deferLater(reactor, 0)
    assert port.reading
    port.close()
    for skt in accepted + clients:
        skt.close()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
async def test_want_of_descriptors_or_memory_pauses_accepting(number: int) -> None:
    accepted: list[socket.socket] = []
    port = listening(Refusing(number, number), accepted)
    clients = connect(port, 1)
    while port.reading:
        await deferLater(reactor, 0)
    assert accepted == []
    while not accepted:
        await deferLater(reactor, 0.01)
    assert port.reading
    port.close()
    for skt in accepted + clients:
        skt.close()


async def test_closing_while_paused_leaves_no_timer() -> None:
    port = listening(Refusing(errno.EMFILE), [])
    [client] = connect(port, 1)
    while port.reading:
        await deferLater(reactor, 0)
    port.close()
    client.close()


@pytest.mark.parametrize("name", ["epoll", "select"])
def test_out_of_descriptors_it_waits_says_so_once_and_goes_on(name: str) -> None:
    done = subprocess.run(
        [sys.executable, str(EXHAUSTED), name],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.splitlines() == [
        "error: cannot accept connections: [Errno 24] Too many open files",
        "rounds of the reactor while paused are few: True",
        "info: accepts connections again",
        "all served: True",
    ]
