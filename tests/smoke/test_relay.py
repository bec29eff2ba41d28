"""``twistd nodenet relay``, as an operator meets it: other people's clients, signals, mistakes."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from machine import tool
from smoke.program import PATIENCE, Program, everything, programs, twistd
from smoke.watcher import Watcher

TCP = "tcp:0:interface=127.0.0.1"
UDP = "udp:0:interface=127.0.0.1"
Start = Callable[..., Program]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Start]:
    """Starts ``twistd -n nodenet`` with these arguments."""
    with programs(tmp_path) as start:
        yield lambda *arguments: start("-n", "--pidfile=", "nodenet", *arguments)


def port(program: Program) -> int:
    """Where a program says next that it listens."""
    return int(program.says(r"listening on (?:tcp|udp) \S+:(\d+)")[1])


@pytest.fixture
def echo(run: Start) -> str:
    """A target that sends back what it gets, as ``--connect`` has it."""
    return f"tcp:127.0.0.1:{port(run('echo', '--listen', TCP))}"


def through(command: list[str], data: bytes) -> bytes:
    """What a client prints that is given `data`."""
    tool(command[0])
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True, timeout=PATIENCE)
    return done.stdout


@pytest.mark.parametrize("client", [["nc", "-N"], ["socat", f"-t{PATIENCE}", "STDIO"]])
def test_other_peoples_clients_end_one_direction(run: Start, echo: str, client: list[str]) -> None:
    at = port(run("relay", "--listen", TCP, "--connect", echo))
    where = [f"TCP:127.0.0.1:{at}"] if client[0] == "socat" else ["127.0.0.1", str(at)]
    data = os.urandom(10_000_000)
    assert hashlib.sha256(through([*client, *where], data)).digest() == (
        hashlib.sha256(data).digest()
    )


def test_the_server_behind_it_may_be_anybody_s(run: Start, tmp_path: Path) -> None:
    """curl asks a server of Python's own through a Unix socket."""
    (tmp_path / "page").write_bytes(os.urandom(1_000_000))
    server = Program([sys.executable, "-m", "http.server", "0", "-b", "127.0.0.1"], tmp_path)
    try:
        behind = server.says(r"port (\d+)")[1]
        relay = run("relay", "--listen", "unix:sock", "--connect", f"tcp:127.0.0.1:{behind}")
        relay.says("listening on unix")
        ask = ["curl", "-s", "--unix-socket", str(tmp_path / "sock"), "http://x/page"]
        assert through(ask, b"") == (tmp_path / "page").read_bytes()
        relay.says("1000000|1000[0-9]{3} out")
    finally:
        server.close()


