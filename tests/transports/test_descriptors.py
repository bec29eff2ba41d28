"""What stream descriptors do beyond a link's promises: errnos, RST, connecting, vain events."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest
from links import Recorder, tcpSockets, unixSockets
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from nodenet.loop import openHandles, pollerOf
from nodenet.transports.tcp import TCPTransport
from nodenet.transports.unix import UNIXTransport

Pair = tuple[Recorder, Recorder]
LARGE = bytes(1_000_000)


async def turns() -> None:
    for _ in range(5):
        await deferLater(reactor, 0)


def tcp() -> tuple[Recorder, socket.socket]:
    """A descriptor that reads, and the plain socket at its other end."""
    near, far = tcpSockets()
    recorder = Recorder(TCPTransport(pollerOf(), near))
    recorder.link.startReading()
    return recorder, far


async def test_a_reset_by_the_peer_is_told_with_its_errno() -> None:
    near, far = tcp()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    far.close()
    await near.until(lambda: bool(near.errors))
    [error] = near.errors
    assert near.events == ["read ECONNRESET"]
    assert error.errno == errno.ECONNRESET
    assert isinstance(error, ConnectionResetError)
    assert isinstance(error, ConnectionLost)
    assert str(error) == "read ECONNRESET"
    assert not near.link.reading
    near.link.close()


async def test_reset_sends_a_reset() -> None:
    near, far = tcp()
    near.link.reset()
    near.link.reset()
    with far, pytest.raises(ConnectionResetError):
        far.recv(1)


async def test_what_waits_fails_with_the_errno_and_is_dropped() -> None:
    near, far = tcp()
    near.link.stopReading()
    assert not near.link.send(LARGE)
    far.close()  # with unread bytes: the kernel resets
    await near.until(lambda: bool(near.errors))
    [error] = near.errors
    assert error.syscall == "write"  # type: ignore[attr-defined]  # one of ours
    assert error.errno in (errno.ECONNRESET, errno.EPIPE)
    assert near.link.queued == 0
    assert not near.link.writing
    near.link.close()


async def test_shutting_down_what_was_reset_is_refused_by_name() -> None:
    near, far = tcp()
    far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    far.close()
    await near.until(lambda: bool(near.errors))
    with pytest.raises(OSError, match=r"^shutdown ENOTCONN$"):
        near.link.shutdown()
    near.link.close()


@pytest.mark.parametrize("sockets", [tcpSockets, unixSockets])
def test_events_in_vain_are_taken_calmly(sockets: Any) -> None:
    near, far = sockets()
    link = TCPTransport(pollerOf(), near)
    recorder = Recorder(link)
    link.doRead()
    assert not link.send(LARGE)
    link.doWrite()
    link.doWrite()
    assert recorder.events == []
    assert 0 < link.queued < len(LARGE)
    link.close()
    far.close()


async def test_an_event_in_vain_is_no_connection() -> None:
    # Its descriptor number may have been another's within the same batch of events.
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    waiting = [socket.socket() for _ in range(3)]
    for one in waiting:
        one.setblocking(False)
        one.connect_ex(full.getsockname())
    link = TCPTransport.open(pollerOf(), socket.AF_INET)
    outcomes: list[OSError | None] = []
    link.connect(full.getsockname(), outcomes.append)
    link.doWrite()
    assert outcomes == []
    assert link.connecting
    link.close()
    for one in (full, *waiting):
        one.close()


async def test_connecting_tells_its_outcome_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = TCPTransport.open(pollerOf(), socket.AF_INET)
        outcome: Deferred[OSError | None] = Deferred()
        link.connect(server.getsockname(), outcome.callback)
        assert link.connecting
        assert await outcome is None
        assert not link.connecting
        link.close()


async def test_a_refused_connection_is_told_with_its_errno() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        link = TCPTransport.open(pollerOf(), socket.AF_INET)
        outcome: Deferred[OSError | None] = Deferred()
        link.connect(unused.getsockname(), outcome.callback)
        error = await outcome
        assert error is not None
        assert error.errno == errno.ECONNREFUSED
        link.close()


async def test_what_connects_at_once_is_told_later_too(socketPath: Any) -> None:
    path = socketPath("s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        link = UNIXTransport.open(pollerOf())
        outcomes: list[OSError | None] = []
        link.connect(path, outcomes.append)
        assert outcomes == []
        await turns()
        assert outcomes == [None]
        link.close()


async def test_closing_while_connecting_tells_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = TCPTransport.open(pollerOf(), socket.AF_INET)
        outcomes: list[OSError | None] = []
        link.connect(server.getsockname(), outcomes.append)
        link.close()
        await turns()
        assert outcomes == []


def test_a_kernel_that_refuses_at_once_raises() -> None:
    link = UNIXTransport.open(pollerOf())
    with pytest.raises(FileNotFoundError):
        link.connect("/nonexistent/socket", lambda error: None)
    link.close()


def test_when_the_reactor_stops_it_is_closed_and_tells(pair: Pair) -> None:
    near, far = pair
    poller = near.link.poller
    poller.stopped(Failure(ConnectionLost()))
    assert near.events == far.events == ["reactorStopped"]
    assert poller.openHandles() == []


def test_the_open_ones_say_where_they_are() -> None:
    near, far = tcp()
    host, port = far.getsockname()
    assert f"- {host}:{port}" in repr(near.link)
    assert near.link in openHandles()
    near.link.close()
    assert "closed" in repr(near.link)
    assert near.link not in openHandles()
    far.close()
