"""What the kernel is told: keep-alive, Nagle's algorithm, and what goes beyond Node."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from net_tools import happens, listening, portOf
from oracle import Oracle, Tracer

import nodenet
from nodenet import net
from nodenet.errors import ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE
from nodenet.events import once

TCP = socket.IPPROTO_TCP
KEEP_ALIVE = (socket.SOL_SOCKET, socket.SO_KEEPALIVE)
NO_DELAY = (TCP, socket.TCP_NODELAY)
IDLE, INTERVAL, COUNT = (
    (TCP, socket.TCP_KEEPIDLE),
    (TCP, socket.TCP_KEEPINTVL),
    (TCP, socket.TCP_KEEPCNT),
)
USER_TIMEOUT = (TCP, socket.TCP_USER_TIMEOUT)
SERVICE = (socket.IPPROTO_IP, socket.IP_TOS)

Asked = tuple[int, ...]


def asked(port: int, *options: tuple[int, int]) -> list[int]:
    """What the kernel says of our connected socket whose local port is `port`."""
    for handle in nodenet.openHandles():
        with socket.socket(fileno=os.dup(handle.fileno())) as skt:
            if skt.getsockname()[1] == port and not skt.getsockopt(
                socket.SOL_SOCKET, socket.SO_ACCEPTCONN
            ):
                return [skt.getsockopt(*option) for option in options]
    raise LookupError(port)


@pytest.fixture
def connected() -> Callable[..., Awaitable[tuple[net.Socket, net.Socket]]]:
    """Makes a client and what the server has accepted, with the options of both."""

    async def connect(
        client: dict[str, Any], server: dict[str, Any] | None = None
    ) -> tuple[net.Socket, net.Socket]:
        listener = net.createServer(server)
        port = await listening(listener)
        accepted = once(listener, "connection")
        ours = net.connect({"port": port, "host": "127.0.0.1", **client})
        await once(ours, "connect")
        (theirs,) = await accepted
        listener.close()
        return ours, theirs

    return connect


async def gone(*sockets: net.Socket) -> None:
    for each in sockets:
        each.destroy()
        await happens(each, "close")


async def test_keep_alive_is_what_node_makes_of_it(connected: Any) -> None:
    ours, theirs = await connected(
        {"keepAlive": True, "keepAliveInitialDelay": 5000, "noDelay": True}
    )
    assert asked(ours.localPort, KEEP_ALIVE, IDLE, INTERVAL, COUNT) == [1, 5, 1, 10]
    assert asked(ours.localPort, NO_DELAY) != [0]
    assert asked(theirs.localPort, KEEP_ALIVE, NO_DELAY) == [0, 0]
    ours.setKeepAlive(True, 7999)
    assert asked(ours.localPort, IDLE) == [7]
    ours.setKeepAlive(True)  # without a delay the last one stays
    assert asked(ours.localPort, KEEP_ALIVE, IDLE) == [1, 7]
    ours.setKeepAlive(False).setNoDelay(False)
    assert asked(ours.localPort, KEEP_ALIVE, NO_DELAY) == [0, 0]
    await gone(ours, theirs)


@pytest.mark.parametrize("delay", [32_768_000, 40_000_000, 1e12, 2**31 * 1000, -5000])
async def test_a_delay_that_the_kernel_refuses_changes_nothing(
    connected: Any, delay: float
) -> None:
    ours, theirs = await connected(
        {"keepAlive": True, "keepAliveInitialDelay": delay},
        {"keepAlive": True, "keepAliveInitialDelay": delay},
    )
    for socket_ in (ours, theirs):
        assert asked(socket_.localPort, KEEP_ALIVE) == [1]
        socket_.setKeepAlive(True, 5000)
        socket_.setKeepAlive(True, delay)
        assert asked(socket_.localPort, KEEP_ALIVE, IDLE) == [1, 5]
    await gone(ours, theirs)


TUNED = """
const server = net.createServer(peer => peer.resume()).listen(0, '127.0.0.1', () => {
  const socket = net.connect(server.address().port, '127.0.0.1', () => {
    const call = (method, ...args) => {
      try {
        t(method, ...args, socket[method](...args) === socket, socket.timeout)
      } catch (error) {
        t(method, ...args, error)
      }
    }
    const all = () => {
      for (const delay of DELAYS) {
        call('setKeepAlive', true, delay)
        call('setTimeout', delay)
      }
      for (const value of FLAGS) {
        call('setNoDelay', value)
        call('setKeepAlive', value)
      }
      for (const method of ['ref', 'unref', 'pause', 'resume']) call(method)
    }
    all()
    socket.destroy()
    all()
    t('address', socket.bytesRead, socket.bytesWritten, socket.remotePort, socket.localPort)
    socket.on('close', all)
    server.close()
  })
})
"""
DELAYS = [32_767_000, 32_768_000, 10**12, 2**31, 2**31 * 1000, 0.5, -1, -5000, "5000", "x", None]
FLAGS = [0, "", None, "x", True]


async def test_settings_take_what_they_take_on_node(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        server = net.createServer(lambda peer: peer.resume())
        server.listen(0, "127.0.0.1", lambda: connect(t, server))

    def connect(t: Tracer, server: net.Server) -> None:
        socket = net.connect(portOf(server), "127.0.0.1")

        def call(method: str, *args: Any) -> None:
            try:
                t(method, *args, getattr(socket, method)(*args) is socket, socket.timeout)
            except Exception as error:
                t(method, *args, error)

        def every() -> None:
            for delay in DELAYS:
                call("setKeepAlive", True, delay)
                call("setTimeout", delay)
            for value in FLAGS:
                call("setNoDelay", value)
                call("setKeepAlive", value)
            for method in ("ref", "unref", "pause", "resume"):
                call(method)

        def connected() -> None:
            every()
            socket.destroy()
            every()
            t("address", socket.bytesRead, socket.bytesWritten, socket.remotePort, socket.localPort)
            socket.on("close", lambda failed: every())
            server.close()

        socket.on("connect", connected)

    js = f"const DELAYS = {json.dumps(DELAYS)}, FLAGS = {json.dumps(FLAGS)}\n{TUNED}"
    await oracle.compare(js, scenario)


async def test_a_server_sets_up_what_it_accepts(connected: Any) -> None:
    ours, theirs = await connected(
        {}, {"keepAlive": True, "keepAliveInitialDelay": 3000, "noDelay": True}
    )
    assert asked(theirs.localPort, KEEP_ALIVE, IDLE) == [1, 3]
    assert asked(theirs.localPort, NO_DELAY) != [0]
    assert asked(ours.localPort, KEEP_ALIVE, NO_DELAY) == [0, 0]
    await gone(ours, theirs)


async def test_settings_made_before_there_is_a_connection_are_kept() -> None:
    server = net.createServer()
    port = await listening(server)
    client = net.Socket().setKeepAlive(True, 4000).setNoDelay()
    client.connect(port, "127.0.0.1")
    await once(client, "connect")
    assert asked(client.localPort or 0, KEEP_ALIVE, IDLE) == [1, 4]
    assert asked(client.localPort or 0, NO_DELAY) != [0]
    await gone(client)
    server.close()


MORE = {
    "keepAlive": True,
    "keepAliveInitialDelay": 5000,
    "keepAliveInterval": 20_000,
    "keepAliveCount": 4,
    "userTimeout": 30_000,
    "typeOfService": 0x10,
}


@pytest.mark.parametrize("side", ["client", "server"])
async def test_there_is_more_than_node_has(connected: Any, side: str) -> None:
    ours, theirs = await connected(*((MORE,) if side == "client" else ({}, MORE)))
    tuned = ours if side == "client" else theirs
    told = asked(tuned.localPort, IDLE, INTERVAL, COUNT, USER_TIMEOUT, SERVICE)
    assert told == [5, 20, 4, 30_000, 0x10]
    tuned.setKeepAlive(True, 9000)
    assert asked(tuned.localPort, IDLE, INTERVAL, COUNT) == [9, 20, 4]
    await gone(ours, theirs)


async def test_what_is_given_to_connect_prevails() -> None:
    server = net.createServer()
    port = await listening(server)
    client = net.Socket(typeOfService=8, userTimeout=5000)
    client.connect(port, "127.0.0.1", typeOfService=0x10)
    await once(client, "connect")
    assert asked(client.localPort or 0, SERVICE, USER_TIMEOUT) == [0x10, 5000]
    await gone(client)
    server.close()


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("keepAliveInterval", 0, ERR_OUT_OF_RANGE),
        ("keepAliveInterval", "1", ERR_INVALID_ARG_TYPE),
        ("keepAliveCount", 128, ERR_OUT_OF_RANGE),
        ("userTimeout", -1, ERR_OUT_OF_RANGE),
        ("typeOfService", 256, ERR_OUT_OF_RANGE),
        ("typeOfService", True, ERR_INVALID_ARG_TYPE),
    ],
)
def test_the_settings_are_checked(name: str, value: Any, error: type[Exception]) -> None:
    for make in (net.Socket, net.createServer):
        with pytest.raises(error, match=name):
            make({name: value})
