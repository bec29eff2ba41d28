"""``twistd nodenet run``, as an operator meets it: a program in a file, and its process."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from machine import keptPort
from smoke.program import PATIENCE, Program, programs, refused, twistd

Start = Callable[..., Program]

NAME = "127.1"  # looked up as names are, and 127.0.0.1 on every machine

CHAT = """
import sys
from nodenet import dgram, net
from nodenet.events import once

def main(port="0", host="127.0.0.1"):
    return net.createServer(lambda client: client.pipe(client)).listen(int(port), host)

async def both():
    server = main()
    await once(server, "listening")
    return [server, dgram.createSocket("udp4").bind(0, "127.0.0.1")]

def once_only():
    def serve(client):
        client.end("bye")
        server.close()
    server = net.createServer(serve).listen(0, "127.0.0.1")
    return server

def leaves(code):
    sys.exit(int(code) if code.isdigit() else code)

def exits(code):
    return net.createServer(lambda client: sys.exit(int(code))).listen(0, "127.0.0.1")

def clumsy():
    def serve(client):
        client.end("hello")
        raise ZeroDivisionError("oops")
    return net.createServer(serve).listen(0, "127.0.0.1")

async def gives_up():
    await once(net.createServer().listen(0, "127.1"), "listening")
    raise ValueError("no luck")

def nothing():
    print("done")
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Start]:
    """Starts ``twistd -n nodenet run`` with these arguments, beside chat.py."""
    (tmp_path / "chat.py").write_text(CHAT)
    with programs(tmp_path) as start:
        yield lambda *arguments, prefix=("-n",): start(
            *prefix, "--pidfile=twistd.pid", "nodenet", "run", *arguments
        )


def port(program: Program) -> int:
    """Where it says next that it listens."""
    return int(program.says(r"listening on tcp \S+:(\d+)")[1])


