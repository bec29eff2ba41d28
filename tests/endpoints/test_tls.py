"""TLS by strings: ``ssl:`` listens, ``tls:`` connects."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from certificates import certificate, clientOptions
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet import endpoints as twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import connectProtocol, wrapClientTLS
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from nodenet import endpoints, net
from nodenet.endpoints import (
    CertificateError,
    EndpointStringError,
    TCPClientEndpoint,
    TLSClientEndpoint,
    TLSServerEndpoint,
    parse,
    quote,
)
from nodenet.events import once
from nodenet.testing import Guard
from nodenet.transports.tcp import TCPTransport


@pytest.fixture
def pem(tmp_path: Path) -> str:
    """The file of the certificate for ``localhost``, with its key."""
    own = certificate()
    path = tmp_path / "server.pem"
    path.write_bytes(own.dumpPEM() + own.privateKey.dump(1))
    return quote(str(path))


class Echo(Protocol):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


class Asking(Protocol):
    """Says hello, and hears until it has the same."""

    def __init__(self) -> None:
        self.heard = b""
        self.ended: Deferred[tuple[bytes, Failure]] = Deferred()

    def connectionMade(self) -> None:
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if self.heard == b"hello":
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended.callback((self.heard, reason))


async def listening(text: str, factory: Any = None) -> Any:
    """A port of the server that a string of Twisted's describes."""
    server = twisted.serverFromString(reactor, text)
    return await server.listen(factory or Factory.forProtocol(Echo))


async def asked(endpoint: Any) -> tuple[bytes, Failure]:
    client: Any = await connectProtocol(endpoint, Asking())
    ended: tuple[bytes, Failure] = await client.ended
    return ended


SERVER = "node:ssl:0:interface=127.0.0.1:privateKey=PEM"
CLIENT = "node:tls:localhost:PORT:trustRoots=PEM:family=4"


@pytest.mark.parametrize("server", [SERVER, SERVER.removeprefix("node:")])
@pytest.mark.parametrize("client", [CLIENT, "twisteds"])
async def test_each_end_talks_to_twisteds_and_to_ours(server: str, client: str, pem: str) -> None:
    port = await listening(server.replace("PEM", pem))
    number = str(port.getHost().port)
    endpoint: Any = wrapClientTLS(
        clientOptions(), twisted.HostnameEndpoint(reactor, b"localhost", int(number))
    )
    if client != "twisteds":
        text = client.replace("PEM", pem).replace("PORT", number)
        endpoint = twisted.clientFromString(reactor, text)
        assert isinstance(endpoint, TLSClientEndpoint)
    heard, reason = await asked(endpoint)
    assert heard == b"hello"
    assert reason.check(ConnectionDone)
    await port.stopListening()


async def test_the_transports_below_are_nodenets(pem: str) -> None:
    made: list[Any] = []
    names: list[bytes] = []

    class Kept(Echo):
        def connectionMade(self) -> None:
            made.append(self.transport)

        def dataReceived(self, data: bytes) -> None:
            names.append(self.transport.getHandle().get_servername())
            super().dataReceived(data)

    port = await listening(SERVER.replace("PEM", pem) + ":noDelay=yes", Factory.forProtocol(Kept))
    client = endpoints.clientFromString(
        reactor, f"tls:localhost:{port.getHost().port}:trustRoots={pem}:family=4:noDelay=yes"
    )
    asking: Any = await connectProtocol(client, Asking())
    ends: list[Any] = [asking.transport, made[0]]
    for transport in ends:
        assert isinstance(transport.transport, TCPTransport)
        assert ISSLTransport.providedBy(transport)
        assert transport.getTcpNoDelay()
    await asking.ended
    assert names == [b"localhost"]
    await port.stopListening()


async def test_wrap_client_tls_around_ours(pem: str) -> None:
    port = await listening(SERVER.replace("PEM", pem))
    plain = TCPClientEndpoint(reactor, host="127.0.0.1", port=port.getHost().port)
    heard, _ = await asked(wrapClientTLS(clientOptions(), plain))
    assert heard == b"hello"
    await port.stopListening()


@pytest.mark.parametrize("where", ["tls:127.0.0.1:PORT:trustRoots=PEM", "tls:127.0.0.1:PORT"])
async def test_a_server_that_is_another_or_is_not_trusted_is_not_heard(
    where: str, pem: str
) -> None:
    port = await listening(SERVER.replace("PEM", pem))
    text = where.replace("PEM", pem).replace("PORT", str(port.getHost().port))
    heard, reason = await asked(endpoints.clientFromString(reactor, text))
    assert heard == b""
    assert not reason.check(ConnectionDone)
    await port.stopListening()


