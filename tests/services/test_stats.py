"""What ``--stats`` shows, and that nobody can hurt the service through it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as some
from services.exposition import readExposition
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from nodenet import net
from nodenet.endpoints import EndpointStringError
from nodenet.events import once
from nodenet.loop import pollerOf
from nodenet.services import EchoService
from nodenet.services._operated import statsEndpoint
from nodenet.services._stats import Page, Pages, State, exposition
from nodenet.services._stats_port import _Channels
from nodenet.services.counters import Counted, Counters, Tally, figures

TCP = "tcp:0:interface=127.0.0.1"


@pytest.fixture
def counters() -> Counters:
    counters = Counters()
    tally = counters.tally("tcp 127.0.0.1:8124", Counted.CONNECTIONS)
    tally.connectionsAccepted += 3
    tally.failed("EPIPE")
    return counters


def test_prometheus_reads_it(counters: Counters) -> None:
    metrics = readExposition(exposition(counters.export()))
    accepted = metrics["nodenet_connections_accepted_total"]
    assert accepted.kind == "counter"
    assert accepted.help == "Connections that were accepted."
    assert accepted.value(listener="tcp 127.0.0.1:8124") == 3
    assert metrics["nodenet_connections_active"].kind == "gauge"
    assert metrics["nodenet_errors_total"].value(listener="tcp 127.0.0.1:8124", code="EPIPE") == 1
    assert metrics["nodenet_start_time_seconds"].value() == counters.startTimeSeconds


def test_twisted_web_is_imported_for_it_alone() -> None:
    program = (
        "import sys, nodenet.tap; print([m for m in sys.modules if m.startswith('twisted.web')])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert done.stdout == b"[]\n"


def test_every_figure_is_a_metric() -> None:
    counters = Counters()
    tally = counters.tally("all", ~Counted(0))
    tally.read("datagramsOverflowed", lambda: 0)
    tally.failed("EPIPE")
    metrics = readExposition(exposition(counters.export()))
    assert list(metrics) == [one.metric for one in [*figures(Counters), *figures(Tally)]]


@given(some.text(), some.text())
def test_any_name_can_be_a_label(listener: str, code: str) -> None:
    counters = Counters()
    counters.tally(listener, Counted.DATAGRAMS).failed(code)
    text = exposition(counters.export()).encode().decode()
    assert readExposition(text)["nodenet_errors_total"].value(listener=listener, code=code) == 1


def shown(pages: Pages, method: bytes, path: bytes) -> Page:
    """The answer, which is there at once where one process counts."""
    answers: list[Page] = []
    pages.page(method, path).addCallback(answers.append)
    return answers[0]


def test_a_path_that_is_no_text(counters: Counters) -> None:
    counters.tally("unix /tmp/\udcff", Counted.CONNECTIONS)
    pages = Pages(counters.export, lambda: State.SERVING)
    metrics = readExposition(shown(pages, b"GET", b"/metrics").body.decode())
    assert metrics["nodenet_connections_active"].value(listener="unix /tmp/\\udcff") == 0
    assert r"unix /tmp/\udcff" in json.loads(shown(pages, b"GET", b"/stats.json").body)["listeners"]


@pytest.mark.parametrize(
    ("state", "status"), [(State.SERVING, 200), (State.STARTING, 503), (State.DRAINING, 503)]
)
def test_only_who_serves_is_healthy(counters: Counters, state: State, status: int) -> None:
    pages = Pages(counters.export, lambda: state)
    page = shown(pages, b"GET", b"/health")
    assert (page.status, page.body) == (status, f"{state.value}\n".encode())
    assert json.loads(shown(pages, b"GET", b"/stats.json").body)["state"] == state.value


def test_other_paths_and_methods(counters: Counters) -> None:
    pages = Pages(counters.export, lambda: State.SERVING)
    assert shown(pages, b"HEAD", b"/metrics").status == 200
    assert shown(pages, b"POST", b"/metrics").status == 405
    assert shown(pages, b"GET", b"/").status == 404
    assert b"/stats.json" in shown(pages, b"GET", b"/nothing").body


# -- where it is shown --------------------------------------------------------------------------


def test_a_port_alone_is_of_this_machine_alone() -> None:
    assert str(statsEndpoint("9100")) == "tcp:9100:interface=127.0.0.1"


@pytest.mark.parametrize("text", ["tcp:9100", "tcp:9100:interface=192.0.2.1", "unix:/run/stats"])
def test_an_endpoint_is_taken_as_it_stands(text: str) -> None:
    assert str(statsEndpoint(text)) == text


@pytest.mark.parametrize("text", ["udp:9100", "99999", "tcp:x", "", "nothing"])
def test_what_cannot_be_listened_on_is_refused(text: str) -> None:
    with pytest.raises(EndpointStringError):
        EchoService([TCP], stats=text)


# -- over HTTP ----------------------------------------------------------------------------------


class Asker:
    """Starts a service with ``--stats``, and asks it."""

    def __init__(self, stats: str | IStreamServerEndpoint = "0") -> None:
        self.service = EchoService([TCP], stats=stats)
        self.service.startService()
        where = str(self.service._stats_port)
        self.port = int(where.rpartition(":")[2])

    def dial(self) -> net.Socket:
        return net.createConnection(self.port, "127.0.0.1")

    async def ask(self, request: bytes) -> tuple[bytes, bytes]:
        """Send a request; head and body of the answer."""
        client = self.dial()
        client.write(request)
        head, _, body = (await everything(client)).partition(b"\r\n\r\n")
        return head, body


async def everything(client: net.Socket) -> bytes:
    chunks: list[bytes] = []
    client.on("data", chunks.append)
    client.on("error", lambda error: None)
    closed: Deferred[None] = Deferred()
    client.on("close", lambda hadError: closed.callback(None))
    await closed
    return b"".join(chunks)


async def test_it_counts_what_clients_do() -> None:
    asker = Asker()
    client = net.createConnection(int(asker.service.listening[0].rpartition(":")[2]), "127.0.0.1")
    client.write("12345")
    assert await once(client, "data") == (b"12345",)
    head, body = await asker.ask(b"GET /stats.json HTTP/1.1\r\nHost: x\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Type: application/json" in head
    (listener,) = json.loads(body)["listeners"].values()
    assert (listener["connectionsActive"], listener["receivedBytes"]) == (1, 5)
    client.destroy()
    await once(client, "close")
    await asker.service.stopService()


async def test_a_head_has_no_body() -> None:
    asker = Asker()
    head, body = await asker.ask(b"HEAD /metrics HTTP/1.0\r\n\r\n")
    assert b"text/plain; version=0.0.4; charset=utf-8" in head
    assert body == b""
    await asker.service.stopService()


async def test_a_post_is_told_what_is_allowed() -> None:
    asker = Asker()
    head, _ = await asker.ask(b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
    assert head.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nAllow: GET, HEAD" in head
    await asker.service.stopService()


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n",
        b"GET /" + b"x" * 100_000,
        b"GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n" + b"x" * 1_000_000,
    ],
    ids=["no HTTP", "too many headers", "too long a line", "a bad length", "a body"],
)
async def test_what_is_too_much_ends_the_connection(request_: bytes) -> None:
    asker = Asker()
    head, _ = await asker.ask(request_)
    assert b" 200 " not in head
    head, _ = await asker.ask(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    await asker.service.stopService()


WORDS = [
    b"GET ",
    b"POST ",
    b"/metrics",
    b" HTTP/1.1",
    b"\r\n",
    b"\r\n\r\n",
    b"Content-Length: ",
    b"5",
    b"-1",
    b"9" * 30,
    b"Transfer-Encoding: chunked",
    b"0\r\n\r\n",
    b"zz\r\n",
    b"Expect: 100-continue",
    b"\0",
    b"Content-Type: multipart/form-data; boundary=x",
    b"\xff",
    b":",
    b"Cookie: a=b;;=",
    b"%zz",
    b"?a=&",
]
NONSENSE = some.lists(some.sampled_from(WORDS) | some.binary(max_size=20)).map(b"".join)


@given(some.lists(NONSENSE))
def test_nothing_that_is_sent_raises(pieces: list[bytes]) -> None:
    channels = _Channels(Pages(Counters().export, lambda: State.SERVING), pollerOf())
    channel = channels.buildProtocol(None)
    transport = StringTransport()
    channel.makeConnection(transport)
    for piece in [b"GET /metrics HTTP/1.1\r\n", *pieces]:
        if not transport.disconnecting:
            channel.dataReceived(piece)
    channel.connectionLost(Failure(ConnectionDone()))


async def test_connections_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodenet.services._stats_port._CONNECTIONS", 2)
    asker = Asker()
    idle = [asker.dial() for _ in range(2)]
    for client in idle:
        await once(client, "connect")
    assert await asker.ask(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n") == (b"", b"")
    for client in idle:
        client.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await everything(client)).startswith(b"HTTP/1.1 200 ")
    head, _ = await asker.ask(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    await asker.service.stopService()


async def test_none_is_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nodenet.services._stats_port._SECONDS", 0.1)
    asker = Asker()
    client = asker.dial()
    client.write("GET /heal")
    assert await everything(client) == b""
    await asker.service.stopService()


async def test_it_closes_last_and_whoever_is_connected_with_it() -> None:
    asker = Asker()
    service = asker.service
    service.grace = 3600
    client = net.createConnection(int(service.listening[0].rpartition(":")[2]), "127.0.0.1")
    client.write("ping")
    await once(client, "data")
    stopped = service.stopService()
    head, body = await asker.ask(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (head.split()[1], body) == (b"503", b"draining\n")
    watcher = asker.dial()
    closed = everything(watcher)
    await once(watcher, "connect")
    client.end()
    await stopped
    assert await closed == b""
    refused = asker.dial()
    (error,) = await once(refused, "error")
    assert error.code == "ECONNREFUSED"


async def test_an_endpoint_of_twisteds() -> None:
    reactor = pollerOf().reactor
    asker = Asker(TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1"))
    head, _ = await asker.ask(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    await asker.service.stopService()


async def test_a_unix_socket(socketPath: Callable[[str], str]) -> None:
    service = EchoService([TCP], stats=f"unix:{socketPath('stats')}")
    service.startService()
    client = net.createConnection(socketPath("stats"))
    client.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await everything(client)).endswith(b"\r\n\r\nserving\n")
    await service.stopService()


async def test_a_port_that_is_taken_opens_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    asker = Asker()
    other = EchoService([TCP], stats=str(asker.port))
    with pytest.raises(SystemExit):
        other.startService()
    assert f"address already in use 127.0.0.1:{asker.port} (for --stats" in capfd.readouterr().err
    assert other.listening == []
    await asker.service.stopService()
