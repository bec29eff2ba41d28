"""Sockets that are closed after the test, and waiting for what they say."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from machine import hasIPv6
from twisted.internet.defer import Deferred

from nodenet import dgram, events
from nodenet.errors import ERR_SOCKET_DGRAM_NOT_RUNNING
from nodenet.testing import Network
from nodenet.transports import _mmsg


class Sockets:
    """Makes sockets and closes those that a test has left open.

    Args:
        create: What makes them.
    """

    def __init__(self, create: Callable[..., dgram.Socket]) -> None:
        self._create = create
        self._made: list[dgram.Socket] = []

    def __call__(self, type: Any = "udp4", *args: Any, **options: Any) -> dgram.Socket:
        if type == "udp6" and self._create is dgram.createSocket and not hasIPv6():
            pytest.skip("this machine has no IPv6")
        self._made.append(self._create(type, *args, **options))
        return self._made[-1]

    async def bound(self, type: str = "udp4", **options: Any) -> dgram.Socket:
        """One that is bound to a loopback port."""
        socket = self(type, **options)
        socket.bind(0, "127.0.0.1" if type == "udp4" else "::1")
        await events.once(socket, "listening")
        return socket

    async def connected(self, peer: dgram.Socket, **options: Any) -> dgram.Socket:
        """One that is connected to `peer`."""
        socket = self(peer.type, **options)
        socket.connect(peer.address().port, peer.address().address)
        await events.once(socket, "connect")
        return socket

    def close(self) -> None:
        for socket in self._made:
            try:
                socket.close()
            except ERR_SOCKET_DGRAM_NOT_RUNNING:
                pass


def inMemory() -> Callable[..., dgram.Socket]:
    """What makes sockets of one host of a fake network."""
    return Network().host("198.51.100.1", "2001:db8::1").createSocket


OF_THE_KERNEL = {"monkeypatch", "socketPath"}
"""Who takes one of these asks for what only the kernel has."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The tests of a module with ``EVERYWHERE = True`` run on a fake network as well."""
    if "sockets" in metafunc.fixturenames:
        everywhere = getattr(metafunc.module, "EVERYWHERE", False)
        everywhere = everywhere and not OF_THE_KERNEL & set(metafunc.fixturenames)
        metafunc.parametrize("sockets", ["kernel", "memory"][: 1 + everywhere], indirect=True)


@pytest.fixture
def sockets(request: pytest.FixtureRequest) -> Iterator[Sockets]:
    """Makes sockets, of the kernel or of a fake network."""
    made = Sockets(dgram.createSocket if request.param == "kernel" else inMemory())
    yield made
    made.close()


@pytest.fixture
def take() -> Callable[..., Any]:
    """``await take(socket, n)``: the next n messages."""

    async def messages(socket: dgram.Socket, count: int) -> list[bytes]:
        taken: list[bytes] = []
        async with socket.messages(limit=count) as iterator:
            while len(taken) < count:
                taken.append((await anext(iterator))[0])
        return taken

    return messages


@pytest.fixture
def sent() -> Callable[..., Deferred[tuple[Any, ...]]]:
    """``await sent(socket, msg, port, address)``: what the callback of `send` gets."""

    def send(socket: dgram.Socket, *args: Any) -> Deferred[tuple[Any, ...]]:
        done: Deferred[tuple[Any, ...]] = Deferred()
        everything = (*args, lambda *result: done.callback(result))
        socket.send(*everything)
        return done

    return send


class Spy:
    """Counts what each call of ``sendmmsg`` sends, and lets it send only so much.

    Args:
        most: Messages that one call may send.
        failures: What the first calls fail with, each in its turn; 0: not at all.
    """

    def __init__(
        self, call: Callable[..., int], most: int = _mmsg.BATCH, failures: Sequence[int] = ()
    ) -> None:
        self.counts: list[int] = []
        self._failures = list(failures)
        self._call = call
        self._most = most

    def __call__(self, descriptor: int, headers: Any, count: int, flags: int) -> int:
        failure = self._failures.pop(0) if self._failures else 0
        if failure:
            ctypes.set_errno(failure)
            return -1
        sent = self._call(descriptor, headers, min(count, self._most), flags)
        self.counts.append(sent)
        return sent


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Spy]:
    """``spy(most=, failures=)``: a `Spy` in the place of the one before."""
    call = _mmsg._sendmmsg

    def make(**how: Any) -> Spy:
        made = Spy(call, **how)
        monkeypatch.setattr(_mmsg, "_sendmmsg", made)
        return made

    return make
