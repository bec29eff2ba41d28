"""More connections than there is room for: descriptors run out, backlogs fill, thousands wait."""

from __future__ import annotations

import errno
import os
import resource
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from descriptors import noMoreDescriptors
from net_tools import failure, happens, listening
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import implementer

from nodenet import net
from nodenet.loop import pollerOf

MANY = 10_000


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What nodenet writes into the log."""
    lines: list[str] = []

    @implementer(ILogObserver)
    def observe(event: LogEvent) -> None:
        if event.get("log_namespace") == "nodenet":
            lines.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield lines
    globalLogPublisher.removeObserver(observe)


def pause(seconds: float) -> Deferred[None]:
    paused: Deferred[None] = Deferred()
    pollerOf().callLater(seconds, paused.callback, None)
    return paused


async def test_a_server_without_descriptors_waits_and_goes_on(said: list[str]) -> None:
    connections: list[net.Socket] = []
    server = net.createServer(connections.append)
    port = await listening(server)
    with ExitStack() as clients:
        for _ in range(8):
            clients.enter_context(socket.create_connection(("127.0.0.1", port)))
        with noMoreDescriptors(spare=3):
            while len(connections) < 3:
                await happens(server, "connection")
            before = time.process_time()
            await pause(0.35)
            assert len(connections) == 3
            assert time.process_time() - before < 0.2  # it does not spin
        while len(connections) < 8:
            await happens(server, "connection")
    stopped, resumed = said
    assert "cannot accept connections" in stopped
    assert "accepts connections again" in resumed
    server.close()
    for each in connections:
        each.resume()
    await happens(server, "close")


_SERVER = """
    import sys
    import nodenet
    from nodenet import net
    from twisted.logger import formatEvent, globalLogPublisher

    def tell(event):
        if event["log_namespace"] == "nodenet":
            print(formatEvent(event))

    def main():
        globalLogPublisher.addObserver(tell)
        server = net.createServer()
        server.on("connection", lambda socket: (print("connection"), socket.end(), server.close()))
        server.listen(0, "127.0.0.1", lambda: net.connect(server.address().port).resume())

    nodenet.run(main)
"""


@pytest.mark.parametrize("code", ["ENFILE", "ENOBUFS", "ENOMEM"])
def test_a_machine_without_descriptors_or_memory_is_waited_for(code: str, tmp_path: Path) -> None:
    if refusal():
        pytest.skip(f"strace cannot stand in for the kernel here: {refusal()}")
    calls = tmp_path / "calls"
    program = [sys.executable, "-c", textwrap.dedent(_SERVER)]
    done = subprocess.run(
        [*STRACE, "-o", calls, "-e", f"inject=accept4:error={code}:when=1..2", *program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    stopped, resumed, connection = done.stdout.splitlines()
    assert f"cannot accept connections: [Errno {getattr(errno, code)}]" in stopped
    assert "accepts connections again" in resumed
    assert connection == "connection"
    assert calls.read_text().count(f"-1 {code}") == 2  # it has tried once, paused, tried again


STRACE = ["strace", "-f", "-qq", "-e", "trace=accept4"]


@cache
def refusal() -> str:
    """Why strace cannot refuse calls here; empty when it can."""
    trial = [*STRACE, "-e", "inject=accept4:error=ENFILE", "true"]
    try:
        done = subprocess.run(trial, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        return str(error)
    return done.stderr.strip() if done.returncode else ""


async def test_a_client_without_descriptors_fails() -> None:
    server = net.createServer(lambda socket: socket.destroy())
    port = await listening(server)
    with noMoreDescriptors():
        error: Any = await failure(net.connect(port, "127.0.0.1"))
    assert (error.code, error.syscall) == ("EMFILE", "connect")
    server.close()
    await happens(server, "close")


async def test_a_storm_of_connections_against_a_full_backlog() -> None:
    echoed = 0
    server = net.createServer(lambda socket: socket.pipe(socket))
    server.listen({"port": 0, "host": "127.0.0.1", "backlog": 128})
    await happens(server, "listening")
    where: Any = server.address()

    def heard(chunk: bytes) -> None:
        nonlocal echoed
        echoed += len(chunk)

    clients = [net.connect(where.port, "127.0.0.1").on("data", heard) for _ in range(200)]
    for client in clients:
        client.end("x")
    for client in clients:
        if not client.closed:
            await happens(client, "close")
    assert echoed == 200
    server.close()
    await happens(server, "close")


_CLIENT = """
    import sys
    from nodenet import net, run
    from nodenet.loop import pollerOf

    port, count = map(int, sys.argv[1:])
    sockets, answered = [], 0

    def answer(chunk):
        global answered
        answered += 1
        if answered == count:
            print(count, flush=True)
            net.Socket(fd=0, writable=False).resume().on("close", leave)
        elif len(sockets) < count:
            dial()

    def leave(failed):
        for socket in sockets:
            socket.end()

    def dial():
        socket = net.connect(port, "127.0.0.1")
        sockets.append(socket)
        socket.on("data", answer)
        socket.write("x")

    def main():
        for _ in range(100):
            dial()

    run(main)
"""


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[1] < MANY + 1000,
    reason="this machine does not allow so many descriptors",
)
async def test_ten_thousand_connections() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY + 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        server = net.createServer(lambda socket: socket.pipe(socket))
        port = await listening(server)
        command = [sys.executable, "-c", textwrap.dedent(_CLIENT), str(port), str(MANY)]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        out = net.Socket(fd=_taken(child.stdout), writable=False)
        stop = _taken(child.stdin)
        await happens(out, "data")
        counted: Deferred[int] = Deferred()
        server.getConnections(lambda error, count: counted.callback(count))
        assert await counted == MANY
        os.close(stop)
        server.close()
        await happens(server, "close")
        await happens(out, "close")
        assert child.wait() == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _taken(pipe: Any) -> int:
    fd = os.dup(pipe.fileno())
    pipe.close()
    return fd
