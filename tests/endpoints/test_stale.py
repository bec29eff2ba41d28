"""A socket file that nobody listens on is told apart from everything else."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodenet.endpoints._stale import removeStaleSocket


@pytest.fixture
def bound(tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A bound Unix socket and its path."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        yield server, path


def test_a_socket_without_its_server_is_removed(bound: tuple[socket.socket, str]) -> None:
    server, path = bound
    server.listen()
    server.close()
    assert removeStaleSocket(path)
    assert not os.path.lexists(path)


def test_who_else_removes_it_does_no_harm(
    bound: tuple[socket.socket, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, path = bound
    server.close()
    unlink = os.unlink
    monkeypatch.setattr(os, "unlink", lambda path: (unlink(path), unlink(path)))
    assert removeStaleSocket(path)
    assert not os.path.lexists(path)


def test_a_live_socket_stays(bound: tuple[socket.socket, str]) -> None:
    server, path = bound
    server.listen()
    assert not removeStaleSocket(path)
    assert os.path.lexists(path)


def test_a_live_socket_with_a_full_backlog_stays(bound: tuple[socket.socket, str]) -> None:
    server, path = bound
    server.listen(0)
    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(path)
        assert not removeStaleSocket(path)
    assert os.path.lexists(path)


def test_a_live_datagram_socket_stays(tmp_path: Path) -> None:
    path = str(tmp_path / "d")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(path)
        assert not removeStaleSocket(path)
    assert os.path.lexists(path)


def test_a_regular_file_is_never_removed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    assert not removeStaleSocket(str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "precious"


def test_a_link_is_never_removed(bound: tuple[socket.socket, str], tmp_path: Path) -> None:
    server, path = bound
    server.close()
    (tmp_path / "link").symlink_to(path)
    assert not removeStaleSocket(str(tmp_path / "link"))
    assert os.path.lexists(path)


@pytest.mark.parametrize("path", ["", "\0abstract", "/nonexistent/directory/s"])
def test_what_is_no_file_is_left_to_listen(path: str) -> None:
    assert not removeStaleSocket(path)