def dial(number: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", number), PATIENCE)


def test_a_program_of_the_current_directory(run: Start, tmp_path: Path) -> None:
    program = run("chat:both")
    with dial(port(program)) as client:
        client.sendall(b"x")
        assert client.recv(10) == b"x"
        program.says(r"listening on udp 127.0.0.1:\d+")
        program.signal(signal.SIGTERM)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(10) == b""
    assert program.status() == -signal.SIGTERM
    assert "Traceback" not in program.transcript
    assert not (tmp_path / "twistd.pid").exists()


def test_what_is_looked_up_first_listens_a_little_later(run: Start) -> None:
    program = run("chat:main", "0", NAME)
    with dial(port(program)) as client:
        client.sendall(b"x")
        assert client.recv(10) == b"x"


def test_a_daemon_that_cannot_start_says_so_to_who_started_it(run: Start, tmp_path: Path) -> None:
    starter = run("nowhere:main", prefix=())
    assert starter.status() == 1
    assert "nowhere:main: there is no module 'nowhere'" in starter.errors
    assert "Traceback" not in (tmp_path / "twistd.log").read_text()
    assert not (tmp_path / "twistd.pid").exists()


def test_its_arguments_are_its_own(run: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        line = refused(run("chat:main", str(taken), "--", "--grace"))
    assert line.startswith("nodenet: chat:main: TypeError: ")


def test_open_connections_get_their_time(run: Start) -> None:
    program = run("--grace", "3600", "chat:main")
    number = port(program)
    with dial(number) as client:
        client.sendall(b"x")
        assert client.recv(10) == b"x"
        program.signal(signal.SIGTERM)
        program.says("Received SIGTERM")
        client.sendall(b"y")
        assert client.recv(10) == b"y"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(10) == b""
    assert program.status() == -signal.SIGTERM


def test_a_second_signal_cuts_it_short(run: Start) -> None:
    program = run("--grace", "3600", "chat:main")
    with dial(port(program)) as client:
        client.sendall(b"x")
        assert client.recv(10) == b"x"
        program.signal(signal.SIGINT)
        program.says("Received SIGINT")
        program.signal(signal.SIGINT)
        assert program.status() == -signal.SIGINT
    assert "cut off what had not finished: 1" in program.transcript


def test_a_program_that_closes_itself_ends_the_process(run: Start, tmp_path: Path) -> None:
    program = run("chat:once_only")
    with dial(port(program)) as client:
        assert client.recv(10) == b"bye"
        client.shutdown(socket.SHUT_WR)
        assert program.status() == 0
    assert "chat:once_only has ended" in program.transcript
    assert not (tmp_path / "twistd.pid").exists()


def test_so_does_one_that_opens_nothing(run: Start) -> None:
    program = run("chat:nothing")
    program.says("done")
    assert program.status() == 0


@pytest.mark.parametrize(("code", "status"), [("0", 0), ("3", 3), ("bad day", 1)])
def test_sys_exit_at_once_is_the_status(run: Start, tmp_path: Path, code: str, status: int) -> None:
    program = run("chat:leaves", code)
    assert program.status() == status
    assert code in program.errors
    assert "Traceback" not in program.transcript
    assert not (tmp_path / "twistd.pid").exists()


@pytest.mark.parametrize("code", [0, 3])
def test_sys_exit_is_the_status(run: Start, tmp_path: Path, code: int) -> None:
    program = run("--grace=0.1", "chat:exits", str(code))
    with dial(port(program)):
        assert program.status() == code
    assert not (tmp_path / "twistd.pid").exists()


def test_an_exception_of_a_listener_ends_nothing(run: Start) -> None:
    program = run("chat:clumsy")
    number = port(program)
    for _ in range(2):
        with dial(number) as client:
            assert client.recv(10) == b"hello"
        program.says("ZeroDivisionError: oops")
    program.signal(signal.SIGTERM)
    assert program.status() == -signal.SIGTERM


def test_one_that_fails_later_ends_with_a_line(run: Start) -> None:
    program = run("chat:gives_up")
    assert program.status() == 1
    assert "chat:gives_up: ValueError: no luck (chat.py, line " in program.transcript
    assert "Traceback" not in program.transcript


def test_a_port_that_is_taken(run: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        line = refused(run("chat:main", str(taken)))
        assert line == (
            f"nodenet: chat:main: listen EADDRINUSE: address already in use 127.0.0.1:{taken}"
        )
        program = run("chat:main", str(taken), NAME)  # looked up, so it comes later
        assert program.status() == 1
        assert f"listen EADDRINUSE: address already in use 127.0.0.1:{taken}" in program.transcript
        assert "Traceback" not in program.transcript


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "twistd nodenet run: what to run is MODULE:CALLABLE, such as chat:main, not ''"),
        (["chat"], "not 'chat'"),
        (["chat.py:main"], "'chat.py:main': a module has no '.py': chat:main"),
        (["nowhere:main"], "nodenet: nowhere:main: there is no module 'nowhere'"),
        (["chat:mian"], "nodenet: chat:mian: there is no 'mian' in chat; did you mean main?"),
        (["chat:main", "http"], "ValueError: invalid literal for int() with base 10: 'http' (chat"),
        (["--stats=x", "chat:main"], "twistd nodenet run: --stats 'x'"),
        (["--grace=x", "chat:main"], "--grace takes a number of seconds, 0 or more, not 'x'"),
        (["--listen=x", "chat:main"], "option --listen not recognized"),
    ],
)
def test_what_is_wrong_is_one_line(
    run: Start, tmp_path: Path, arguments: list[str], line: str
) -> None:
    assert line in refused(run(*arguments))
    assert not (tmp_path / "twistd.pid").exists()


def test_help_is_for_strangers(run: Start) -> None:
    program = run("--help")
    assert program.status() == 0
    for word in (
        "MODULE:CALLABLE",
        "--grace",
        "--stats",
        "SIGUSR1",
        "/metrics",
        "--uid",
        "Example",
    ):
        assert word in program.transcript


