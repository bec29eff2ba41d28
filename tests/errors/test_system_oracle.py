"""System errors are worded as Node words them, operation by operation."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from oracle import Oracle, Tracer

from nodenet.errors import SystemCallError, systemError


@contextmanager
def bound(kind: int = socket.SOCK_STREAM) -> Iterator[int]:
    """A port that is taken."""
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def failing(call: Callable[[], object]) -> OSError:
    try:
        call()
    except OSError as error:
        return error
    raise AssertionError("it did not fail")


def test_a_connection_that_is_refused(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        with bound() as port, socket.socket() as skt:
            t.port(port)
            error = failing(lambda: skt.connect(("127.0.0.1", port)))
        t("error", systemError(error, "connect", "127.0.0.1", port))

    oracle.compareSync(
        """
        const server = net.createServer().listen(0, '127.0.0.1', () => {
          const port = t.port(server.address().port)
          server.close(() => net.connect(port, '127.0.0.1').on('error', (e) => t('error', e)))
        })
        """,
        scenario,
    )


def test_a_connection_from_an_own_port_that_is_refused(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        with bound() as port, bound() as localPort:
            t.port(port)
            t.port(localPort)
        local = f"127.0.0.1:{localPort}"
        t("error", systemError(errno.ECONNREFUSED, "connect", "127.0.0.1", port, local=local))

    oracle.compareSync(
        """
        const one = net.createServer().listen(0, '127.0.0.1', () => {
          const two = net.createServer().listen(0, '127.0.0.1', () => {
            const port = t.port(one.address().port)
            const localPort = t.port(two.address().port)
            one.close(() => two.close(() => net.connect({
              port, localPort, host: '127.0.0.1', localAddress: '127.0.0.1',
            }).on('error', (e) => t('error', e))))
          })
        })
        """,
        scenario,
    )


def test_a_connection_from_an_address_that_is_not_ours(oracle: Oracle) -> None:
    oracle.compareSync(
        """
        net.connect({ port: 9, host: '127.0.0.1', localAddress: '192.0.2.1' })
          .on('error', (e) => t('error', e))
        """,
        lambda t: t("error", systemError(errno.EADDRNOTAVAIL, "bind", "192.0.2.1")),
    )


def test_a_connection_to_a_path_that_is_not_there(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        with socket.socket(socket.AF_UNIX) as skt:
            error = failing(lambda: skt.connect("/nonexistent/x"))
        t("error", systemError(error, "connect", "/nonexistent/x"))

    oracle.compareSync("net.connect('/nonexistent/x').on('error', (e) => t('error', e))", scenario)


def test_a_port_that_is_taken(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        with bound() as port, socket.socket() as skt:
            t.port(port)
            error = failing(lambda: skt.bind(("127.0.0.1", port)))
        t("error", systemError(error, "listen", "127.0.0.1", port))

    oracle.compareSync(
        """
        const server = net.createServer().listen(0, '127.0.0.1', () => {
          const port = t.port(server.address().port)
          net.createServer().listen(port, '127.0.0.1').on('error', (e) => {
            t('error', e)
            server.close()
          })
        })
        """,
        scenario,
    )


def test_addresses_and_paths_that_cannot_be_listened_on(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        t("port", systemError(errno.EADDRNOTAVAIL, "listen", "192.0.2.1", 1234))
        t("no port", systemError(errno.EADDRNOTAVAIL, "listen", "192.0.2.1", 0))
        t("path", systemError(errno.EACCES, "listen", "/nonexistent/x", -1))

    oracle.compareSync(
        """
        const listen = (label, ...args) => new Promise((done) => {
          net.createServer().listen(...args).on('error', (e) => done(t(label, e)))
        })
        await listen('port', 1234, '192.0.2.1')
        await listen('no port', 0, '192.0.2.1')
        await listen('path', '/nonexistent/x')
        """,
        scenario,
    )


def test_datagrams_that_cannot_be_sent(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as skt:
            large = failing(lambda: skt.sendto(bytes(70_000), ("127.0.0.1", 9)))
            t("large", systemError(large, "send", "127.0.0.1", 9))

    oracle.compareSync(
        """
        const socket = dgram.createSocket('udp4')
        socket.send(Buffer.alloc(70000), 9, '127.0.0.1', (e) => { t('large', e); socket.close() })
        """,
        scenario,
    )


def test_a_datagram_address_that_is_taken(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        with bound(socket.SOCK_DGRAM) as port:
            t.port(port)
        t("error", systemError(errno.EADDRINUSE, "bind", "127.0.0.1", port))

    oracle.compareSync(
        """
        const taken = dgram.createSocket('udp4')
        taken.bind(0, '127.0.0.1', () => {
          const port = t.port(taken.address().port)
          dgram.createSocket('udp4').on('error', (e) => { t('error', e); taken.close() })
            .bind(port, '127.0.0.1')
        })
        """,
        scenario,
    )


def test_datagram_sockets_that_are_not_open_yet(oracle: Oracle) -> None:
    calls = ("setTTL", "setBroadcast", "setMulticastTTL", "setMulticastLoopback")

    def scenario(t: Tracer) -> None:
        for call in calls:
            t("caught", systemError(errno.EBADF, call))

    oracle.compareSync(
        f"""
        const socket = dgram.createSocket('udp4')
        for (const call of {list(calls)}) {{
          try {{ socket[call](1) }} catch (e) {{ t('caught', e) }}
        }}
        socket.close()
        """,
        scenario,
    )


def test_a_group_that_is_none(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        group = socket.inet_aton("1.2.3.4") + socket.inet_aton("0.0.0.0")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as skt:
            error = failing(
                lambda: skt.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
            )
        t("caught", systemError(error, "addMembership"))

    oracle.compareSync(
        """
        const socket = dgram.createSocket('udp4')
        try { socket.addMembership('1.2.3.4') } catch (e) { t('caught', e) }
        socket.close()
        """,
        scenario,
    )


def test_a_peer_that_resets(oracle: Oracle) -> None:
    oracle.compareSync(
        """
        const server = net.createServer((socket) => {
          socket.once('data', () => socket.resetAndDestroy())
        }).listen(0, '127.0.0.1', () => {
          const client = net.connect(server.address().port, '127.0.0.1', () => client.write('x'))
          client.on('error', (e) => { t('error', e); server.close() })
        })
        """,
        lambda t: t("error", systemError(errno.ECONNRESET, "read")),
    )


def test_a_peer_that_is_gone(oracle: Oracle) -> None:
    oracle.compareSync(
        """
        const server = net.createServer((socket) => socket.destroy()).listen(0, '127.0.0.1', () => {
          const client = net.connect({
            port: server.address().port, host: '127.0.0.1', allowHalfOpen: true,
          })
          client.resume()
          client.on('end', () => client.write('a', () => setTimeout(() => client.write('b'), 50)))
          client.on('error', (e) => { t('error', e); server.close() })
        })
        """,
        lambda t: t("error", systemError(errno.EPIPE, "write")),
    )


LIBUV = """
const map = process.binding('uv').getErrorMap()
for (const [, [code, text]] of map) if (CODES.includes(code)) t(code, text)
"""


def test_every_text_is_libuvs(oracle: Oracle) -> None:
    from nodenet.errors.table import TABLE

    trace = oracle.node(LIBUV.replace("CODES", str(list(TABLE))))
    texts = [f"{code} {row[0]!r}" for code, row in TABLE.items()]
    assert sorted(line for line in trace if not line.startswith("(warning)")) == sorted(texts)


def test_the_error_is_a_system_call_error() -> None:
    assert isinstance(systemError(errno.EPIPE, "write"), SystemCallError)
