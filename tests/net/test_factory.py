"""`NodeFactory` on endpoints that wrap protocols."""

from __future__ import annotations

from typing import Any

import certificates
import pytest
from net_tools import happens
from twisted.internet.endpoints import SSL4ServerEndpoint, TCP4ServerEndpoint

from nodenet import net
from nodenet.loop import pollerOf

reactor: Any = pollerOf().reactor


@pytest.mark.parametrize("tls", [False, True])
async def test_a_blocked_peer_is_closed(tls: bool) -> None:
    blocked = net.BlockList()
    accepted: list[net.Socket] = []
    blocked.addSubnet("127.0.0.0", 8)
    endpoint = (
        SSL4ServerEndpoint(reactor, 0, certificates.serverOptions(), interface="127.0.0.1")
        if tls
        else TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    )
    port = await endpoint.listen(net.NodeFactory(accepted.append, blockList=blocked))
    client = net.createConnection(port.getHost().port, "127.0.0.1").resume()
    client.on("error", lambda _: None)
    await happens(client, "close")
    await port.stopListening()
    assert accepted == []
