"""What workers see of the handles that they share, compared with real Node's cluster."""

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
    "the order of what listening does": Program(
        (
            """
            const server = net.createServer()
            server.on('listening', () => say('before'))
            say(server.listenerCount('listening'))
            server.listen(0, '127.0.0.1', () => say('callback'))
            say(server.listenerCount('listening'))
            server.on('listening', () => { say('after'); ready() })
            """,
            """
            server = net.createServer()
            server.on("listening", lambda: say("before"))
            say(server.listenerCount("listening"))
            server.listen(0, "127.0.0.1", lambda: say("callback"))
            say(server.listenerCount("listening"))
            server.on("listening", lambda: (say("after"), ready()))
            """,
        ),
        workers=1,
    ),
    "closing before it listens": Program(
        (
            """
            const server = follow('server', net.createServer())
            server.listen(0, '127.0.0.1')
            server.close(error => say('closed', error))
            process.nextTick(say, 'tick')
            server.listen(0, '127.0.0.1', ready)
            """,
            """
            server = follow("server", net.createServer())
            server.listen(0, "127.0.0.1")
            server.close(lambda error=None: say("closed", error))
            pollerOf().nextTick(say, "tick")
            server.listen(0, "127.0.0.1", ready)
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
    "a port of its own": Program(
        (
            """
            const own = follow('own', net.createServer())
            const reused = follow('reused', net.createServer())
            own.listen({ port: 0, host: '127.0.0.1', exclusive: true }, () => {
              process.send({ port: own.address().port })
              const second = follow('second', net.createServer())
              second.listen({ port: own.address().port, host: '127.0.0.1', exclusive: true })
              second.on('error', () => {
                own.close(() => reused.listen({ port: 0, host: '127.0.0.1', reusePort: true }, () =>
                  reused.close(ready)))
              })
            })
            """,
            """
            own = follow("own", net.createServer())
            reused = follow("reused", net.createServer())

            def listening():
                cluster.worker.send({"port": own.address().port})
                second = follow("second", net.createServer())
                second.listen(
                    {"port": own.address().port, "host": "127.0.0.1", "exclusive": True}
                )
                second.on("error", lambda _: own.close(reuse))

            def reuse():
                where = {"port": 0, "host": "127.0.0.1", "reusePort": True}
                reused.listen(where, lambda: reused.close(ready))

            own.listen({"port": 0, "host": "127.0.0.1", "exclusive": True}, listening)
            """,
        ),
        workers=1,
    ),
    "listening on a server": Program(
        (
            """
            const server = net.createServer().listen(0, '127.0.0.1', () => {
              try { net.createServer().listen(server) }
              catch (error) { say(error.code) }
              ready()
            })
            """,
            """
            def listening():
                try:
                    net.createServer().listen(server)
                except Exception as error:
                    say(error.code)
                ready()

            server = net.createServer().listen(0, "127.0.0.1", listening)
            """,
        ),
        workers=1,
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
    "datagrams": Program(
        (
            """
            const socket = follow('socket', dgram.createSocket('udp4'))
            const join = () => {
              try { socket.addMembership('224.0.0.114'); say('joined') }
              catch (error) { say(error) }
            }
            socket.bind(0, () => { join(); join(); ready() })
            """,
            """
            socket = follow("socket", dgram.createSocket("udp4"))

            def join():
                try:
                    socket.addMembership("224.0.0.114")
                    say("joined")
                except OSError as error:
                    say(error)

            socket.bind(0, lambda: (join(), join(), ready()))
            """,
        ),
    ),
    "datagrams that find no place": Program(
        (
            """
            const socket = follow('socket', dgram.createSocket('udp4'))
            const taken = dgram.createSocket('udp4')
            socket.once('error', () => {
              socket.once('error', ready)
              socket.bind(5, '192.0.2.1')
            })
            taken.bind({ port: 0, address: '127.0.0.1', exclusive: true }, () => {
              process.send({ port: taken.address().port })
              taken.unref()
              socket.bind(taken.address().port, '127.0.0.1')
            })
            """,
            """
            socket = follow("socket", dgram.createSocket("udp4"))
            taken = dgram.createSocket("udp4")

            def again(_):
                socket.once("error", lambda _: ready())
                socket.bind(5, "192.0.2.1")

            def begin():
                cluster.worker.send({"port": taken.address().port})
                taken.unref()
                socket.bind(taken.address().port, "127.0.0.1")

            socket.once("error", again)
            taken.bind({"port": 0, "address": "127.0.0.1", "exclusive": True}, begin)
            """,
        ),
        workers=1,
    ),
    "a datagram socket that sends first": Program(
        (
            """
            const socket = follow('socket', dgram.createSocket('udp4'))
            socket.send('x', 9, '127.0.0.1', (error, bytes) => {
              say('sent', error, bytes)
              socket.close()
              ready()
            })
            """,
            """
            socket = follow("socket", dgram.createSocket("udp4"))

            def sent(error, size):
                say("sent", error, size)
                socket.close()
                ready()

            socket.send("x", 9, "127.0.0.1", sent)
            """,
        ),
        workers=1,
    ),
    "a group joined before": Program(
        (
            """
            const socket = follow('socket', dgram.createSocket('udp4'))
            socket.addMembership('224.0.0.114')
            socket.bind(0, () => {
              try { socket.dropMembership('224.0.0.114') }
              catch (error) { say(error) }
              ready()
            })
            """,
            """
            socket = follow("socket", dgram.createSocket("udp4"))
            socket.addMembership("224.0.0.114")

            def bound():
                try:
                    socket.dropMembership("224.0.0.114")
                except OSError as error:
                    say(error)
                ready()

            socket.bind(0, bound)
            """,
        ),
        workers=1,
    ),
}

PROGRAMS["descriptors that are no place to listen on"] = Program(
    (
        """
        const tell = async descriptors => {
          for (const [name, fd] of descriptors) {
            const server = follow(name, net.createServer())
            const settled = new Promise(resolve => server.once('error', resolve)
              .once('listening', resolve))
            server.listen({ fd })
            await settled
          }
          say('done')
        }
        cluster.worker.on('message', tell)
        ready()
        """,
        """
        async def tell(descriptors, _):
            for name, fd in descriptors:
                server = follow(name, net.createServer())
                settled = Deferred()
                server.once("error", lambda _: settled.callback(None))
                server.once("listening", lambda: settled.callback(None))
                server.listen({"fd": fd})
                await settled
            say("done")

        cluster.worker.on("message", tell)
        ready()
        """,
    ),
    (
        """
        const fifo = t.path('fifo')
        require('child_process').execFileSync('mkfifo', [fifo])
        const told = new Promise(resolve => {
          cluster.on('message', (_, { say }) => say[0] === 'done' && resolve())
        })
        cluster.workers[1].send([
          ['a device', fs.openSync('/dev/null')],
          ['a file', fs.openSync(process.argv[0])],
          ['a fifo', fs.openSync(fifo, 'r+')],
          ['nothing', 1000],
        ])
        await told
        """,
        """
        fifo = t.path("fifo")
        os.mkfifo(fifo)
        told = Deferred()
        done = lambda _, said, *rest: said["say"] == ["done"] and told.callback(None)
        cluster.on("message", done)
        cluster.workers[1].send([
            ["a device", os.open("/dev/null", os.O_RDONLY)],
            ["a file", os.open(__file__, os.O_RDONLY)],
            ["a fifo", os.open(fifo, os.O_RDWR)],
            ["nothing", 1000],
        ])
        await told
        """,
    ),
    workers=1,
)

ACCEPTING = ("a port that is taken", "places that are none", "several ports", "a path")
"""Those that are the same where workers accept by themselves."""


@pytest.mark.parametrize("name", PROGRAMS)
def test_workers_see_the_same(oracle: Oracle, name: str) -> None:
    compare(oracle, PROGRAMS[name])


@pytest.mark.parametrize("name", ACCEPTING)
def test_workers_that_accept_see_the_same(oracle: Oracle, name: str) -> None:
    compare(oracle, PROGRAMS[name]._replace(deals=False))
