"""Programs that fail, at once or later: what is said, and that nothing stays open."""

from __future__ import annotations

import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from services.runs import HOST, echo, port, refused, started
from twisted.python.failure import Failure

from nodenet import net
from nodenet.events import once
from nodenet.loop import pollerOf


def crash() -> None:
    echo()
    raise ValueError("bad")


async def reject() -> None:
    echo()
    raise ValueError("bad")


@pytest.mark.parametrize("program", [crash, reject])
def test_what_fails_at_once_leaves_nothing_open(
    program: Callable[[], Coroutine[Any, Any, None] | None], capfd: pytest.CaptureFixture[str]
) -> None:
    assert refused(program, capfd) == f"{program.__name__}: ValueError: bad"


def test_a_port_that_is_taken(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server((HOST, 0)) as other:
        taken = other.getsockname()[1]
        for host in (HOST, None):
            line = refused(lambda: net.createServer().listen(taken, *[host] * bool(host)), capfd)  # noqa: B023 - called at once
            assert "listen EADDRINUSE: address already in use" in line


def test_an_exception_in_a_tick(capfd: pytest.CaptureFixture[str]) -> None:
    assert "ZeroDivisionError" in refused(lambda: pollerOf().nextTick(lambda: 1 / 0), capfd)


async def test_a_program_may_try_again_itself() -> None:
    server = net.createServer()

    def again(error: OSError) -> None:
        server.off("error", again)
        server.listen(0, HOST)

    def main() -> net.Server:
        server.on("error", again)
        return server.listen("/proc/self/none")

    service = started(main)
    assert port(service) == server.address().port
    await service.stopService()


async def test_an_exception_of_a_listener_is_logged_and_ends_nothing(
    flushLoggedErrors: Callable[..., list[Failure]],
) -> None:
    ended: list[int] = []

    def serve(client: net.Socket) -> None:
        client.end("bye")
        raise ZeroDivisionError

    service = started(lambda: net.createServer(serve).listen(0, HOST), ended=ended.append)
    for _ in range(2):
        client = net.createConnection(port(service), HOST)
        assert await once(client, "data") == (b"bye",)
        client.end()
        await once(client, "close")
        assert len(flushLoggedErrors(ZeroDivisionError)) == 1
    assert ended == []
    await service.stopService()
