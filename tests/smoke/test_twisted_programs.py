"""Programs of Twisted's own, on nodenet's endpoints."""

from __future__ import annotations

import signal
import socket
import ssl
import urllib.request
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest
from certificates import certificate
from smoke.program import PATIENCE, twistd


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """The file of a certificate for ``localhost``, with its key."""
    own = certificate()
    (tmp_path / "own.pem").write_bytes(own.dumpPEM() + own.privateKey.dump(1))
    return tmp_path / "own.pem"


def test_twisteds_web_server_changes_one_string(tmp_path: Path) -> None:
    (tmp_path / "hello.txt").write_text("hello")
    where = "node:tcp:0:interface=127.0.0.1:maxConnections=500"
    program = twistd("-n", "--pidfile=", "web", "--listen", where, "--path", ".", cwd=tmp_path)
    with closing(program):
        port = program.says(r"Site starting on .*?(\d+)['\)]*$")[1]
        url = f"http://127.0.0.1:{port}/hello.txt"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            assert answer.read() == b"hello"
        program.signal(signal.SIGTERM)
        assert program.status() == -signal.SIGTERM
    assert "Traceback" not in program.transcript


@pytest.mark.skipif(
    tuple(map(int, version("Twisted").split(".")[:2])) < (24, 7),
    reason="on its own transports too, older twisted.web and newer pyOpenSSL agree on no HTTP",
)
def test_it_speaks_tls_by_one_string(tmp_path: Path, pem: Path) -> None:
    (tmp_path / "hello.txt").write_text("hello")
    where = "node:ssl:0:interface=127.0.0.1:privateKey=own.pem:maxConnections=500"
    program = twistd("-n", "--pidfile=", "web", "--listen", where, "--path", ".", cwd=tmp_path)
    with closing(program):
        port = program.says(r"Site \(TLS\) starting on .*?(\d+)['\)]*$")[1]
        trust = ssl.create_default_context(cafile=str(pem))
        url = f"https://localhost:{port}/hello.txt"
        with urllib.request.urlopen(url, timeout=PATIENCE, context=trust) as answer:
            assert answer.read() == b"hello"
        program.signal(signal.SIGTERM)
        assert program.status() == -signal.SIGTERM
    assert "Traceback" not in program.transcript


def test_a_service_of_nodenets_speaks_tls(tmp_path: Path, pem: Path) -> None:
    where = "ssl:0:interface=127.0.0.1:privateKey=own.pem"
    program = twistd("-n", "nodenet", "echo", "--listen", where, cwd=tmp_path)
    trust = ssl.create_default_context(cafile=str(pem))
    with closing(program):
        port = int(program.says(r"listening on \w+ 127\.0\.0\.1:(\d+)")[1])
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain:
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")  # no handshake
            while plain.recv(100):
                pass
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain:
            client = trust.wrap_socket(plain, server_hostname="localhost")
            client.sendall(b"hello")
            assert client.recv(100) == b"hello"
            program.signal(signal.SIGTERM)
            assert client.recv(100) == b""
            client.close()
        assert program.status() == -signal.SIGTERM
    assert "Traceback" not in program.transcript


def test_a_certificate_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    where = "ssl:0:privateKey=none.pem"
    program = twistd("-n", "nodenet", "echo", "--listen", where, cwd=tmp_path)
    with closing(program):
        assert program.status() == 1
    assert "at character 18: privateKey: cannot read none.pem: No such file" in program.errors
    assert program.errors.count("\n") == 1
