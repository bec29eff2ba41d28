"""The counters of ``twistd nodenet echo``: what clients did, over HTTP and at SIGUSR1."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from smoke.program import PATIENCE, Program, everything, programs, stuck
from smoke.watcher import Watcher

TCP = "tcp:0:interface=127.0.0.1"
UDP = "udp:0:interface=127.0.0.1"
Start = Callable[..., Program]


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Start]:
    """Starts ``twistd -n nodenet echo --stats 0`` with these arguments."""
    with programs(tmp_path) as start:
        yield lambda *arguments, prefix=("-n",), stats="0": start(
            *prefix, "--pidfile=twistd.pid", "nodenet", "echo", f"--stats={stats}", *arguments
        )


def where(program: Program) -> str:
    """The next listener, as the log calls it."""
    return program.says(r"listening on (.+)")[1]


def dial(listener: str) -> socket.socket:
    """A client of a listener."""
    kind, place = listener.split(" ", 1)
    client = socket.socket(
        socket.AF_UNIX if kind == "unix" else socket.AF_INET,
        socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM,
    )
    client.settimeout(PATIENCE)
    host, _, port = place.rpartition(":")
    client.connect(place if kind == "unix" else (host, int(port)))
    return client


def test_the_counters_are_what_clients_did(echo: Start, socketPath: Callable[[str], str]) -> None:
    program = echo("--listen", TCP, "--listen", UDP, "--listen", f"unix:{socketPath('echo')}")
    tcp, udp, unix = (where(program) for _ in range(3))
    watcher = Watcher(program)
    with ExitStack() as stack:
        for listener, size in ((tcp, 1000), (tcp, 20), (unix, 300)):
            client = stack.enter_context(dial(listener))
            client.sendall(b"x" * size)
            assert client.recv(size, socket.MSG_WAITALL) == b"x" * size
        listeners = watcher.listeners()
        assert listeners[tcp]["connectionsActive"] == 2
        assert listeners[tcp]["receivedBytes"] == listeners[tcp]["sentBytes"] == 1020
        assert listeners[unix]["receivedBytes"] == 300
        with dial(udp) as client:
            for size in (10, 0, 5):
                client.send(b"x" * size)
                assert len(client.recv(100)) == size
    listeners = watcher.until(lambda now: not now[tcp]["connectionsActive"])
    assert listeners[tcp]["connectionsAccepted"] == 2
    assert listeners[tcp]["receivedBytes"] == 1020
    assert listeners[udp]["datagramsReceived"] == listeners[udp]["datagramsSent"] == 3
    assert listeners[udp]["receivedBytes"] == listeners[udp]["sentBytes"] == 15
    metrics = watcher.metrics()
    for name, values in listeners.items():
        received = metrics["nodenet_received_bytes_total"]
        assert received.value(listener=name) == values["receivedBytes"]
    assert metrics["nodenet_connections_active"].value(listener=tcp) == 0
    assert metrics["nodenet_uptime_seconds"].value() > 0
    assert abs(metrics["nodenet_start_time_seconds"].value() - time.time()) < 10 * PATIENCE


def test_who_is_not_let_in_is_counted(echo: Start) -> None:
    program = echo(
        "--listen", f"{TCP}:maxConnections=1", "--listen", f"{TCP}:blockList=127.0.0.0/8"
    )
    full, blocked = where(program), where(program)
    watcher = Watcher(program)
    with dial(full) as first:
        first.sendall(b"x")
        assert first.recv(1) == b"x"
        for listener, count in ((full, 2), (blocked, 3)):
            for _ in range(count):
                with dial(listener) as client:
                    assert client.recv(1) == b""
        listeners = watcher.listeners()
    assert listeners[full]["connectionsDropped"] == 2
    assert listeners[full]["connectionsAccepted"] == 1
    assert listeners[blocked]["connectionsBlocked"] == 3
    assert listeners[blocked]["connectionsAccepted"] == 0


def test_errors_are_counted_by_code(echo: Start) -> None:
    program = echo("--listen", TCP)
    tcp = where(program)
    watcher = Watcher(program)
    for _ in range(2):
        client = dial(tcp)
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    watcher.until(lambda now: now[tcp]["errors"] == {"ECONNRESET": 2})
    assert watcher.metrics()["nodenet_errors_total"].value(listener=tcp, code="ECONNRESET") == 2


def test_only_reading_is_allowed(echo: Start) -> None:
    watcher = Watcher(echo("--listen", TCP))
    response, body = watcher.ask("/metrics")
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert body.endswith(b"\n")
    response, body = watcher.ask("/metrics?name=x", "HEAD")
    assert (response.status, body) == (200, b"")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
        response, _ = watcher.ask("/metrics", method)
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")
    assert watcher.ask("/../etc/passwd")[0].status == 404


def test_who_drains_says_so_and_goes_last(echo: Start) -> None:
    program = echo("--listen", TCP, "--grace", "3600")
    tcp = where(program)
    watcher = Watcher(program)
    assert watcher.ask("/health")[0].status == 200
    with dial(tcp) as client:
        sent = stuck(client)
        client.settimeout(PATIENCE)
        program.signal(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while (answer := watcher.ask("/health"))[0].status == 200:
            assert time.monotonic() < deadline
        assert (answer[0].status, answer[1]) == (503, b"draining\n")
        assert watcher.listeners()[tcp]["connectionsActive"] == 1
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == sent
    assert program.status() == -signal.SIGTERM
    assert "Traceback" not in program.transcript


@pytest.mark.parametrize("reactor", ["epoll", "select", "asyncio"])
def test_sigusr1_says_the_counters(echo: Start, reactor: str) -> None:
    program = echo("--listen", TCP, "--listen", UDP, prefix=("-n", f"--reactor={reactor}"))
    tcp, udp = where(program), where(program)
    with dial(tcp) as client:
        client.sendall(b"12345")
        assert client.recv(5, socket.MSG_WAITALL) == b"12345"
        for _ in range(2):
            program.signal(signal.SIGUSR1)
            program.says(
                rf"{re.escape(tcp)}: connectionsActive=1 connectionsAccepted=1 "
                r"connectionsDropped=0 connectionsBlocked=0 receivedBytes=5 sentBytes=5 errors=0$"
            )
            program.says(rf"{re.escape(udp)}: receivedBytes=0 .*datagramsOverflowed=0 errors=0$")
        client.sendall(b"x")
        assert client.recv(1) == b"x"
    program.signal(signal.SIGTERM)
    assert program.status() == -signal.SIGTERM


def test_a_daemon_says_them_in_its_new_log(echo: Start, tmp_path: Path) -> None:
    """With a log file SIGUSR1 is twistd's too: it begins a new one."""
    starter = echo("--listen", "unix:sock", prefix=(), stats="unix:stats")
    assert starter.status() == 0
    daemon = int((tmp_path / "twistd.pid").read_text())
    log = tmp_path / "twistd.log"
    with dial(f"unix {tmp_path / 'sock'}") as client:
        client.sendall(b"12345")
        assert client.recv(5, socket.MSG_WAITALL) == b"12345"
        os.kill(daemon, signal.SIGUSR1)
        deadline = time.monotonic() + PATIENCE
        while "unix sock: connectionsActive=1 " not in written(log):
            assert time.monotonic() < deadline
        assert "listening on unix sock" in (tmp_path / "twistd.log.1").read_text()
        with dial(f"unix {tmp_path / 'stats'}") as watcher:
            watcher.sendall(b"GET /stats.json HTTP/1.0\r\n\r\n")
            answer = everything(watcher)
        assert b'"receivedBytes": 5' in answer
        os.kill(daemon, signal.SIGTERM)
        assert client.recv(1) == b""


def written(log: Path) -> str:
    """What is in a log; nothing between the old one and the new one."""
    try:
        return log.read_text()
    except FileNotFoundError:
        return ""
