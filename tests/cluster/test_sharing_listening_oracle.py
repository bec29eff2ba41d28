"""What workers see of how they listen, compared with real Node's cluster."""

from __future__ import annotations

import pytest
from cluster_oracle import Program, compare
from oracle import Oracle

PROGRAMS = {
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
    "descriptors that are no place to listen on": Program(
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
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_workers_see_the_same(oracle: Oracle, name: str) -> None:
    compare(oracle, PROGRAMS[name])