# -- Node's way -------------------------------------------------------------------------------


def served(pem: str, more: str = "") -> tuple[net.Server, str, list[Any]]:
    """An echo server behind TLS, a client's string for it, and the addresses it has met."""
    endpoint = parse(f"ssl:0:interface=127.0.0.1:privateKey={pem}{more}")
    assert isinstance(endpoint, TLSServerEndpoint)
    met: list[Any] = []

    def connection(client: net.Socket) -> None:
        met.append(client.remoteAddress)
        client.pipe(client)

    server = endpoint.serve(connection)
    port = server.address().port
    return server, f"tls:localhost:{port}:trustRoots={pem}:family=4", met


async def test_a_listener_gets_sockets(pem: str) -> None:
    server, where, met = served(pem)
    heard, reason = await asked(endpoints.clientFromString(reactor, where))
    assert heard == b"hello"
    assert reason.check(ConnectionDone)
    assert met == ["127.0.0.1"]
    server.close()
    await once(server, "close")


async def test_a_socket_connects_by_string(pem: str) -> None:
    server, where, _ = served(pem)
    joined: Deferred[net.Socket] = Deferred()
    connecting = endpoints.clientFromString(reactor, where).connect(
        net.NodeFactory(joined.callback)
    )
    await connecting
    client = await joined
    payload = bytes(range(256)) * 4000
    client.write(payload)
    heard = b""
    async for chunk in client:
        assert isinstance(chunk, bytes)
        heard += chunk
        if len(heard) == len(payload):
            break
    assert heard == payload
    server.close()
    await once(server, "close")


async def test_who_cannot_shake_hands_is_nobody(pem: str) -> None:
    server, where, met = served(pem, ":maxConnections=1")
    number = server.address().port
    for garbage in (b"GET / HTTP/1.0\r\n\r\n", b"", b"\x16\x03\x01"):
        stranger = net.createConnection(number, "127.0.0.1")
        await once(stranger, "connect")
        stranger.on("error", lambda _: None)
        stranger.end(garbage)
        stranger.resume()
        await once(stranger, "close")
    assert met == []
    heard, _ = await asked(endpoints.clientFromString(reactor, where))  # there is room again
    assert heard == b"hello"
    server.close()
    await once(server, "close")


async def test_who_resets_before_he_is_accepted_is_forgotten(pem: str, guard: Guard) -> None:
    """The kernel does not know his address any more."""
    server, where, met = served(pem)
    with socket.create_connection(("127.0.0.1", server.address().port)) as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    heard, _ = await asked(endpoints.clientFromString(reactor, where))
    assert heard == b"hello"
    assert met == ["127.0.0.1"]
    server.close()
    await once(server, "close")  # follows when every connection has ended


