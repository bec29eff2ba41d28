"""Floods, garbage, many sockets, systems without batches: nothing is lost that was not dropped."""

from __future__ import annotations

import ctypes
import os
import random
import resource
import socket as sockets_of_python
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from descriptors import noMoreDescriptors
from twisted.internet.defer import Deferred

from nodenet import dgram, events, loop
from nodenet.errors import ERR_INVALID_FD_TYPE
from nodenet.transports import _mmsg

# What is under way in the echo at most, so that it fits what every Linux grants a socket.
WINDOW = 32  # datagrams
ROOM = 65_536  # bytes


@pytest.fixture(params=["batches", "one by one", "refused batches"])
def system(request, monkeypatch):
    """With recvmmsg and sendmmsg, without, and with such that a sandbox refuses."""

    def refused(*args):
        ctypes.set_errno(38)  # ENOSYS
        return -1

    if request.param == "one by one":
        monkeypatch.setattr(_mmsg, "_recvmmsg", None)
    elif request.param == "refused batches":
        monkeypatch.setattr(_mmsg, "_recvmmsg", refused)
        monkeypatch.setattr(_mmsg, "_sendmmsg", refused)
    return request.param


async def echoed(server, client, messages):
    """Send messages, not all at once; what comes back."""
    done: Deferred[None] = Deferred()
    heard: list[bytes] = []
    sent = under_way = 0
    where = (server.address().port, server.address().address)

    def more():
        nonlocal sent, under_way
        while sent < len(messages) and sent - len(heard) < WINDOW:
            msg = messages[sent]
            if under_way and under_way + len(msg) > ROOM:
                return
            client.send(msg, *where)
            sent += 1
            under_way += len(msg)

    @client.on("message")
    def answer(msg, rinfo):
        nonlocal under_way
        heard.append(msg)
        under_way -= len(msg)
        more()
        if len(heard) == len(messages):
            loop.queueMicrotask(done.callback, None)

    more()
    await done
    client.removeListener("message", answer)
    return heard


@pytest.mark.parametrize("type", ["udp4", "udp6"])
async def test_datagrams_of_any_size_come_back_intact_and_in_order(sockets, system, type):
    chance = random.Random(type)
    sizes = [chance.choice((0, 1, 64, 1200, 2048, 2049, 9000, 65_507)) for _ in range(300)]
    sizes += [chance.randrange(1500) for _ in range(2000)]
    messages = [chance.randbytes(size) for size in sizes]
    server, client = await sockets.bound(type), await sockets.bound(type)
    server.on("message", lambda msg, rinfo: server.send(msg, rinfo.port, rinfo.address))
    assert await echoed(server, client, messages) == messages


async def test_several_clients_are_answered_in_their_order(sockets, system):
    server = await sockets.bound(recvBufferSize=212_992)
    server.on("message", lambda msg, rinfo: server.send(msg, rinfo.port, rinfo.address))
    clients = [await sockets.bound() for _ in range(8)]
    messages = [[b"%d %d" % (index, count) for count in range(200)] for index in range(8)]
    answers = [echoed(server, *one) for one in zip(clients, messages, strict=True)]
    running = [Deferred.fromCoroutine(answer) for answer in answers]
    assert [await one for one in running] == messages


async def test_a_listener_that_raises_and_one_that_closes(sockets, system, flushLoggedErrors):
    socket, sender = await sockets.bound(), await sockets.bound()
    heard = []

    @socket.on("message")
    def message(msg, rinfo):
        heard.append(msg)
        if msg == b"30":
            socket.close()
        raise RuntimeError("boom")

    for index in range(60):
        sender.send(b"%d" % index, socket.address().port, "127.0.0.1")
    await events.once(socket, "close")
    assert heard == [b"%d" % index for index in range(31)]
    assert len(flushLoggedErrors(RuntimeError)) == 31


async def test_a_tick_that_closes_ends_the_batch_too(sockets, system):
    socket, sender = await sockets.bound(), await sockets.bound()
    heard = []

    @socket.on("message")
    def message(msg, rinfo):
        heard.append(msg)
        if msg == b"3":
            loop.nextTick(socket.close)

    for index in range(20):
        sender.send(b"%d" % index, socket.address().port, "127.0.0.1")
    await events.once(socket, "close")
    assert heard == [b"0", b"1", b"2", b"3"]


