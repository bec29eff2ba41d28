"""``twistd nodenet echo``, as an operator meets it: a process, its output, its clients."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from machine import tool
from smoke.program import PATIENCE, Program, dial, everything, stuck, twistd

import nodenet

TCP = "tcp:0:interface=127.0.0.1"
UDP = "udp:0:interface=127.0.0.1"
Start = Callable[..., Program]


def test_it_echoes_on_all_endpoints_at_once(echo: Start, socketPath: Callable[[str], str]) -> None:
    path = socketPath("echo")
    program = echo("--listen", TCP, "--listen", UDP, "--listen", f"unix:{path}")
    tcp = dial(program)
    udp = socket.socket(type=socket.SOCK_DGRAM)
    udp.settimeout(PATIENCE)
    udp.connect(("127.0.0.1", int(program.says(r"listening on udp 127.0.0.1:(\d+)")[1])))
    unix = dial(program)
    with tcp, udp, unix:
        for client, what in ((tcp, b"tcp"), (udp, b"udp"), (unix, b"unix")):
            client.sendall(what)
            assert client.recv(100) == what
        for client in (tcp, unix):
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100) == b""


def test_it_says_when_clients_come_and_go(echo: Start) -> None:
    program = echo("--listen", TCP)
    with dial(program) as client:
        port = client.getsockname()[1]
        program.says(rf"tcp 127.0.0.1:\d+: #1 127.0.0.1:{port} connected")
        client.sendall(b"12345")
        client.recv(100)
    program.says(rf"#1 127.0.0.1:{port} left after 5 bytes")


def test_it_says_why_a_client_went(echo: Start) -> None:
    program = echo("--listen", TCP)
    with dial(program) as client:
        program.says("#1 .* connected")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    program.says("#1 .* left after 0 bytes: read ECONNRESET")


def test_a_udp_peer_is_announced_once(echo: Start) -> None:
    program = echo("--listen", UDP)
    address = "127.0.0.1", int(program.says(r"listening on udp 127.0.0.1:(\d+)")[1])
    with ExitStack() as opened:  # both at once: else the second may have the port of the first
        for _ in range(2):
            client = opened.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            client.settimeout(PATIENCE)
            for _ in range(3):
                client.sendto(b"x", address)
                assert client.recv(10) == b"x"
            program.says(rf"udp 127.0.0.1:\d+: 127.0.0.1:{client.getsockname()[1]} is new")
    program.signal(signal.SIGTERM)
    program.status()
    assert program.transcript.count("is new") == 2


def test_a_slow_reader_gets_every_byte(echo: Start) -> None:
    """The server stops reading while the client does not read: else `stuck` would not end."""
    program = echo("--listen", TCP)
    with dial(program) as client:
        sent = stuck(client)
        client.settimeout(PATIENCE)
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == sent


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_as_twistd_ends(
    echo: Start, socketPath: Callable[[str], str], number: signal.Signals
) -> None:
    path = socketPath("echo")
    program = echo("--listen", f"unix:{path}", "--listen", TCP, "--listen", UDP)
    program.says("listening on udp")
    program.signal(number)
    assert program.status() == -number
    assert not os.path.lexists(path)
    assert "Traceback" not in program.transcript
    assert program.errors == ""


def test_an_idle_connection_does_not_hold_the_end_up(echo: Start) -> None:
    program = echo("--listen", TCP, "--grace", "3600")
    with dial(program) as client:
        program.says("connected")
        program.signal(signal.SIGTERM)
        assert client.recv(1) == b""
        assert program.status() == -signal.SIGTERM


def test_what_is_in_flight_is_finished(echo: Start) -> None:
    program = echo("--listen", TCP, "--grace", "3600")
    with dial(program) as client:
        sent = stuck(client)
        client.settimeout(PATIENCE)
        program.signal(signal.SIGTERM)
        program.says("Received SIGTERM")
        assert everything(client) == sent
    assert program.status() == -signal.SIGTERM
    assert "Traceback" not in program.transcript


def test_nobody_new_is_accepted_meanwhile(echo: Start) -> None:
    program = echo("--listen", TCP, "--grace", "3600")
    with dial(program) as client:
        address = client.getpeername()
        stuck(client)
        program.signal(signal.SIGTERM)
        program.says("Received SIGTERM")
        deadline = time.monotonic() + PATIENCE
        while accepted(address):  # the signal is said before it is obeyed
            assert time.monotonic() < deadline
        program.signal(signal.SIGTERM)
        assert program.status() == -signal.SIGTERM


def accepted(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, PATIENCE).close()
    except (ConnectionRefusedError, ConnectionResetError):
        return False
    return True


def test_the_grace_is_bounded(echo: Start) -> None:
    program = echo("--listen", TCP, "--grace", "0.2")
    with dial(program) as client:
        stuck(client)
        program.signal(signal.SIGTERM)
        assert program.status() == -signal.SIGTERM
    assert "cut off" in program.transcript


def test_a_second_signal_cuts_it_short(echo: Start) -> None:
    program = echo("--listen", TCP, "--grace", "3600")
    with dial(program) as client:
        stuck(client)
        program.signal(signal.SIGINT)
        program.says("Received SIGINT")
        program.says("1 get 3600 s to finish")
        program.signal(signal.SIGINT)
        assert program.status() == -signal.SIGINT
    assert "Traceback" not in program.transcript


def test_two_signals_at_once_end_it_at_once(echo: Start) -> None:
    program = echo("--listen", TCP, "--grace", "3600")
    with dial(program) as client:
        stuck(client)
        program.signal(signal.SIGINT)
        program.signal(signal.SIGTERM)
        assert program.status() in (-signal.SIGINT, -signal.SIGTERM)
    assert "Traceback" not in program.transcript


def test_an_abstract_unix_socket(echo: Start, tmp_path: Path) -> None:
    name = f"nodenet-{tmp_path.name}-{os.getpid()}"
    program = echo("--listen", f"unix:@{name}")
    assert program.says(r"listening on unix (\S+)")[1] == f"@{name}"
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(f"\0{name}")
        client.sendall(b"x")
        assert client.recv(10) == b"x"


def test_help_is_for_strangers(echo: Start) -> None:
    program = echo("--help")
    assert program.status() == 0
    for word in ("--listen", "--grace", "tcp:PORT", "udp:PORT", "unix:PATH", "Example"):
        assert word in program.transcript


def test_it_says_which_version_it_is(echo: Start) -> None:
    program = echo("--version")
    assert program.status() == 0
    assert f"nodenet {nodenet.__version__}, Twisted " in program.transcript


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give privileges up")
def test_privileges_are_given_up_after_binding(
    echo: Start, socketPath: Callable[[str], str]
) -> None:
    path = socketPath("echo")
    os.chmod(os.path.dirname(path), 0o755)
    program = echo("--listen", f"unix:{path}", "--listen", TCP, prefix=("-n", "--uid=nobody"))
    with dial(program) as unix, dial(program) as tcp:
        tcp.sendall(b"x")
        assert tcp.recv(10) == b"x"
        program.signal(signal.SIGTERM)
        program.says("cannot remove the socket: .*Permission denied")
        assert unix.recv(10) == b""
        assert program.status() == -signal.SIGTERM


def test_the_service_runs_from_a_tac_file(tmp_path: Path) -> None:
    (tmp_path / "echo.tac").write_text(
        "from twisted.application.service import Application\n"
        "from nodenet.services import EchoService\n"
        "application = Application('echo')\n"
        f"EchoService(['{TCP}']).setServiceParent(application)\n"
        f"EchoService(['{TCP}'], grace=3600).setServiceParent(application)\n"
    )
    program = twistd("-ny", "echo.tac", cwd=tmp_path)
    with closing(program), dial(program) as first, dial(program) as second:
        first.sendall(b"x")
        assert first.recv(10) == b"x"
        stuck(second)
        program.signal(signal.SIGINT)
        assert first.recv(10) == b""
        program.signal(signal.SIGINT)
        assert program.status() == -signal.SIGINT
    assert "Traceback" not in program.transcript


@pytest.mark.parametrize("reactor", ["epoll", "poll", "select", "asyncio"])
def test_every_reactor(echo: Start, reactor: str) -> None:
    program = echo("--listen", TCP, prefix=("-n", f"--reactor={reactor}"))
    with dial(program) as client:
        client.sendall(b"x")
        assert client.recv(10) == b"x"
        program.signal(signal.SIGINT)
        assert client.recv(10) == b""
        assert program.status() == -signal.SIGINT
    assert "Traceback" not in program.transcript


def test_it_serves_as_a_daemon(echo: Start, tmp_path: Path) -> None:
    starter = echo("--listen", "unix:sock", prefix=())
    assert starter.status() == 0
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(tmp_path / "sock"))
        client.sendall(b"x")
        assert client.recv(10) == b"x"
        os.kill(int((tmp_path / "twistd.pid").read_text()), signal.SIGTERM)
        assert client.recv(10) == b""
    assert "listening on unix sock" in (tmp_path / "twistd.log").read_text()


@pytest.mark.parametrize("client", [["nc", "-N"], ["socat", f"-t{PATIENCE}", "STDIO"]])
def test_other_peoples_clients(echo: Start, client: list[str]) -> None:
    tool(client[0])
    found = echo("--listen", TCP).says(r"listening on tcp (\S+):(\d+)")
    where = [f"TCP:{found[1]}:{found[2]}"] if client[0] == "socat" else [found[1], found[2]]
    done = subprocess.run(
        [*client, *where], input=b"hello\n", stdout=subprocess.PIPE, check=True, timeout=PATIENCE
    )
    assert done.stdout == b"hello\n"
