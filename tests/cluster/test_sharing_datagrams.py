"""Datagram sockets of several workers on one port."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from descriptors import descriptors
from net_tools import happens
from twisted.internet.defer import Deferred
from workers import Primary, Worker

from nodenet import dgram
from nodenet.loop import pollerOf

GROUP = "224.0.0.114"


async def bound(worker: Worker, *where: Any, **options: Any) -> dgram.Socket:
    """A socket of this worker's, bound.

    Raises:
        OSError: What it emits as ``'error'``.
    """
    made = dgram.createSocket({"type": "udp4", **options})
    try:
        await worker.listens(made, *(where or (0, "127.0.0.1")))
    except OSError:
        made.close()
        raise
    return made


def portOf(skt: dgram.Socket) -> int:
    where = skt.address()
    assert isinstance(where, dgram.AddressInfo)
    return where.port


async def closed(skt: dgram.Socket) -> None:
    skt.close()
    await happens(skt, "close")


async def test_workers_share_what_is_bound() -> None:
    primary = Primary()
    sockets = [await bound(primary.worker()) for _ in range(2)]
    port = portOf(sockets[0])
    assert port == portOf(sockets[1])
    heard: list[bytes] = []
    enough: Deferred[None] = Deferred()

    def take(message: bytes, info: object) -> None:
        heard.append(message)
        if len(heard) == 20:
            enough.callback(None)

    for one in sockets:
        one.on("message", take)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(20):
            sender.sendto(b"%d" % number, ("127.0.0.1", port))
        await enough
    assert sorted(heard) == sorted(b"%d" % number for number in range(20))
    await primary.end()


async def test_one_that_closes_leaves_the_port_to_the_other() -> None:
    before = descriptors()
    primary = Primary()
    one, other = [await bound(primary.worker()) for _ in range(2)]
    await closed(one)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        message = happens(other, "message")
        peer.sendto(b"here?", ("127.0.0.1", portOf(other)))
        data, info = await message
        assert (data, info.port) == (b"here?", peer.getsockname()[1])
    await primary.end()
    assert descriptors() == before


async def test_one_membership_is_that_of_all() -> None:
    primary = Primary()
    one, other = [await bound(primary.worker(), 0) for _ in range(2)]
    one.addMembership(GROUP)
    for again in (one, other):
        with pytest.raises(OSError, match="addMembership EADDRINUSE"):
            again.addMembership(GROUP)
    other.dropMembership(GROUP)
    await primary.end()


async def test_the_error_of_the_primarys_bind_is_each_workers() -> None:
    primary = Primary()
    workers = [primary.worker(), primary.worker()]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        for worker in workers:
            with pytest.raises(OSError, match=f"^.*bind EADDRINUSE 127.0.0.1:{port}") as caught:
                await bound(worker, port, "127.0.0.1")
            error: Any = caught.value
            assert (error.code, error.syscall) == ("EADDRINUSE", "bind")
            assert (error.address, error.port) == ("127.0.0.1", port)
    assert [portOf(await bound(worker, port, "127.0.0.1")) for worker in workers] == [port] * 2
    await primary.end()


async def test_a_socket_can_be_bound_after_it_could_not() -> None:
    primary = Primary()
    worker = primary.worker()
    made = dgram.createSocket("udp4")
    with pytest.raises(OSError, match=r"bind EADDRNOTAVAIL 192.0.2.1:5"):
        await worker.listens(made, 5, "192.0.2.1")
    await worker.listens(made, 0, "127.0.0.1")
    assert portOf(made)
    await primary.end()
    assert [note["address"] for note in worker.announced] == ["127.0.0.1"]


async def test_what_the_primary_hears_of_listening() -> None:
    primary = Primary()
    worker = primary.worker()
    port = portOf(await bound(worker, 0))
    await primary.end()
    expected = {"addressType": "udp4", "address": "0.0.0.0", "port": port, "fd": -1}
    assert worker.announced == [{"act": "listening", **expected}]


async def test_sockets_of_their_own() -> None:
    primary = Primary()
    worker = primary.worker()
    alone = await bound(worker, {"port": 0, "address": "127.0.0.1", "exclusive": True})
    reusing = await bound(worker, 0, "127.0.0.1", reusePort=True)
    sending = dgram.createSocket("udp4")
    sent: Deferred[Any] = Deferred()
    with worker:
        sending.send(b"x", portOf(alone), "127.0.0.1", lambda *said: sent.callback(said))
        assert await sent == (None, 1)
    for one in (alone, reusing, sending):
        await closed(one)
    await primary.end()
    assert not worker.announced


async def test_a_descriptor_is_the_primarys_and_stays_open() -> None:
    primary = Primary()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as given:
        given.bind(("127.0.0.1", 0))
        for _ in range(2):
            made = await bound(primary.worker(), {"fd": given.fileno()})
            assert portOf(made) == given.getsockname()[1]
            await closed(made)
    with pytest.raises(OSError, match=r"open EINVAL"):
        await bound(primary.worker(), {"fd": 2**20})
    await primary.end()


async def test_a_group_joined_before_binding_is_left_behind() -> None:
    primary = Primary()
    made = dgram.createSocket("udp4")
    made.addMembership(GROUP)
    await primary.worker().listens(made, 0)
    with pytest.raises(OSError, match="dropMembership EADDRNOTAVAIL"):
        made.dropMembership(GROUP)
    await primary.end()


async def test_closing_while_the_primary_is_asked_leaves_nothing_open() -> None:
    before = descriptors()
    primary = Primary()
    worker = primary.worker()
    made = dgram.createSocket("udp4")
    heard: list[str] = []
    made.on("listening", lambda: heard.append("listening"))
    made.on("close", lambda: heard.append("close"))
    asked: Deferred[None] = Deferred()
    ask = worker.channel.ask

    def asking(query: Any, handle: Any = None) -> Any:
        pollerOf().nextTick(asked.callback, None)
        return ask(query, handle)

    worker.channel.ask = asking  # type: ignore[method-assign]
    with worker:
        made.bind(0, "127.0.0.1")
        await asked
    made.close()
    other = await bound(primary.worker())
    await closed(other)
    await primary.end()
    assert heard == ["close"]
    assert descriptors() == before


async def test_what_is_sent_while_the_primary_is_asked_leaves_from_the_shared_port() -> None:
    primary = Primary()
    one = await bound(primary.worker())
    made = dgram.createSocket("udp4")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        worker = primary.worker()
        sent: Deferred[Any] = Deferred()
        with worker:
            made.bind(0, "127.0.0.1")
            made.send(b"x", peer.getsockname()[1], "127.0.0.1", lambda *said: sent.callback(said))
            assert await sent == (None, 1)
        assert peer.recvfrom(9) == (b"x", ("127.0.0.1", portOf(one)))
    await primary.end()