def test_nothing_of_the_program_runs_before_the_fork(run: Start, tmp_path: Path) -> None:
    (tmp_path / "who.py").write_text(
        "import os\n"
        "from pathlib import Path\n"
        "from nodenet import net\n"
        "Path('imported').write_text(str(os.getpid()))\n"
        "def main():\n"
        "    Path('called').write_text(str(os.getpid()))\n"
        "    return net.createServer(lambda client: client.pipe(client)).listen('sock')\n"
    )
    starter = run("--stats", "unix:stats", "who:main", prefix=())
    assert starter.status() == 0
    daemon = (tmp_path / "twistd.pid").read_text()
    assert (tmp_path / "imported").read_text() == (tmp_path / "called").read_text() == daemon
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(tmp_path / "sock"))
        client.sendall(b"x")
        assert client.recv(10) == b"x"
        os.kill(int(daemon), signal.SIGTERM)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(10) == b""


@pytest.fixture
def low_port() -> Iterator[int]:
    """A free port that only root may take."""
    with ExitStack() as stack:
        for number in range(1023, 0, -1):
            try:
                yield stack.enter_context(keptPort(number))
            except OSError:
                continue
            return
        pytest.skip("no port below 1024 is free, or may be taken")


def user(pid: int) -> int:
    """Who a process runs as."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("\nUid:")[2].split()[0])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give privileges up")
@pytest.mark.parametrize("service", ["run", "echo"])
def test_a_low_port_is_bound_before_privileges_go(
    tmp_path: Path, service: str, socketPath: Callable[[str], str], low_port: int
) -> None:
    (tmp_path / "chat.py").write_text(CHAT)
    tmp_path.chmod(0o755)
    os.chmod(os.path.dirname(socketPath("")), 0o777)
    what = {
        "run": ["chat:main", str(low_port)],
        "echo": ["--listen", f"tcp:{low_port}:interface=127.0.0.1"],
    }[service]
    program = twistd(
        "-n", "--pidfile=", "--uid=nobody", "nodenet", service, "--stats",
        f"unix:{socketPath('stats')}", *what, cwd=tmp_path,
    )  # fmt: skip
    with closing(program), dial(port(program)) as client:
        assert client.getpeername()[1] == low_port
        assert user(program.process.pid) != 0
        client.sendall(b"x")
        assert client.recv(10) == b"x"
        program.signal(signal.SIGTERM)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(10) == b""
        assert program.status() == -signal.SIGTERM


def test_the_service_runs_from_a_tac_file(tmp_path: Path) -> None:
    (tmp_path / "chat.py").write_text(CHAT)
    (tmp_path / "chat.tac").write_text(
        "from twisted.application.service import Application\n"
        "from nodenet.services import RunService\n"
        "application = Application('chat')\n"
        "RunService('chat:main').setServiceParent(application)\n"
        "RunService('chat:once_only').setServiceParent(application)\n"
    )
    program = twistd("-ny", "chat.tac", cwd=tmp_path)
    with closing(program):
        ports = [port(program), port(program)]
        with dial(ports[1]) as second:
            assert second.recv(10) == b"bye"
        with dial(ports[0]) as first:  # the end of one is not the end of the other
            first.sendall(b"x")
            assert first.recv(10) == b"x"
        program.signal(signal.SIGTERM)
        assert program.status() == -signal.SIGTERM
    assert "Traceback" not in program.transcript


@pytest.mark.parametrize("reactor", ["poll", "select", "asyncio"])
def test_every_reactor(run: Start, reactor: str) -> None:
    program = run("chat:once_only", prefix=("-n", f"--reactor={reactor}"))
    with dial(port(program)) as client:
        assert client.recv(10) == b"bye"
        client.shutdown(socket.SHUT_WR)
        assert program.status() == 0
    assert "Traceback" not in program.transcript
