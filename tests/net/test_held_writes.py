"""What is written in ``'drain'`` leaves together behind the listener; its fate is no other."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

import pytest
from net_tools import happens, listening

from nodenet import net
from nodenet.errors import ERR_INVALID_STATE
from nodenet.net._passing import Passage, checked
from nodenet.testing import socketPair

CHUNK = bytes(65_536)


def fill(writer: net.Socket) -> int:
    """Write until the kernel takes no more; how much."""
    before = writer.bytesWritten
    while writer.write(CHUNK):
        pass
    return writer.bytesWritten - before


async def overTCP() -> tuple[net.Socket, net.Socket]:
    """A connected client, and the server's end, which does not read yet."""
    server = net.createServer()
    port = await listening(server)
    writer = net.connect(port, "127.0.0.1")
    (reader,) = await happens(server, "connection")
    await happens(writer, "ready")
    server.close()
    return writer, reader


def overLies() -> tuple[net.Socket, net.Socket]:
    """Two sockets in memory that say they have room for a megabyte, and have it for 8 KiB."""
    writer, reader = socketPair(capacity=8192)
    link: Any = writer._link
    link.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 3 << 20)
    return writer, reader


@pytest.mark.parametrize("honest", [True, False])
@pytest.mark.parametrize("way", ["end", "destroySoon"])
async def test_an_end_in_drain_waits_for_what_was_written(honest: bool, way: str) -> None:
    writer, reader = await overTCP() if honest else overLies()
    total = fill(writer)
    seen: list[str] = []

    def more() -> None:
        assert [writer.write(CHUNK) for _ in range(4)] == [True] * 4
        seen.append(f"{writer.bytesWritten} {writer.writableLength}")
        getattr(writer, way)()
        assert not writer.writableFinished

    writer.once("drain", more)
    writer.on("finish", lambda: seen.append("finish"))
    reader.resume()
    reader.on("end", lambda: seen.append("end"))
    await happens(reader, "close")
    total += 4 * len(CHUNK)
    assert reader.bytesRead == writer.bytesWritten == total
    assert seen[0] == f"{total} 0"
    assert sorted(seen[1:]) == ["end", "finish"]
    assert writer.destroyed or await happens(writer, "close")


async def test_what_the_kernel_did_not_take_after_all_is_seen() -> None:
    writer, reader = overLies()
    total = fill(writer)
    waiting: list[int] = []

    def more() -> None:
        for _ in range(4):
            writer.write(CHUNK)
        writer._poller.atRoundEnd(lambda: waiting.append(writer.writableLength))

    writer.once("drain", more)
    reader.resume()
    while not waiting:
        await happens(reader, "data")
    assert 3 * len(CHUNK) < waiting[0] <= 4 * len(CHUNK)
    writer.end()
    await happens(reader, "close")
    assert reader.bytesRead == total + 4 * len(CHUNK)


@pytest.mark.parametrize("honest", [True, False])
async def test_a_connection_that_breaks_is_an_error_once(honest: bool) -> None:
    writer, reader = await overTCP() if honest else overLies()
    fill(writer)
    seen: list[Any] = []

    def more() -> None:
        reader.resetAndDestroy()
        assert writer.write(CHUNK)

    writer.once("drain", more)
    writer.on("error", lambda error: seen.append(error.code))
    writer.on("close", seen.append)
    reader.resume()
    await happens(writer, "close")
    assert seen in (["ECONNRESET", True], ["EPIPE", True])


async def test_a_connection_may_be_passed_on_in_drain() -> None:
    writer, reader = await overTCP()
    fill(writer)
    passed: list[object] = []

    def more() -> None:
        assert writer.write(CHUNK)
        passed.append(checked(writer))
        assert writer.bytesWritten == passed[0].bytesSent  # type: ignore[attr-defined]  # its link

    writer.once("drain", more)
    reader.resume()
    while not passed:
        await happens(reader, "data")
    writer.write(bytes(20_000_000))
    with pytest.raises(ERR_INVALID_STATE):
        checked(writer)
    for one in (writer, reader):
        one.destroy()
        await happens(one, "close")


async def test_an_end_leaves_before_the_connection_is_passed_on() -> None:
    writer, reader = await overTCP()
    fill(writer)
    passed: list[Passage] = []

    def more() -> None:
        assert writer.write(CHUNK)
        writer.end()
        passed.append(Passage(writer))

    writer.once("drain", more)
    reader.resume()
    await happens(reader, "end")
    assert writer.writableFinished
    (passage,) = passed
    passage.socket.close()
    passage.finish()
    await happens(writer, "close")
    assert reader.closed or await happens(reader, "close")


@pytest.mark.parametrize("act", [net.Socket.destroy, net.Socket.resetAndDestroy])
async def test_a_drain_listener_may_close(act: Callable[[net.Socket], object]) -> None:
    writer, reader = await overTCP()
    total = fill(writer)

    def more() -> None:
        assert writer.write(CHUNK)
        act(writer)
        assert writer.bytesWritten == total + len(CHUNK)

    writer.once("drain", more)
    reader.resume()
    reader.on("error", lambda error: None)
    await happens(reader, "close")
    if act is net.Socket.destroy:
        assert reader.bytesRead == total + len(CHUNK)
    assert writer.writableLength == 0


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("act", [net.Socket.destroy, net.Socket.resetAndDestroy])
async def test_a_write_that_has_left_is_not_cancelled(
    act: Callable[[net.Socket], object], later: bool
) -> None:
    writer, reader = await overTCP()
    total = fill(writer)
    seen: list[Any] = []

    def close() -> None:
        act(writer)
        seen.append(writer.bytesWritten - total)

    def more() -> None:
        while writer.write(CHUNK, seen.append):
            pass
        if later:
            writer._poller.nextTick(close)
        else:
            close()

    writer.once("drain", more)
    writer.on("error", seen.append)
    reader.on("error", lambda error: None)
    reader.resume()
    await happens(writer, "close")
    assert seen.count(None) == 8
    assert [value for value in seen if value is not None] == [8 * len(CHUNK)]
    assert writer.bytesWritten == total + 8 * len(CHUNK)
    if not reader.destroyed:
        await happens(reader, "close")


@pytest.mark.parametrize("stops", [False, True])
async def test_a_write_that_has_not_left_is_cancelled_and_not_counted_twice(stops: bool) -> None:
    writer, reader = socketPair(capacity=8192)
    seen: list[int] = []
    writer.write(CHUNK, lambda error: seen.append(error.errno))
    if stops:
        for link in (writer._link, reader._link):
            link.connectionLost(None)  # type: ignore[union-attr]  # as the reactor does
    else:
        writer.destroy()
        reader.destroy()
    assert writer.bytesWritten == 8192
    await happens(writer, "close")
    assert writer.bytesWritten == 8192
    assert seen == [errno.ECANCELED]
