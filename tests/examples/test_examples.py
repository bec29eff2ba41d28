"""Every example runs as it is shown, but on a port that is free."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from machine import keptPort
from smoke.program import PATIENCE, Program

EXAMPLES = Path(__file__).parents[2] / "examples"
LISTENS = r"listening on .*port=(\d+)"

Run = Callable[..., Program]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs an example, with the port in its text replaced; it is ended with the test."""
    programs: list[Program] = []

    def start(name: str, *arguments: object, port: object = 0) -> Program:
        source = (EXAMPLES / name).read_text(encoding="utf-8")
        copy = tmp_path / name
        copy.write_text(re.sub(r"\b(8124|41234)\b", str(port), source), encoding="utf-8")
        command = [sys.executable, str(copy), *map(str, arguments)]
        programs.append(Program(command, cwd=tmp_path))
        return programs[-1]

    yield start
    for program in programs:
        program.close()


def connect(port: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(port)), timeout=PATIENCE)


def all_of(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as stream:
        return stream.read()


def test_echo_sends_back_what_it_gets(run: Run) -> None:
    with connect(run("echo.py").says(LISTENS)[1]) as client:
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        assert all_of(client) == b"hello"


def test_client_prints_what_the_echo_returns_and_ends(run: Run) -> None:
    port = run("echo.py").says(LISTENS)[1]
    client = run("client.py", port=port)
    client.says(re.escape(r"received b'hello\n'"))
    assert client.status() == 0


def test_udp_echo_sends_back_what_it_gets(run: Run) -> None:
    port = run("udp_echo.py").says(LISTENS)[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.sendto(b"hello", ("127.0.0.1", int(port)))
        assert client.recv(100) == b"hello"


def test_chat_tells_the_others(run: Run) -> None:
    port = run("chat.py").says(LISTENS)[1]
    with connect(port) as ann, ann.makefile("rb") as heard:
        with connect(port) as bob:
            name = b"%s:%d" % (bob.getsockname()[0].encode(), bob.getsockname()[1])
            assert heard.readline() == b"* " + name + b" joined\n"
            bob.sendall(b"hello\n")
            assert heard.readline() == name + b": hello\n"
        assert heard.readline() == b"* " + name + b" left\n"


def test_relay_joins_two_connections(run: Run) -> None:
    target = run("echo.py").says(LISTENS)[1]
    with connect(run("relay.py", "127.0.0.1", target).says(LISTENS)[1]) as client:
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        assert all_of(client) == b"hello"


def test_relay_goes_on_when_its_target_is_not_there(run: Run) -> None:
    with keptPort() as target:
        relay = run("relay.py", "127.0.0.1", target)
        port = relay.says(LISTENS)[1]
        for _ in range(2):
            # An end or a reset: what matters is that the next one is served, too.
            with contextlib.suppress(ConnectionResetError), connect(port) as client:
                assert client.recv(1) == b""
            relay.says(rf"connect ECONNREFUSED 127\.0\.0\.1:{target}")


def test_a_protocol_of_twisted_runs_on_an_endpoint_of_nodenet(run: Run) -> None:
    with connect(run("protocol.py").says(LISTENS)[1]) as client, client.makefile("rb") as heard:
        client.sendall(b"hello\n")
        assert heard.readline() == b"HELLO\n"


@pytest.mark.parametrize("name", ["echo.py", "chat.py", "udp_echo.py"])
def test_ctrl_c_ends_an_example_quietly(name: str, run: Run) -> None:
    program = run(name)
    program.says(LISTENS)
    program.signal(signal.SIGINT)
    program.status()
    assert "Traceback" not in program.transcript


def test_cluster_goes_on_when_a_worker_dies(run: Run) -> None:
    program = run("cluster.py")
    ports = {program.says(LISTENS)[1] for _ in range(os.cpu_count() or 1)}
    pid = program.process.pid
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(int(workers[0]), signal.SIGKILL)
    program.says(r"worker \d+ ended \(SIGKILL\)")
    ports.add(program.says(LISTENS)[1])
    (port,) = ports
    with connect(port) as client:
        client.sendall(b"hello")
        client.shutdown(socket.SHUT_WR)
        assert all_of(client) == b"hello"