async def test_a_handshake_that_does_not_go_on_is_given_up(
    pem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nodenet.endpoints.tls._HANDSHAKE", 0.01)
    server, _, met = served(pem)
    stranger = net.createConnection(server.address().port, "127.0.0.1")
    closed: Deferred[None] = Deferred()
    stranger.on("error", lambda _: None)
    stranger.on("close", lambda _: closed.callback(None))
    error, _ = await once(server, "tlsClientError")
    await closed
    assert error.code == "ERR_TLS_HANDSHAKE_TIMEOUT"
    assert met == []
    server.close()
    await once(server, "close")


async def test_what_came_to_nothing_is_told(pem: str) -> None:
    """As Node's ``tls.Server`` does; only that there is no socket of it, but an address."""
    server, where, _ = served(pem)
    number = server.address().port
    told: list[Any] = []
    server.on("tlsClientError", lambda error, peer: told.append((error, peer)))
    for garbage in (b"GET / HTTP/1.0\r\n\r\n", b"", b"\x16\x03\x01"):
        stranger = net.createConnection(number, "127.0.0.1")
        await once(stranger, "connect")
        port = stranger.localPort
        stranger.on("error", lambda _: None)
        ended, failed = once(stranger, "close"), once(server, "tlsClientError")
        stranger.end(garbage)
        stranger.resume()
        await ended
        await failed
        assert told[-1][1] == ("127.0.0.1", "IPv4", port)
    heard, _ = await asked(endpoints.clientFromString(reactor, where))
    assert heard == b"hello"
    first, *others = (error for error, _ in told)
    assert "http request" in str(first) or "wrong version" in str(first)
    assert [error.code for error in others] == ["ECONNRESET", "ECONNRESET"]
    server.close()
    await once(server, "close")


# -- files ------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path, pem: str) -> Path:
    """A directory of files of every kind."""
    key = ec.generate_private_key(ec.SECP256R1())
    form, pemForm = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
    other = key.private_bytes(pemForm, form, serialization.NoEncryption())
    secret = key.private_bytes(pemForm, form, serialization.BestAvailableEncryption(b"secret"))
    (tmp_path / "other.key").write_bytes(other)
    (tmp_path / "secret.key").write_bytes(secret)
    (tmp_path / "text").write_text("nonsense")
    (tmp_path / "empty").mkdir()
    return tmp_path


BAD = [
    ("ssl:1:privateKey=DIR/none", 17, "privateKey: cannot read DIR/none: No such file"),
    ("ssl:1:privateKey=DIR/empty", 17, "privateKey: cannot read DIR/empty: Is a directory"),
    ("ssl:1:privateKey=DIR/text:certKey=DIR/server.pem", 17, "DIR/text cannot be used: "),
    ("ssl:1:privateKey=DIR/secret.key:certKey=DIR/server.pem", 17, "is encrypted"),
    ("ssl:1:certKey=DIR/text:privateKey=DIR/server.pem", 14, "certKey: DIR/text cannot be used: "),
    ("ssl:1:certKey=DIR/server.pem:privateKey=DIR/other.key", 14, "keys do not match"),
    ("ssl:1:privateKey=DIR/server.pem:extraCertChain=DIR/text", 47, "has no certificates in PEM"),
    ("ssl:1:privateKey=DIR/server.pem:dhParameters=DIR/text", 45, "DIR/text has no DH parameters"),
    ("ssl:1:privateKey=DIR/server.pem:sslmethod=Context", 42, "pyOpenSSL has no Context"),
    ("tls:a:1:trustRoots=DIR/none", 19, "trustRoots: cannot read DIR/none: No such file"),
    ("tls:a:1:trustRoots=DIR/empty", 19, "DIR/empty has no certificates in PEM"),
    ("tls:a:1:certificate=DIR/none", 20, "certificate: cannot read DIR/none: No such file"),
    ("tls:a:1:privateKey=DIR/server.pem", 19, "privateKey: there is no certificate for it"),
    (f"tls:a:1:trustRoots=/{'a' * 300}", 19, "aaa: File name too long"),
    ("tls:host=a..b:port=1", 9, "host: a..b cannot be used: "),
]


@pytest.mark.parametrize(("text", "at", "message"), BAD)
def test_what_cannot_be_used_is_said_in_one_line(
    text: str, at: int, message: str, files: Path
) -> None:
    read: Any = (
        parse if text.startswith("ssl:") else lambda text: endpoints.clientFromString(reactor, text)
    )
    with pytest.raises(EndpointStringError) as raised:
        read(text.replace("DIR", quote(str(files))))
    assert message.replace("DIR", str(files)) in str(raised.value)
    assert "\n" not in str(raised.value)
    before = text[:at].count("DIR") * (len(quote(str(files))) - 3)
    assert raised.value.at == at + before


def test_a_missing_default_has_no_place_in_the_string(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EndpointStringError, match="cannot read server"):
        parse("ssl:443")
    with pytest.raises(CertificateError, match="privateKey: cannot read"):
        TLSServerEndpoint(port=443)


async def test_trust_may_be_a_directory_and_a_client_may_show_who_it_is(pem: str) -> None:
    port = await listening(SERVER.replace("PEM", f"{pem}:extraCertChain={pem}"))
    roots = pem.rpartition("/")[0]
    text = f"tls:localhost:{port.getHost().port}:trustRoots={roots}:certificate={pem}:family=4"
    endpoint = endpoints.clientFromString(reactor, text)
    assert endpoints.clientFromString(reactor, str(endpoint)) == endpoint
    heard, _ = await asked(endpoint)
    assert heard == b"hello"
    await port.stopListening()


def test_a_server_is_written_and_read_back(pem: str) -> None:
    text = f"ssl:443:interface=127.0.0.1:backlog=5:certKey={pem}:privateKey={pem}:maxConnections=5"
    endpoint = parse(text)
    assert parse(str(endpoint)) == endpoint
    assert endpoint.options["maxConnections"] == 5
    assert endpoint != parse("tcp:443:interface=127.0.0.1:backlog=5:maxConnections=5")


async def test_a_method_of_open_ssls_is_that_version_alone(pem: str) -> None:
    port = await listening(SERVER.replace("PEM", f"{pem}:sslmethod=TLSv1_2_METHOD"))
    made: Any = await connectProtocol(
        endpoints.clientFromString(
            reactor, f"tls:localhost:{port.getHost().port}:trustRoots={pem}:family=4"
        ),
        Asking(),
    )
    handle = made.transport.getHandle()
    await made.ended
    assert handle.get_protocol_version_name() == "TLSv1.2"
    await port.stopListening()
