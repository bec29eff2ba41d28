"""``twistd nodenet echo`` that cannot start says so in a line, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from smoke.program import Program, dial, refused

TCP = "tcp:0:interface=127.0.0.1"
UDP = "udp:0:interface=127.0.0.1"
Start = Callable[..., Program]


def test_a_port_that_is_taken(echo: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = refused(echo("--listen", UDP, "--listen", f"tcp:{port}:interface=127.0.0.1"))
    assert line == (
        f"nodenet: listen EADDRINUSE: address already in use 127.0.0.1:{port} "
        f"(for tcp:{port}:interface=127.0.0.1)"
    )


def test_a_udp_port_that_is_taken(echo: Start) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        line = refused(echo("--listen", f"udp:{port}:interface=127.0.0.1"))
    assert line == (
        f"nodenet: bind EADDRINUSE 127.0.0.1:{port} (for udp:{port}:interface=127.0.0.1)"
    )


def test_a_path_where_no_socket_can_be(echo: Start) -> None:
    line = refused(echo("--listen", "unix:/proc/self/nodenet.sock"))
    assert line.startswith("nodenet: listen E")
    assert line.endswith("/proc/self/nodenet.sock (for unix:/proc/self/nodenet.sock)")


def test_a_name_that_does_not_exist(echo: Start) -> None:
    line = refused(echo("--listen", "tcp:0:interface=no.such.name.invalid"))
    assert re.match(r"nodenet: getaddrinfo \w+ no\.such\.name\.invalid \(for ", line)


def test_an_unknown_option(echo: Start) -> None:
    line = refused(echo("--lisen", TCP, "--foo"))
    assert line.startswith("twistd nodenet echo: option --lisen not recognized")


@pytest.mark.parametrize("seconds", ["soon", "-1", "inf", "nan", ""])
def test_a_grace_that_is_no_time(echo: Start, seconds: str) -> None:
    line = refused(echo(f"--grace={seconds}"))
    assert "--grace takes a number of seconds, 0 or more, not " + repr(seconds) in line


def test_a_malformed_string(echo: Start) -> None:
    line = refused(echo("--listen", "tcp:8124:interfce=127.0.0.1"))
    assert "--listen 'tcp:8124:interfce=127.0.0.1' at character 10" in line
    assert "did you mean interface?" in line


def test_a_failed_start_leaves_no_socket_and_no_pid_file(
    echo: Start, tmp_path: Path, socketPath: Callable[[str], str]
) -> None:
    path = socketPath("echo")
    refused(echo("--listen", f"unix:{path}", "--listen", "unix:/proc/self/nodenet.sock"))
    assert not os.path.lexists(path)
    assert not (tmp_path / "twistd.pid").exists()


def test_a_stale_unix_socket_is_taken_over(echo: Start, socketPath: Callable[[str], str]) -> None:
    path = socketPath("echo")
    first = echo("--listen", f"unix:{path}")
    first.says("listening")
    first.signal(signal.SIGKILL)
    first.status()
    assert stat.S_ISSOCK(os.lstat(path).st_mode)
    with dial(echo("--listen", f"unix:{path}")) as client:
        client.sendall(b"x")
        assert client.recv(10) == b"x"


def test_a_live_unix_socket_is_left_to_its_owner(
    echo: Start, socketPath: Callable[[str], str]
) -> None:
    path = socketPath("echo")
    with socket.socket(socket.AF_UNIX) as owner:
        owner.bind(path)
        owner.listen()
        line = refused(echo("--listen", f"unix:{path}"))
        assert line.startswith(f"nodenet: listen EADDRINUSE: address already in use {path}")
        assert os.path.lexists(path)


def test_another_file_is_never_removed(echo: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    assert "EADDRINUSE" in refused(echo("--listen", "unix:file"))
    assert (tmp_path / "file").read_text() == "precious"


def test_a_daemon_that_cannot_start_says_so_to_who_started_it(echo: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        starter = echo("--listen", f"tcp:{port}:interface=127.0.0.1", prefix=())
        assert starter.status() == 1
    assert f"listen EADDRINUSE: address already in use 127.0.0.1:{port}" in starter.errors
    log = (tmp_path / "twistd.log").read_text()
    assert f"listen EADDRINUSE: address already in use 127.0.0.1:{port}" in log
    assert "Traceback" not in log
    assert not (tmp_path / "twistd.pid").exists()
