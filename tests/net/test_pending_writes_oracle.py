"""Every write is answered, also when the socket dies with it on its way."""

from __future__ import annotations

from typing import Any

import pytest
from oracle import Oracle, Tracer

from nodenet import net
from nodenet.loop import pollerOf

SIZE = 20_000_000  # more than two sockets hold


@pytest.mark.parametrize("way", ["destroy", "destroy with an error", "reset"])
async def test_writes_on_their_way_are_cancelled(oracle: Oracle, way: str) -> None:
    async def scenario(t: Tracer) -> None:
        peers: list[net.Socket] = []

        def connection(peer: net.Socket) -> None:
            peers.append(peer.pause().on("error", lambda error: None))

        server = net.createServer(connection)

        def listening() -> None:
            client: Any = net.connect(server.address().port, "127.0.0.1")

            def die() -> None:
                t("dies", client.writableLength)
                if way == "reset":
                    client.resetAndDestroy()
                else:
                    client.destroy(Exception("mine") if "error" in way else None)

            def connected() -> None:
                client.write(bytes(SIZE), lambda error: t("first", error))
                client.write("y", lambda error: t("second", error))
                client.end("z", lambda error: t("end", error))
                pollerOf().callLater(0.02, die)

            def closed(hadError: bool) -> None:
                t("close", hadError, client.errored)
                server.close()
                peers[0].destroy()

            client.on("connect", connected)
            client.on("error", lambda error: t("error", error))
            client.on("close", closed)

        server.listen(0, "127.0.0.1", listening)

    await oracle.compare(
        f"""
        const way = '{way}'
        const peers = []
        const server = net.createServer((peer) => peers.push(peer.pause().on('error', () => {{}})))
        server.listen(0, '127.0.0.1', () => {{
          const client = net.connect(server.address().port, '127.0.0.1')
          client.on('connect', () => {{
            client.write(Buffer.alloc({SIZE}), (error) => t('first', error))
            client.write('y', (error) => t('second', error))
            client.end('z', (error) => t('end', error))
            setTimeout(() => {{
              t('dies', client.writableLength)
              if (way === 'reset') client.resetAndDestroy()
              else client.destroy(way.includes('error') ? new Error('mine') : undefined)
            }}, 20)
          }})
          client.on('error', (error) => t('error', error))
          client.on('close', (hadError) => {{
            t('close', hadError, client.errored)
            server.close()
            peers[0].destroy()
          }})
        }})
        """,
        scenario,
    )
