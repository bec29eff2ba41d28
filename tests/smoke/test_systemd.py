"""Programs that are started by systemd's socket activation."""

from __future__ import annotations

import os
import signal
import socket
import struct
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from smoke.program import PATIENCE, Program, twistd


@pytest.fixture
def tcp() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=7) as listener:
        yield listener


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with socket.socket(type=socket.SOCK_DGRAM) as skt:
        skt.bind(("127.0.0.1", 0))
        yield skt


@pytest.fixture
def unix(socketPath: Callable[[str], str]) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(socketPath("activated"))
        listener.listen()
        yield listener


def echoed(listener: socket.socket, text: bytes = b"hello") -> bytes:
    """What comes back from the program that serves this socket."""
    with socket.socket(listener.family, listener.type) as client:
        client.settimeout(PATIENCE)
        client.connect(listener.getsockname())
        client.sendall(text)
        return client.recv(100)


def backlog(listener: socket.socket) -> int:
    """How many connections may wait, as the kernel has it (``tcpi_sacked`` of ``tcp_info``)."""
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    waiting: int = struct.unpack_from("=I", info, 28)[0]
    return waiting


def echo(*listen: str) -> list[str]:
    return ["nodenet", "echo", *[part for text in listen for part in ("--listen", text)]]


@contextmanager
def activated(cwd: Path, arguments: list[str], **sockets: socket.socket) -> Iterator[Program]:
    program = twistd("-n", *arguments, cwd=cwd, sockets=list(sockets.items()))
    with closing(program):
        yield program


def test_sockets_of_every_kind_by_name_and_by_index(
    tmp_path: Path, tcp: socket.socket, udp: socket.socket, unix: socket.socket
) -> None:
    listen = ("tcp:systemd=0", "udp:systemd=dns:recvBufferSize=65536", "unix:systemd=local")
    with activated(tmp_path, echo(*listen), web=tcp, dns=udp, local=unix) as program:
        assert [echoed(skt) for skt in (tcp, udp, unix)] == [b"hello"] * 3
        program.signal(signal.SIGTERM)
        assert program.status() == -signal.SIGTERM
        assert os.path.exists(unix.getsockname())  # systemd's
        assert udp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 2 * 65536
        assert backlog(tcp) == 7  # systemd's
    assert "Traceback" not in program.transcript


def test_a_daemon_has_them_still(tmp_path: Path, tcp: socket.socket, udp: socket.socket) -> None:
    arguments = echo("tcp:systemd=web", "udp:systemd=1")
    starter = twistd(*arguments, cwd=tmp_path, sockets=[("web", tcp), ("dns", udp)])
    with ExitStack() as stack:
        stack.callback(starter.close)
        assert starter.status() == 0
        daemon = int((tmp_path / "twistd.pid").read_text())
        stack.callback(os.kill, daemon, signal.SIGTERM)
        assert (echoed(tcp), echoed(udp)) == (b"hello", b"hello")


def test_a_program_of_twisteds_beside_twisteds_own_string(
    tmp_path: Path, tcp: socket.socket
) -> None:
    (tmp_path / "hello.txt").write_text("hello")
    where = "node:tcp:systemd=web:maxConnections=500"
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        activated(
            tmp_path,
            ["--pidfile=", "web", "--listen", where, "--listen", "systemd:domain=INET:index=1",
             "--path", "."],
            web=tcp, other=other,
        ),
    ):  # fmt: skip
        for listener in (tcp, other):
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/hello.txt"
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                assert answer.read() == b"hello"


@pytest.mark.parametrize(
    ("listen", "message"),
    [
        ("tcp:systemd=wbe", "systemd has passed no socket wbe; there are: 0 (web), 1 (dns)"),
        ("tcp:systemd=2", "systemd has passed no socket 2; there are: 0 (web), 1 (dns)"),
        ("tcp:systemd=dns", "socket dns of systemd's is no tcp socket"),
        ("unix:systemd=web", "socket web of systemd's is no unix socket"),
        ("udp:systemd=0", "socket 0 of systemd's is no udp socket"),
        ("udp:systemd=1:type=udp6", "socket 1 of systemd's is no udp socket"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(
    tmp_path: Path, tcp: socket.socket, udp: socket.socket, listen: str, message: str
) -> None:
    with activated(tmp_path, echo(listen), web=tcp, dns=udp) as program:
        assert program.status() == 1
    assert program.errors == f"nodenet: {message} (for {listen})\n"


def test_a_name_of_several(tmp_path: Path, tcp: socket.socket) -> None:
    with closing(
        twistd("-n", *echo("tcp:systemd=web"), cwd=tmp_path, sockets=[("web", tcp)] * 2)
    ) as program:
        assert program.status() == 1
    assert "2 sockets of systemd's are named web; give the index: 0, 1" in program.errors


def test_a_socket_that_does_not_listen(tmp_path: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with activated(tmp_path, echo("tcp:systemd=web"), web=bound) as program:
            assert program.status() == 1
    assert "socket web of systemd's does not listen" in program.errors


def test_without_systemd_there_are_none(tmp_path: Path) -> None:
    with activated(tmp_path, echo("tcp:systemd=0")) as program:
        assert program.status() == 1
    assert "systemd has passed no socket 0; there are: none" in program.errors
