"""Who gets which connection to a server of several workers, compared with real Node's cluster."""

from __future__ import annotations

import pytest
from cluster_oracle import Program, compare
from oracle import Oracle

_GREETS = (
    """
    const server = net.createServer(peer => {
      peer.on('error', () => {}).resume()
      peer.write(String(cluster.worker.id))
    })
    %s
    server.listen(0, '127.0.0.1', ready)
    """,
    """
    def greet(peer):
        peer.on("error", lambda _: None).resume()
        peer.write(str(cluster.worker.id))

    server = net.createServer(greet)
    %s
    server.listen(0, "127.0.0.1", ready)
    """,
)


def greets(js: str = "", python: str = "") -> tuple[str, str]:
    return _GREETS[0] % js, _GREETS[1] % python


PROGRAMS = {
    "turns": Program(
        greets(),
        (
            "t('greeted', await greetings(seen.port, 10))",
            "t('greeted', await greetings(seen['port'], 10))",
        ),
        workers=3,
    ),
    "a worker that is full": Program(
        greets(
            "if (cluster.worker.id === 1) server.maxConnections = 1",
            "if cluster.worker.id == 1: server.maxConnections = 1",
        ),
        (
            """
            const keep = []
            t('greeted', await greetings(seen.port, 5, keep))
            keep.forEach(each => each.destroy())
            """,
            """
            keep = []
            t("greeted", await greetings(seen["port"], 5, keep))
            for each in keep: each.destroy()
            """,
        ),
    ),
    "dropped": Program(
        greets(
            """
            server.maxConnections = 2
            server.dropMaxConnection = true
            server.on('drop', info => say('drop', Object.keys(info)))
            """,
            """
    server.maxConnections = 2
    server.dropMaxConnection = True
    server.on("drop", lambda info: say("drop", info._fields))
            """,
        ),
        (
            """
            const keep = []
            const server = net.createServer()
            t('greeted', await greetings(seen.port, 6, keep))
            keep.forEach(each => each.destroy())
            """,
            """
            keep = []
            t("greeted", await greetings(seen["port"], 6, keep))
            for each in keep: each.destroy()
            """,
        ),
    ),
    "a paused connection": Program(
        (
            """
            const server = net.createServer({ pauseOnConnect: true }, peer => {
              say('connection', peer.isPaused(), peer.server === server, peer.remoteAddress)
              peer.on('data', data => { say(data.toString()); peer.end('bye') })
              setTimeout(() => { say('resume'); peer.resume() }, 50)
            }).listen(0, '127.0.0.1', ready)
            """,
            """
            def connection(peer):
                say("connection", peer.isPaused(), peer.server is server, peer.remoteAddress)
                peer.on("data", lambda data: (say(data.decode()), peer.end("bye")))
                pollerOf().callLater(0.05, lambda: (say("resume"), peer.resume()))

            server = net.createServer({"pauseOnConnect": True}, connection)
            server.listen(0, "127.0.0.1", ready)
            """,
        ),
        (
            """
            const client = net.connect(seen.port, '127.0.0.1')
            client.write('hi')
            await new Promise(resolve => client.resume().on('close', resolve))
            """,
            """
            client = net.connect(seen["port"], "127.0.0.1")
            client.write("hi")
            await once(client.resume(), "close")
            """,
        ),
        workers=1,
    ),
    "connections are counted by each": Program(
        greets(
            """
            process.on('message', () => server.getConnections((error, count) => say(error, count)))
            """,
            """
    count = lambda error, count: say(error, count)
    cluster.worker.on("message", lambda *_: server.getConnections(count))
            """,
        ),
        (
            """
            const keep = []
            await greetings(seen.port, 3, keep)
            for (const id of [1, 2]) {
              cluster.workers[id].send('count')
              await new Promise(resolve => cluster.workers[id].once('message', resolve))
            }
            keep.forEach(each => each.destroy())
            """,
            """
            keep = []
            await greetings(seen["port"], 3, keep)
            for id in (1, 2):
                cluster.workers[id].send("count")
                await once(cluster.workers[id], "message")
            for each in keep: each.destroy()
            """,
        ),
    ),
    "connections that were passed on": Program(
        (
            """
            process.on('message', (said, peer) => {
              peer.on('error', () => {}).resume()
              peer.write(String(cluster.worker.id))
            })
            ready()
            """,
            """
            def take(said, peer):
                peer.on("error", lambda _: None).resume()
                peer.write(str(cluster.worker.id))

            cluster.worker.process.on("message", take)
            ready()
            """,
        ),
        (
            """
            const keep = []
            const ids = [1, 2, 1, 2]
            const server = net.createServer({ pauseOnConnect: true }, peer =>
              cluster.workers[ids.shift()].send('take', peer))
            server.on('close', () => t('close'))
            const count = () => new Promise(resolve =>
              server.getConnections((error, count) => resolve(count)))
            const falls = async to => { while (await count() !== to); }
            await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
            t('greeted', await greetings(server.address().port, 4, keep))
            t('count', await count())
            keep[0].destroy()
            await falls(3)
            cluster.workers[2].process.kill('SIGKILL')
            await new Promise(resolve => cluster.workers[2].on('exit', resolve))
            t('one has died', await count())
            server.close()
            t('closing', server.listening)
            keep.forEach(each => each.destroy())
            await new Promise(resolve => server.on('close', resolve))
            """,
            """
            keep = []
            ids = [1, 2, 1, 2]
            arrived = []

            def hand(peer):
                arrived.append(Deferred())
                cluster.workers[ids.pop(0)].send("take", peer, arrived[-1].callback)

            server = net.createServer({"pauseOnConnect": True}, hand)
            server.on("close", lambda: t("close"))

            async def count():
                counted = Deferred()
                server.getConnections(lambda error, count: counted.callback(count))
                return await counted

            async def falls(to):
                while await count() != to:
                    turn = Deferred()
                    pollerOf().callLater(0, turn.callback, None)
                    await turn

            listening = once(server, "listening")
            server.listen(0, "127.0.0.1")
            await listening
            t("greeted", await greetings(server.address().port, 4, keep))
            for each in arrived: await each  # or else it came back from who is killed
            t("count", await count())
            keep[0].destroy()
            await falls(3)
            ended = once(cluster.workers[2], "exit")
            cluster.workers[2].process.kill("SIGKILL")
            await ended
            t("one has died", await count())
            server.close()
            t("closing", server.listening)
            closed = once(server, "close")
            for each in keep: each.destroy()
            await closed
            """,
        ),
    ),
    "disconnecting": Program(
        (
            """
            const socket = follow('socket', dgram.createSocket('udp4'))
            const server = follow('server', net.createServer(peer => {
              say('connection')
              peer.on('end', () => say('end')).resume()
              peer.write(String(cluster.worker.id))
            }))
            server.listen(0, '127.0.0.1', () => socket.bind(0, '127.0.0.1', ready))
            """,
            """
            socket = follow("socket", dgram.createSocket("udp4"))

            def connection(peer):
                say("connection")
                peer.on("end", lambda: say("end")).resume()
                peer.write(str(cluster.worker.id))

            server = follow("server", net.createServer(connection))
            server.listen(
                0, "127.0.0.1", lambda: socket.bind({"port": 0, "address": "127.0.0.1"}, ready)
            )
            """,
        ),
        (
            """
            const keep = []
            const { promise, resolve } = Promise.withResolvers()
            cluster.on('message', (worker, said) => { if (said.say?.[0] === 'socket') resolve() })
            t('greeted', await greetings(seen.first, 1, keep))
            cluster.workers[1].disconnect()
            await promise
            keep[0].end()
            """,
            """
            keep = []
            gone = Deferred()

            def message(worker, said, handle):
                if said.get("say", [""])[0] == "socket":
                    gone.callback(None)

            cluster.on("message", message)
            t("greeted", await greetings(seen["first"], 1, keep))
            cluster.workers[1].disconnect()
            await gone
            keep[0].end()
            """,
        ),
        workers=1,
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_workers_see_the_same(oracle: Oracle, name: str) -> None:
    compare(oracle, PROGRAMS[name])
