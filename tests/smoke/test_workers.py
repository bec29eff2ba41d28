"""``twistd nodenet ... --workers``: a service in several processes, as its operator meets it."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from smoke.program import PATIENCE, Program, stuck, twistd

TCP = "tcp:0:interface=127.0.0.1"
UDP = "udp:0:interface=127.0.0.1"
Start = Callable[..., Program]

WHO = """
import os, sys, time
from nodenet import cluster, net

def main():
    def greet(client):
        print("somebody is here")
        client.on("error", lambda error: None).end(str(os.getpid()))
    return net.createServer(greet).listen(0, "127.0.0.1")

def fails():
    raise ZeroDivisionError("oops")

def crashes():
    def serve(client):
        os._exit(3)
    return net.createServer(serve).listen(0, "127.0.0.1")

def once_only():
    server = net.createServer(lambda client: client.end("bye"))
    server.on("connection", lambda client: server.close())
    return server.listen(0, "127.0.0.1")

def fragile():
    if os.path.exists("broken"):
        sys.exit("it is broken")
    return main()
"""

TAC = """
import os
from twisted.application.service import Application
from nodenet.services import WorkersService

os.environ.pop("PYTHONUNBUFFERED", None)
application = Application("greeter")
WorkersService(["run", "who:main"], 2).setServiceParent(application)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts ``twistd -n nodenet`` with these arguments, beside who.py."""
    (tmp_path / "who.py").write_text(WHO)
    started = []

    def start(
        *arguments: str,
        prefix: tuple[str, ...] = ("-n",),
        words: tuple[str, ...] = ("nodenet",),
        **keywords: Any,
    ) -> Program:
        command = ["--pidfile=", *prefix, *words, *arguments]
        started.append(twistd(*command, cwd=tmp_path, **keywords))
        return started[-1]

    yield start
    for program in started:
        program.close()


def where(program: Program) -> tuple[str, int]:
    """Where it says next that it listens."""
    host, port = program.says(r"#info\] listening on (?:tcp|udp) (\S+):(\d+)").groups()
    return host, int(port)


def dial(place: tuple[str, int]) -> socket.socket:
    return socket.create_connection(place, PATIENCE)


def asked(place: tuple[str, int]) -> str:
    """What is said to a client there."""
    with dial(place) as client:
        return b"".join(iter(lambda: client.recv(100), b"")).decode()


def echoed(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    return client.recv(len(data), socket.MSG_WAITALL)


def gone(pid: int) -> bool:
    """Whether a process ends, and is no zombie either."""
    deadline = time.monotonic() + PATIENCE
    while os.path.exists(f"/proc/{pid}"):
        if time.monotonic() > deadline:
            return False
    return True


def workers(program: Program) -> list[int]:
    """The process ids of those that are its children."""
    pid = program.process.pid
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Watcher:
    """Reads what a program counts."""

    def __init__(self, program: Program) -> None:
        self.port = int(program.says(r"counters at tcp 127.0.0.1:(\d+)")[1])

    def get(self, path: str) -> str:
        with closing(HTTPConnection("127.0.0.1", self.port, PATIENCE)) as connection:
            connection.request("GET", path)
            return connection.getresponse().read().decode()

    def listeners(self) -> dict[str, Any]:
        listeners: dict[str, Any] = json.loads(self.get("/stats.json"))["listeners"]
        return listeners

    def until(self, seen: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while not seen(listeners := self.listeners()):
            assert time.monotonic() < deadline, listeners
        return listeners


# -- sharing ------------------------------------------------------------------------------------


def test_each_has_its_turn(start: Start) -> None:
    program = start("run", "--workers", "2", "who:main")
    place = where(program)
    greeted = Counter(asked(place) for _ in range(20))
    assert sorted(greeted.values()) == [10, 10]
    assert {int(pid) for pid in greeted} == set(workers(program))


def test_every_kind_of_endpoint(start: Start, socketPath: Callable[[str], str]) -> None:
    path = socketPath("shared")
    program = start(
        "echo", "--workers=2", "--listen", TCP, "--listen", UDP, "--listen", f"unix:{path}:mode=600"
    )
    tcp, udp = where(program), where(program)
    program.says(re.escape(path))
    assert os.stat(path).st_mode & 0o777 == 0o600
    with ExitStack() as stack:
        for _ in range(3):
            assert echoed(stack.enter_context(dial(tcp)), b"hello") == b"hello"
            local = stack.enter_context(socket.socket(socket.AF_UNIX))
            local.settimeout(PATIENCE)
            local.connect(path)
            assert echoed(local, b"hello") == b"hello"
            datagrams = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            datagrams.settimeout(PATIENCE)
            datagrams.connect(udp)
            assert echoed(datagrams, b"hello") == b"hello"
    program.signal(signal.SIGTERM)
    assert program.status() == -signal.SIGTERM
    assert not os.path.exists(path)
    assert "Traceback" not in program.transcript


def test_they_bind_themselves_where_the_kernel_shares_a_port(start: Start) -> None:
    with socket.socket() as skt:
        skt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        skt.bind(("127.0.0.1", 0))  # kept from others, and not listened on
        place = skt.getsockname()
        listen = f"tcp:{place[1]}:interface=127.0.0.1:reusePort=yes"
        program = start("echo", "--workers=2", "--listen", listen)
        assert where(program) == place
        with dial(place) as client:
            assert echoed(client, b"hello") == b"hello"


def test_sockets_of_systemd(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        program = start(
            "echo", "--workers=2", "--listen", "tcp:systemd=web", sockets=[("web", listener)]
        )
        assert where(program) == listener.getsockname()
        for _ in range(2):
            with dial(listener.getsockname()) as client:
                assert echoed(client, b"hello") == b"hello"


def test_sockets_of_systemd_of_other_kinds(start: Start, socketPath: Callable[[str], str]) -> None:
    with socket.socket(socket.AF_UNIX) as local, socket.socket(type=socket.SOCK_DGRAM) as udp:
        local.bind(socketPath("systemds"))
        local.listen()
        udp.bind(("127.0.0.1", 0))
        program = start(
            *("echo", "--workers=2", "--listen", "unix:systemd=local", "--listen", "udp:systemd=1"),
            sockets=[("local", local), ("udp", udp)],
        )
        program.says("listening on unix")
        assert where(program) == udp.getsockname()
        for name, family, kind in (
            (local.getsockname(), socket.AF_UNIX, socket.SOCK_STREAM),
            (udp.getsockname(), socket.AF_INET, socket.SOCK_DGRAM),
        ):
            for _ in range(2):
                with socket.socket(family, kind) as client:
                    client.settimeout(PATIENCE)
                    client.connect(name)
                    assert echoed(client, b"hello") == b"hello"
        program.signal(signal.SIGTERM)
        program.status()
        assert os.path.exists(local.getsockname())  # it is systemd's


def test_several_free_ports_and_a_group(start: Start) -> None:
    group = "udp:0:multicast=239.255.7.6:multicastInterface=127.0.0.1"
    program = start("echo", "--workers=2", "--listen", TCP, "--listen", TCP, "--listen", group)
    first, second, (_, port) = where(program), where(program), where(program)
    assert first != second
    for place in (first, second) * 2:
        with dial(place) as client:
            assert echoed(client, b"hello") == b"hello"
    with socket.socket(type=socket.SOCK_DGRAM) as member:
        member.settimeout(PATIENCE)
        member.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        member.sendto(b"hello", ("239.255.7.6", port))
        assert member.recv(100) == b"hello"
    assert program.transcript.count("listening on") == 3


def test_in_an_application(tmp_path: Path, start: Start) -> None:
    (tmp_path / "greeter.tac").write_text(TAC)
    program = start(prefix=("-noy", "greeter.tac"), words=())
    place = where(program)
    pids = workers(program)
    assert {asked(place), asked(place)} == {str(pid) for pid in pids}
    program.says("worker .: somebody is here")  # and not when its buffer is full
    program.signal(signal.SIGTERM)
    program.status()
    assert all(gone(pid) for pid in pids)


def test_relays(start: Start) -> None:
    echo = start("echo", "--listen", TCP)
    host, port = where(echo)
    program = start("relay", "--workers=2", "--listen", TCP, "--connect", f"tcp:{host}:{port}")
    place = where(program)
    with dial(place) as one, dial(place) as other:
        for client in (one, other):
            data = os.urandom(100_000)
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            assert b"".join(iter(partial(client.recv, 65536), b"")) == data
    assert program.says("worker (.): .* bytes in")[1] != program.says("worker (.): .* bytes in")[1]


# -- life ---------------------------------------------------------------------------------------


def test_who_crashes_comes_back_and_nobody_is_refused(start: Start) -> None:
    program = start("run", "--workers=1", "who:crashes")
    place = where(program)
    for wait in ("0.25", "0.5"):
        assert asked_or_reset(place) == ""
        program.says(rf"worker \d has exited with 3; another is started in {wait} s")
    # Nobody is at work now: this waits for the next, who comes and crashes.
    assert asked_or_reset(place) == ""


def asked_or_reset(place: tuple[str, int]) -> str:
    try:
        return asked(place)
    except ConnectionResetError:
        return ""


def test_replacing_refuses_nobody(start: Start, tmp_path: Path) -> None:
    program = start("run", "--workers=2", "who:main")
    place = where(program)
    before = set(workers(program))
    heard: list[str] = []
    done = Event()

    def connect() -> None:
        while not done.is_set():
            heard.append(asked(place))

    client = Thread(target=connect)
    client.start()
    try:
        for _ in range(2):
            program.signal(signal.SIGHUP)
            program.says("the workers are replaced")
        for pid in before:
            assert gone(pid)
        deadline = time.monotonic() + PATIENCE
        while len(workers(program)) != 2:
            assert time.monotonic() < deadline
        now = {str(pid) for pid in workers(program)}
        seen = len(heard)
        while not now <= set(heard[seen:]):
            assert time.monotonic() < deadline
    finally:
        done.set()
        client.join()
    assert "" not in heard
    assert not before & {int(pid) for pid in heard[-2:]}


def test_who_cannot_take_over_leaves_the_one_before(start: Start, tmp_path: Path) -> None:
    program = start("run", "--workers=1", "who:fragile")
    place = where(program)
    before = asked(place)
    (tmp_path / "broken").touch()
    program.signal(signal.SIGHUP)
    program.says("it is broken")
    program.says("worker 2 has exited with 1; the one before stays")
    assert asked(place) == before
    (tmp_path / "broken").unlink()
    program.signal(signal.SIGHUP)
    program.says("the workers are replaced")
    assert asked(place) != before


def test_replacing_again_before_it_is_done(start: Start) -> None:
    program = start("run", "--workers=1", "who:main")
    place = where(program)
    first = workers(program)
    program.signal(signal.SIGHUP)
    program.says("replacing the workers")
    for _ in range(3):
        program.signal(signal.SIGHUP)
    program.says("the workers are replaced")
    program.says("the workers are replaced")
    deadline = time.monotonic() + PATIENCE
    while len(workers(program)) != 1:
        assert time.monotonic() < deadline
    assert first != workers(program) == [int(asked(place))]


def test_what_a_terminal_sends_to_all_ends_nobody_who_starts(start: Start) -> None:
    program = start("run", "--workers=1", "who:main")
    place = where(program)
    before = set(workers(program))
    program.signal(signal.SIGHUP)
    deadline = time.monotonic() + PATIENCE
    while not (starting := set(workers(program)) - before):
        assert time.monotonic() < deadline
    (worker,) = starting
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1):
        os.kill(worker, number)
    program.says("the workers are replaced")
    assert asked(place) == str(worker)
    assert "Traceback" not in program.transcript


@pytest.mark.parametrize("room", [0, 3])
def test_no_descriptors_for_another(start: Start, room: int) -> None:
    program = start("run", "--workers=1", "who:main")
    place = where(program)
    pid = program.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    (worker,) = workers(program)
    os.kill(worker, signal.SIGKILL)
    program.says("was ended by SIGKILL; another is started in 0.25 s")
    used = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
    free = [fd for fd in range(max(used) + room + 2) if fd not in used]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free[room], limits[1]))
    program.says(r"worker 2: spawn \S+ EMFILE")
    program.says("worker 2 could not be started; another is started in 0.5 s")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    assert asked(place) == str(*workers(program))


def test_who_cannot_begin_ends_the_service(start: Start) -> None:
    program = start("run", "--workers=2", "who:fails")
    assert program.status() == 1
    assert re.search(r"who:fails: ZeroDivisionError: oops \(who.py, line \d+\)", program.transcript)
    assert "Traceback" not in program.transcript


def test_a_program_that_has_come_to_its_end(start: Start) -> None:
    program = start("run", "--workers=1", "who:once_only")
    assert asked(where(program)) == "bye"
    assert program.status() == 0


def test_a_taken_port_is_one_line(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        program = start("echo", "--workers=2", "--listen", f"tcp:{port}:interface=127.0.0.1")
        assert program.status() == 1
    assert f"nodenet: listen EADDRINUSE: address already in use 127.0.0.1:{port}" in program.errors
    assert "Traceback" not in program.transcript


def test_stopping_lets_connections_finish(start: Start) -> None:
    program = start("echo", "--workers=2", "--grace=3600", "--listen", TCP)
    place = where(program)
    pids = workers(program)
    with dial(place) as client:
        sent = stuck(client)
        client.settimeout(PATIENCE)
        program.signal(signal.SIGTERM)
        program.says("1 get 3600 s to finish")
        client.shutdown(socket.SHUT_WR)
        assert b"".join(iter(lambda: client.recv(65536), b"")) == sent
    assert program.status() == -signal.SIGTERM
    assert all(gone(pid) for pid in pids)
    assert "Traceback" not in program.transcript


def test_the_second_signal_waits_for_nobody(start: Start) -> None:
    program = start("echo", "--workers=2", "--grace=3600", "--listen", TCP)
    place = where(program)
    pids = workers(program)
    with dial(place) as client:
        stuck(client)
        program.signal(signal.SIGINT)
        program.says("1 get 3600 s to finish")
        program.signal(signal.SIGINT)
        program.status()
    assert all(gone(pid) for pid in pids)


def test_workers_do_not_outlive_a_killed_primary(start: Start) -> None:
    program = start("echo", "--workers=2", "--listen", TCP)
    where(program)
    pids = workers(program)
    program.signal(signal.SIGKILL)
    assert program.status() == -signal.SIGKILL
    assert all(gone(pid) for pid in pids)


# -- what the operator sees ---------------------------------------------------------------------


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
    assert watcher.get("/health") == "serving\n"


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
        return not subprocess.run(command, user=user, group=user, cwd="/", check=False).returncode
    except PermissionError:
        return False


@pytest.mark.skipif(
    os.getuid() != 0 or not startable_by(65534),
    reason="only root can give up privileges, and 'nobody' has to reach this Python",
)
def test_a_port_of_roots_is_bound_before_privileges_go(
    start: Start, tmp_path: Path, socketPath: Callable[[str], str]
) -> None:
    for directory in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        directory.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listen = f"tcp:{port}:interface=127.0.0.1"
    path = socketPath("of-root")
    os.chmod(os.path.dirname(path), 0o755)
    program = start(
        *("echo", "--workers=2", "--listen", listen, "--listen", f"unix:{path}"),
        prefix=("-n", "--uid=65534", "--gid=65534"),
    )
    with dial(where(program)) as client:
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
        (("echo", "--workers=0"), "--workers takes a number, 1 or more, or auto, not '0'"),
        (("run", "--workers=x", "who:main"), "--workers takes a number, 1 or more, or auto"),
        (
            ("relay", "--workers=2", "--listen=udp:0", "--connect=udp:127.0.0.1:53"),
            "a relay of datagrams has its sessions in one process: it takes no --workers",
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
