"""``twistd nodenet ... --workers``: what its operator sees: counters, health, notices, mistakes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest
from machine import keptPort
from smoke.program import PATIENCE
from smoke.watcher import Watcher
from smoke.workers import TCP, UDP, Start, dial, echoed, where, workers


def test_counters_are_added_up_and_outlive_workers(start: Start) -> None:
    program = start("echo", "--workers=2", "--stats=0", "--listen", TCP, "--listen", UDP)
    watcher = Watcher(program)
    tcp, udp = where(program), where(program)
    name = f"tcp {tcp[0]}:{tcp[1]}"
    with dial(tcp) as one, dial(tcp) as other:
        assert echoed(one, b"x" * 10) == b"x" * 10
        assert echoed(other, b"x" * 7) == b"x" * 7
        counted = watcher.listeners()[name]
        assert counted["connectionsActive"] == counted["connectionsAccepted"] == 2
        assert counted["receivedBytes"] == counted["sentBytes"] == 17
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect(udp)
        for _ in range(5):
            assert echoed(client, b"hello") == b"hello"
    watcher.until(lambda now: not now[name]["connectionsActive"])
    program.signal(signal.SIGHUP)
    program.says("the workers are replaced")
    with dial(tcp) as client:
        assert echoed(client, b"x" * 3) == b"x" * 3
        listeners = watcher.until(lambda now: now[name]["receivedBytes"] == 20)
    assert listeners[name]["connectionsAccepted"] == 3
    assert listeners[f"udp {udp[0]}:{udp[1]}"]["datagramsReceived"] == 5
    program.signal(signal.SIGUSR1)
    program.says(rf"{re.escape(name)}: connectionsActive=. connectionsAccepted=3")


def test_counters_never_go_back(start: Start) -> None:
    program = start("echo", "--workers=2", "--stats=0", "--listen", TCP)
    watcher = Watcher(program)
    place = where(program)
    name = f"tcp {place[0]}:{place[1]}"
    for _ in range(10):
        with dial(place) as client:
            assert echoed(client, b"hello") == b"hello"
    watcher.until(lambda now: not now[name]["connectionsActive"])
    seen: list[list[int]] = []
    done = Event()

    def watch(mine: list[int]) -> None:
        while not done.is_set():
            mine.append(watcher.listeners()[name]["receivedBytes"])

    watchers = []
    for _ in range(3):
        seen.append([])
        watchers.append(Thread(target=watch, args=(seen[-1],)))
        watchers[-1].start()
    try:
        for _ in range(2):
            program.signal(signal.SIGHUP)
            program.says("the workers are replaced")
    finally:
        done.set()
        for thread in watchers:
            thread.join()
    assert {count for mine in seen for count in mine} == {50}
    assert watcher.listeners()[name]["connectionsAccepted"] == 10
    assert "Traceback" not in program.transcript


def test_healthy_while_anybody_serves(start: Start) -> None:
    program = start("run", "--workers=2", "--stats=0", "who:main")
    watcher = Watcher(program)
    where(program)
    os.kill(workers(program)[0], signal.SIGKILL)
    program.says("another is started")
    assert watcher.ask("/health")[1] == b"serving\n"


def test_systemd_is_told(
    start: Start, socketPath: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(socketPath("notify"))
        systemd.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", systemd.getsockname())
        program = start("echo", "--workers=2", "--listen", TCP)
        assert systemd.recv(100) == b"READY=1"
        assert len(workers(program)) == 2
        with dial(where(program)) as client:
            assert echoed(client, b"hello") == b"hello"
        program.signal(signal.SIGTERM)
        assert systemd.recv(100) == b"STOPPING=1"
        program.status()
        systemd.setblocking(False)
        with pytest.raises(BlockingIOError):
            systemd.recv(100)


def startable_by(user: int) -> bool:
    """Whether another user can run this Python."""
    command = [sys.executable, "-c", "import twisted"]
    try:
        done = subprocess.run(
            command, user=user, group=user, cwd="/", check=False, capture_output=True
        )
    except PermissionError:
        return False
    return not done.returncode


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give privileges up")
def test_a_port_of_roots_is_bound_before_privileges_go(
    start: Start, tmp_path: Path, socketPath: Callable[[str], str]
) -> None:
    if not startable_by(65534):
        pytest.skip("the user 'nobody' cannot reach this Python")
    for directory in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        directory.chmod(0o755)
    path = socketPath("of-root")
    os.chmod(os.path.dirname(path), 0o755)
    with keptPort() as port:
        listen = f"tcp:{port}:interface=127.0.0.1"
        program = start(
            *("echo", "--workers=2", "--listen", listen, "--listen", f"unix:{path}"),
            prefix=("-n", "--uid=65534", "--gid=65534"),
        )
        place = where(program)
    with dial(place) as client:
        assert echoed(client, b"hello") == b"hello"
    for pid in workers(program):
        status = Path(f"/proc/{pid}/status").read_text()
        assert re.search(r"^Uid:\s65534\s65534\s65534\s65534$", status, re.MULTILINE)
    program.signal(signal.SIGTERM)
    program.says("cannot remove the socket: .*Permission denied")
    assert program.status() == -signal.SIGTERM


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("echo", "--workers=0"), "--workers takes a number, 1 to 1024, or auto, not '0'"),
        (("run", "--workers=x", "who:main"), "--workers takes a number, 1 to 1024, or auto"),
        (
            ("relay", "--workers=2", "--listen=udp:0", "--connect=udp:127.0.0.1:53"),
            "--workers takes a socket for each, udp:0:reusePort=yes",
        ),
        (
            ("relay", "--workers=2", "--listen=haproxy:tcp:0", "--connect=tcp:127.0.0.1:53"),
            "workers cannot share haproxy:tcp:0",
        ),
    ],
)
def test_mistakes_are_one_line(start: Start, arguments: tuple[str, ...], line: str) -> None:
    program = start(*arguments)
    assert program.status() == 1
    assert line in program.errors
    assert program.errors.count("\n") == 1
