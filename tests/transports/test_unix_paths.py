"""Unix listening sockets: their files, modes and abstract names."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable
from typing import Any

import pytest

from nodenet.transports import unix
from nodenet.transports.unix import BoundPath

Path = Callable[[str], str]


def modeOf(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def test_the_mode_is_the_one_that_was_asked_for(socketPath: Path) -> None:
    path = socketPath("s")
    with unix.listen(path, 5, mode=0o640):
        assert modeOf(path) == 0o640


def test_extra_permissions_are_added_to_what_the_umask_leaves(socketPath: Path) -> None:
    path = socketPath("s")
    before = os.umask(0o077)
    try:
        with unix.listen(path, 5, extra=0o222):
            assert modeOf(path) == 0o722
    finally:
        os.umask(before)


def test_nobody_gets_in_before_the_mode_is_set(
    socketPath: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = socketPath("s")
    chmod = os.chmod
    tried = []

    def early(*args: Any) -> None:
        with socket.socket(socket.AF_UNIX) as client:
            tried.append(client.connect_ex(path))
        chmod(*args)

    monkeypatch.setattr(os, "chmod", early)
    with unix.listen(path, 5, mode=0o600):
        assert tried == [errno.ECONNREFUSED]


def test_a_path_in_use_is_refused_and_left_alone(socketPath: Path) -> None:
    path = socketPath("s")
    with unix.listen(path, 5):
        with pytest.raises(OSError, match="Address already in use"):
            unix.listen(path, 5)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)


def test_a_mode_that_cannot_be_set_leaves_nothing_behind(
    socketPath: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = socketPath("s")

    def refused(*args: Any) -> None:
        raise PermissionError(errno.EPERM, "chmod")

    monkeypatch.setattr(os, "chmod", refused)
    with pytest.raises(PermissionError):
        unix.listen(path, 5, mode=0o600)
    assert not os.path.exists(path)


def test_an_abstract_name_has_no_file(socketPath: Path) -> None:
    name = "\0" + socketPath("s")
    with unix.listen(name, 5, mode=0o600), socket.socket(socket.AF_UNIX) as client:
        client.connect(name)
        BoundPath(name).unlink()
        assert not os.path.exists(name[1:])


@pytest.mark.parametrize(("length", "fits"), [(107, True), (108, False)])
def test_a_path_has_at_most_107_bytes(length: int, fits: bool) -> None:
    path = "/" + "x" * (length - 1)
    if fits:
        unix.checkPath(path)
    else:
        with pytest.raises(OSError, match="too long") as caught:
            unix.checkPath(path)
        assert caught.value.errno == errno.EINVAL


def test_bytes_count_not_characters() -> None:
    with pytest.raises(OSError, match="too long"):
        unix.checkPath("/" + "\N{SNOWMAN}" * 36)


@pytest.mark.parametrize("path", ["x\0y", "\ud800"], ids=["NUL", "surrogate"])
def test_what_cannot_be_a_path_is_refused(path: str) -> None:
    with pytest.raises(OSError, match="Errno 22"):
        unix.listen(path, 5)


def test_the_file_that_was_bound_is_removed(socketPath: Path) -> None:
    path = socketPath("s")
    with unix.listen(path, 5):
        bound = BoundPath(path)
    bound.unlink()
    bound.unlink()
    assert not os.path.exists(path)


def test_another_ones_socket_at_the_same_path_stays(socketPath: Path) -> None:
    path = socketPath("s")
    with unix.listen(path, 5):
        bound = BoundPath(path)
        os.unlink(path)
        with unix.listen(path, 5):
            bound.unlink()
            assert os.path.exists(path)


def test_a_file_that_is_no_socket_stays(socketPath: Path) -> None:
    path = socketPath("s")
    with unix.listen(path, 5):
        bound = BoundPath(path)
    os.unlink(path)
    with open(path, "w", encoding="ascii") as file:
        file.write("mine")
    bound.unlink()
    assert os.path.exists(path)


def test_a_path_that_is_gone_already_is_fine(socketPath: Path) -> None:
    path = socketPath("s")
    with unix.listen(path, 5):
        bound = BoundPath(path)
    os.unlink(path)
    bound.unlink()
