"""``twistd nodenet ... --workers``: several processes share what one listens on."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from smoke.program import PATIENCE
from smoke.workers import TCP, UDP, Start, asked, dial, echoed, gone, where, workers

TAC = """
import os
from twisted.application.service import Application
from nodenet.services import WorkersService

os.environ.pop("PYTHONUNBUFFERED", None)
application = Application("greeter")
WorkersService(["run", "who:main"], 2).setServiceParent(application)
"""


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