@pytest.fixture
def many_descriptors():
    """Room for more than the thousand that many systems begin with."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this machine allows no more than {hard} descriptors")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_thousand_sockets_are_open_at_once(many_descriptors, sockets):
    server = await sockets.bound()
    clients = [sockets() for _ in range(1000)]
    messages = server.messages()
    for start in range(0, 1000, 50):  # as many as the server's buffer holds for sure
        for client in clients[start : start + 50]:
            client.send("x", server.address().port, "127.0.0.1")
        heard = {(await anext(messages))[1].port for _ in range(50)}
        assert heard == {client.address().port for client in clients[start : start + 50]}
    assert len(loop.openHandles()) == 1001


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what it drops")
async def test_under_a_flood_the_rest_of_the_application_is_served(sockets):
    receiver = await sockets.bound(recvBufferSize=4096)
    server, client = await sockets.bound(), await sockets.bound()
    server.on("message", lambda msg, rinfo: server.send(msg, rinfo.port, rinfo.address))
    heard: list[int] = []
    port = receiver.address().port
    flood = subprocess.Popen([sys.executable, "-c", FLOOD, str(port)], stdin=subprocess.PIPE)
    try:
        await events.once(receiver, "message")
        receiver.on("message", lambda msg, rinfo: heard.append(sum(range(2000))))  # slow
        turns = 0
        while turns < 20 or len(heard) < 1000 or not receiver.getDroppedCount():
            assert await echoed(server, client, [b"x"]) == [b"x"]
            turn: Deferred[None] = Deferred()
            loop.pollerOf().callLater(0.001, turn.callback, None)
            await turn
            turns += 1
    finally:
        flood.kill()
        flood.wait()
        flood.stdin.close()
    while receiver.getDroppedCount() != drops_of(port):
        pass  # the flood's last datagrams are under way


def drops_of(port):
    """What the kernel shows of a UDP socket of 127.0.0.1, in its last column."""
    host = int.from_bytes(sockets_of_python.inet_aton("127.0.0.1"), sys.byteorder)
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == f"{host:08X}:{port:04X}":
            return int(fields[-1])
    raise LookupError(port)


FLOOD = """
import socket, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), __import__("os")._exit(0)), daemon=True).start()
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.connect(("127.0.0.1", int(sys.argv[1])))
while True:
    try:
        sender.send(bytes(100))
    except OSError:
        pass
"""


async def test_an_adopted_descriptor_works_and_is_closed_with_the_socket(sockets):
    given = sockets_of_python.socket(sockets_of_python.AF_INET, sockets_of_python.SOCK_DGRAM)
    given.bind(("127.0.0.1", 0))
    port, fd = given.getsockname()[1], given.detach()
    socket, sender = sockets(), await sockets.bound()
    socket.bind(fd=fd)
    assert socket.address().port == port
    sender.send("x", port, "127.0.0.1")
    assert (await events.once(socket, "message"))[0] == b"x"
    socket.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


@pytest.mark.parametrize("reactor", ["epoll", "poll", "select", "asyncio"])
def test_every_reactor_serves_datagrams_and_survives_icmp(reactor):
    script = Path(__file__).with_name("reactors.py")
    done = subprocess.run(
        [sys.executable, script, reactor], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.split(), done.stderr) == (["refused"] * 3 + ["echoed", "100"], "")


async def test_a_descriptor_that_is_no_udp_socket_is_refused(sockets):
    ours, theirs = sockets_of_python.socketpair()
    with ours, theirs, sockets_of_python.socket() as tcp:
        for other, kind in ((ours, "PIPE"), (tcp, "TCP")):
            with pytest.raises(ERR_INVALID_FD_TYPE, match=f"Unsupported fd type: {kind}"):
                sockets().bind(fd=other.fileno())


async def test_listeners_that_are_coroutines_run_beside_each_other(sockets):
    socket, sender = await sockets.bound(), await sockets.bound()
    answered: Deferred[None] = Deferred()

    @socket.on("message")
    async def message(msg, rinfo):
        if msg == b"bad":
            raise RuntimeError("boom")
        await answered
        socket.send(msg.upper(), rinfo.port, rinfo.address)

    failed = events.once(socket, "error")
    for text in ("one", "bad", "two"):
        sender.send(text, socket.address().port, "127.0.0.1")
    assert str((await failed)[0]) == "boom"
    iterator = sender.messages()
    answered.callback(None)
    assert {(await anext(iterator))[0] for _ in range(2)} == {b"ONE", b"TWO"}


async def test_without_a_descriptor_binding_fails() -> None:
    """As in Node: the error of a bind, also where nobody has asked for one."""
    for use in (
        lambda socket: socket.bind(0, "127.0.0.1"),
        lambda socket: socket.send(b"x", 9, "127.0.0.1"),
        lambda socket: socket.connect(9, "127.0.0.1"),
    ):
        with noMoreDescriptors():
            socket = dgram.createSocket("udp4")
            failed: Deferred[Any] = Deferred()
            socket.once("error", failed.callback)
            use(socket)
            error = await failed
        assert (error.code, error.syscall) == ("EMFILE", "bind")
        socket.close()
