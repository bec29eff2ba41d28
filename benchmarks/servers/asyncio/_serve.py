"""How each of asyncio's programs listens: on loopback, a free port, with Node's backlog."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine

BACKLOG = 511


def _run(main: Coroutine[None, None, None]) -> None:
    if sys.argv[-1] == "uvloop":
        import uvloop

        uvloop.run(main)
    else:
        asyncio.run(main)


def tcp(protocol: Callable[[], asyncio.Protocol]) -> None:
    """Serve TCP until the process is killed; say the port.

    protocol -- builds the protocol of each connection.
    """

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(protocol, "127.0.0.1", 0, backlog=BACKLOG)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    _run(main())


def udp(protocol: Callable[[], asyncio.DatagramProtocol]) -> None:
    """Serve UDP until the process is killed; say the port.

    protocol -- builds the protocol that receives the datagrams.
    """

    async def main() -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(protocol, local_addr=("127.0.0.1", 0))
        print(transport.get_extra_info("sockname")[1], flush=True)
        await loop.create_future()

    _run(main())