def test_openssl_speaks_tls_with_it(run: Start, echo: str, tmp_path: Path) -> None:
    tool("openssl")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost", "-days", "2",
        ],
        cwd=tmp_path, check=True, capture_output=True, timeout=PATIENCE,
    )  # fmt: skip
    listen = f"ssl:0:interface=127.0.0.1:privateKey={tmp_path}/key.pem:certKey={tmp_path}/cert.pem"
    at = port(run("relay", "--listen", listen, "--connect", echo))
    ask = ["openssl", "s_client", "-quiet", "-no_ign_eof", "-servername", "localhost"]
    ask += ["-CAfile", str(tmp_path / "cert.pem"), "-verify_return_error"]
    client = subprocess.Popen(
        [*ask, "-connect", f"127.0.0.1:{at}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with client:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(b"hello over TLS\n")
        client.stdin.flush()
        assert client.stdout.readline() == b"hello over TLS\n"
        client.stdin.close()
        assert client.wait(PATIENCE) == 0


def test_datagrams_go_there_and_back(run: Start) -> None:
    target = port(run("echo", "--listen", UDP))
    relay = run("relay", "--listen", UDP, "--connect", f"udp:127.0.0.1:{target}")
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", port(relay)))
        for data in (b"one", b"x" * 60_000, b""):
            client.send(data)
            assert client.recv(65536) == data
        relay.signal(signal.SIGTERM)
        relay.says(rf"127.0.0.1:{client.getsockname()[1]} to udp:127.0.0.1:{target}: 60003 bytes")
    assert relay.status() == -signal.SIGTERM
    assert "Traceback" not in relay.transcript


def test_workers_relay_datagrams_each_from_a_socket_of_its_own(run: Start) -> None:
    """A client stays with the one that has its session, for the kernel goes by both addresses."""
    with ExitStack() as stack:
        target = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        target.settimeout(PATIENCE)
        target.bind(("127.0.0.1", 0))
        held = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        at = held.getsockname()
        listen = f"udp:{at[1]}:interface=127.0.0.1:reusePort=yes"
        to = f"udp:127.0.0.1:{target.getsockname()[1]}"
        relay = run("relay", "--workers", "2", "--stats", "0", "--listen", listen, "--connect", to)
        Watcher(relay).served()
        held.close()
        for _ in range(20):
            client = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            client.settimeout(PATIENCE)
            client.connect(at)
            sessions = set()
            for data in (b"one", b"two", b"three"):
                client.send(data)
                asked, session = target.recvfrom(100)
                assert asked == data
                sessions.add(session)
                target.sendto(b"and " + data, session)
                assert client.recv(100) == b"and " + data
            assert len(sessions) == 1


def memory(program: Program) -> int:
    """Bytes that a program has in memory."""
    pages = Path(f"/proc/{program.process.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks /proc for memory")
def test_who_does_not_read_costs_no_memory(run: Start) -> None:
    """Clients that never read, of a target that stops only where nothing else stops it."""
    with socket.create_server(("127.0.0.1", 0)) as target, ExitStack() as opened:
        relay = run(
            "relay", "--listen", TCP, "--connect", f"tcp:127.0.0.1:{target.getsockname()[1]}"
        )
        at = port(relay)
        before = memory(relay)
        sent = 0
        sides = []
        for _ in range(4):
            opened.enter_context(socket.create_connection(("127.0.0.1", at), PATIENCE))
            sides.append(opened.enter_context(target.accept()[0]))
            sides[-1].setblocking(False)
        deadline = time.monotonic() + PATIENCE
        while sent < 512 << 20:
            writable = select.select([], sides, [], 0.5)[1]
            if not writable and sent > 4 << 20:
                break
            assert time.monotonic() < deadline, "the relay takes nothing"
            sent += sum(side.send(bytes(1 << 18)) for side in writable)
        assert memory(relay) - before < 32 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="counts on Linux's backlog")
def test_a_target_that_never_accepts_is_given_up(run: Start) -> None:
    with socket.socket() as target, ExitStack() as opened:
        target.bind(("127.0.0.1", 0))
        target.listen(0)
        waiting = opened.enter_context(socket.socket())
        waiting.connect(target.getsockname())  # the one that there is room for
        relay = run(
            "relay", "--listen", TCP, "--connect", f"tcp:127.0.0.1:{target.getsockname()[1]}",
            "--connect-timeout", "0.3",
        )  # fmt: skip
        with (
            pytest.raises(ConnectionResetError),  # even before it is told that it has connected
            socket.create_connection(("127.0.0.1", port(relay)), PATIENCE) as client,
        ):
            client.recv(1)
        relay.says("no answer from the target")


def test_hangup_reads_the_lists_again(run: Start, echo: str, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("# nobody yet\n")
    relay = run("relay", "--listen", TCP, "--connect", echo, "--block", "@blocked")
    at = ("127.0.0.1", port(relay))

    def served() -> bool:
        with socket.create_connection(at, PATIENCE) as client:
            try:
                client.sendall(b"x")
                return client.recv(1) == b"x"
            except OSError:
                return False

    with socket.create_connection(at, PATIENCE) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        blocked.write_text("10.0.0.0/8\n127.0.0.300\n")
        relay.signal(signal.SIGHUP)
        relay.says(rf"the lists stay as they were: {blocked}:2: block must hold")
        assert served()
        blocked.write_text("10.0.0.0/8\n127.0.0.0/8\n")
        relay.signal(signal.SIGHUP)
        relay.says("read the lists again")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        relay.says("bytes in, 1 out in .*: blocked")
        assert not served()
    blocked.write_text("")
    relay.signal(signal.SIGHUP)
    relay.says("read the lists again")
    assert served()
    relay.signal(signal.SIGTERM)
    assert relay.status() == -signal.SIGTERM
    assert "Traceback" not in relay.transcript


def test_it_serves_in_an_application(echo: str, tmp_path: Path) -> None:
    """A .tac file, with the service as its text documents it."""
    (tmp_path / "relay.tac").write_text(
        "from twisted.application.service import Application\n"
        "from nodenet.services import RelayService\n"
        "application = Application('relay')\n"
        f"RelayService(['unix:sock'], {echo!r}).setServiceParent(application)\n"
    )
    program = twistd("-ny", "relay.tac", "--pidfile=", cwd=tmp_path)
    try:
        program.says("listening on unix")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(tmp_path / "sock"))
            client.sendall(b"x")
            assert client.recv(1) == b"x"
    finally:
        program.signal(signal.SIGTERM)
        assert program.status() == -signal.SIGTERM
        program.close()


def test_the_counters_are_shown(run: Start, echo: str) -> None:
    relay = run("relay", "--listen", TCP, "--connect", echo, "--stats", "0")
    at, stats = port(relay), int(relay.says(r"counters at tcp \S+:(\d+)")[1])
    with socket.create_connection(("127.0.0.1", at), PATIENCE) as client:
        client.sendall(b"12345")
        assert client.recv(5) == b"12345"
        page = through(["curl", "-s", f"http://127.0.0.1:{stats}/stats.json"], b"")
    figures = json.loads(page)["listeners"][f"tcp 127.0.0.1:{at}"]
    assert (figures["connectionsActive"], figures["receivedBytes"]) == (1, 5)


def test_a_stop_lets_connections_end(run: Start, echo: str) -> None:
    relay = run("relay", "--listen", TCP, "--connect", echo, "--grace", "3600")
    with socket.create_connection(("127.0.0.1", port(relay)), PATIENCE) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        relay.signal(signal.SIGTERM)
        relay.says("1 get 3600 s to finish")
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == b"last words"
    assert relay.status() == -signal.SIGTERM
    assert ": ended" in relay.transcript


def test_a_second_signal_does_not_wait(run: Start, echo: str) -> None:
    relay = run("relay", "--listen", TCP, "--connect", echo, "--grace", "3600")
    with socket.create_connection(("127.0.0.1", port(relay)), PATIENCE) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        relay.signal(signal.SIGTERM)
        relay.says("1 get 3600 s to finish")
        relay.signal(signal.SIGTERM)
        assert relay.status() == -signal.SIGTERM
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert ": service stopped" in relay.transcript


def test_it_does_not_run_out_of_files(run: Start, echo: str) -> None:
    """By default there are no more connections than the limit of open files has room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
    try:
        relay = run("relay", "--listen", TCP, "--connect", echo)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    at = ("127.0.0.1", port(relay))
    with ExitStack() as opened:
        served = sum(isServed(opened.enter_context(socket.socket()), at) for _ in range(100))
        assert served == 32
    relay.says("there are 32 already, and no room for more")
    served_in_time(at)  # when it has noticed that they have gone
    assert "EMFILE" not in relay.transcript
    assert "Traceback" not in relay.transcript


def isServed(client: socket.socket, at: tuple[str, int], seconds: float = PATIENCE) -> bool:
    """Whether somebody is answered there, in so many seconds."""
    client.settimeout(seconds)
    try:
        client.connect(at)
        client.send(b"y")
        return client.recv(1) == b"y"
    except OSError:
        return False


def served_in_time(at: tuple[str, int], kind: socket.SocketKind = socket.SOCK_STREAM) -> None:
    """Try until somebody is; of UDP each attempt may be lost."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with socket.socket(type=kind) as client:
            if isServed(client, at, 5):
                return
        assert time.monotonic() < deadline, "it serves nobody any more"


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_it_survives_that_files_run_out(run: Start, kind: str) -> None:
    """Who says that there may be more than there are files for gets what there is."""
    listen = TCP if kind == "tcp" else UDP
    target = port(run("echo", "--listen", listen))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        relay = run(
            "relay", "--listen", listen, "--connect", f"{kind}:127.0.0.1:{target}",
            "--max-connections", "1000", "--idle-timeout", "1",
        )  # fmt: skip
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    at = ("127.0.0.1", port(relay))
    type_ = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
    with ExitStack() as opened:
        for _ in range(100):
            client = opened.enter_context(socket.socket(type=type_))
            client.connect(at)
            client.send(b"x")
        relay.says("EMFILE|cannot accept connections")
        if kind == "tcp":
            opened.close()  # of UDP they keep their ports: what one was sent is not for another
        served_in_time(at, type_)
    assert "Traceback" not in relay.transcript


def test_a_mistake_is_one_line(run: Start) -> None:
    program = run("relay", "--listen", "udp:0", "--connect", "tcp:h:1")
    assert program.status() == 1
    assert program.errors.count("\n") == 1
    assert program.errors.startswith("twistd nodenet relay: udp:0 cannot be relayed to tcp:h:1")


def test_the_help_shows_how(run: Start) -> None:
    program = run("relay", "--help")
    assert program.status() == 0
    for word in ("--listen", "--connect", "--block", "--proxy-protocol", "Examples:", "SIGHUP"):
        assert word in program.transcript
