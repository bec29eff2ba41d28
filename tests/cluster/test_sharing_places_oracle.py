"""What workers see of the places that they share, compared with real Node's cluster."""

from __future__ import annotations

import pytest
from cluster_oracle import Program, compare
from oracle import Oracle

PROGRAMS = {
    "a port that is taken": Program(
        (
            """
            const server = follow('server', net.createServer())
            const second = follow('second', net.createServer())
            server.once('error', () => { second.listen(0, '127.0.0.1', ready) })
            const taken = net.createServer().listen({ port: 0, host: '127.0.0.1', exclusive: true },
              () => {
                process.send({ port: taken.address().port })
                server.listen(taken.address().port, '127.0.0.1')
                say('listening', server.listening, server.address())
                process.nextTick(say, 'tick')
                taken.unref()
              })
            """,
            """
            server = follow("server", net.createServer())
            second = follow("second", net.createServer())
            server.once("error", lambda _: second.listen(0, "127.0.0.1", ready))

            def begin():
                cluster.worker.send({"port": taken.address().port})
                server.listen(taken.address().port, "127.0.0.1")
                say("listening", server.listening, server.address())
                pollerOf().nextTick(say, "tick")
                taken.unref()

            taken = net.createServer().listen(
                {"port": 0, "host": "127.0.0.1", "exclusive": True}, begin
            )
            """,
        ),
    ),
    "places that are none": Program(
        (
            """
            const server = follow('server', net.createServer())
            server.once('error', () => {
              server.once('error', ready)
              server.listen(t.path('missing/socket'))
            })
            server.listen(0, '192.0.2.1')
            """,
            """
            server = follow("server", net.createServer())

            def next(_):
                server.once("error", lambda _: ready())
                server.listen(t.path("missing/socket"))

            server.once("error", next)
            server.listen(0, "192.0.2.1")
            """,
        ),
        workers=1,
    ),
    "all addresses, and version 6": Program(
        (
            """
            const six = follow('six', net.createServer())
            follow('all', net.createServer()).listen(0, () =>
              six.listen({ port: 0, host: '::1', ipv6Only: true }, ready))
            """,
            """
            six = follow("six", net.createServer())
            follow("all", net.createServer()).listen(
                0, lambda: six.listen({"port": 0, "host": "::1", "ipv6Only": True}, ready)
            )
            """,
        ),
    ),
    "a path": Program(
        (
            """
            const path = t.path('socket')
            const server = follow('server', net.createServer(peer => peer.end('hello')))
            server.listen(path, () => {
              say(server.address(), fs.statSync(path).mode & 0o777)
              ready()
            })
            """,
            """
            path = t.path("socket")
            server = follow("server", net.createServer(lambda peer: peer.end("hello")))

            def listening():
                say(server.address(), os.stat(path).st_mode & 0o777)
                ready()

            server.listen(path, listening)
            """,
        ),
        (
            """
            t('greeted', await greetings({ path: t.path('socket'), port: -1 }, 3))
            await new Promise(resolve => cluster.disconnect(resolve))
            t('there', fs.existsSync(t.path('socket')))
            """,
            """
            t("greeted", await greetings({"path": t.path("socket")}, 3))
            gone = Deferred()
            cluster.disconnect(lambda: gone.callback(None))
            await gone
            t("there", os.path.exists(t.path("socket")))
            """,
        ),
    ),
    "a path for all": Program(
        (
            """
            const path = t.path('socket')
            net.createServer().listen({ path, readableAll: true, writableAll: true }, () => {
              say(fs.statSync(path).mode & 0o666)
              ready()
            })
            """,
            """
            path = t.path("socket")
            where = {"path": path, "readableAll": True, "writableAll": True}
            told = lambda: (say(os.stat(path).st_mode & 0o666), ready())
            net.createServer().listen(where, told)
            """,
        ),
        workers=1,
    ),
    "several ports": Program(
        (
            """
            const servers = [0, 1].map(() => net.createServer())
            const ports = () => servers.map(server => server.address().port)
            servers[0].listen(0, '127.0.0.1', () => servers[1].listen(0, '127.0.0.1', () => {
              const first = ports()
              say('differ', first[0] !== first[1])
              if (cluster.worker.id === 1) return ready()
              servers[0].close(() => servers[0].listen(0, '127.0.0.1', () => {
                say('the same again', ports()[0] === first[0])
                ready()
              }))
            }))
            """,
            """
            servers = [net.createServer() for _ in range(2)]
            ports = lambda: [server.address().port for server in servers]

            def both():
                global first
                first = ports()
                say("differ", first[0] != first[1])
                if cluster.worker.id == 1:
                    ready()
                else:
                    servers[0].close(lambda: servers[0].listen(0, "127.0.0.1", again))

            def again():
                say("the same again", ports()[0] == first[0])
                ready()

            servers[0].listen(0, "127.0.0.1", lambda: servers[1].listen(0, "127.0.0.1", both))
            """,
        ),
    ),
}

ACCEPTING = ("a port that is taken", "places that are none", "several ports", "a path")
"""Those that are the same where workers accept by themselves."""


@pytest.mark.parametrize("name", PROGRAMS)
def test_workers_see_the_same(oracle: Oracle, name: str) -> None:
    compare(oracle, PROGRAMS[name])


@pytest.mark.parametrize("name", ACCEPTING)
def test_workers_that_accept_see_the_same(oracle: Oracle, name: str) -> None:
    compare(oracle, PROGRAMS[name]._replace(deals=False))
