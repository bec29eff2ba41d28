"""Whatever two sides do, and however badly the network between them and the relay works."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import deferLater
from zope.interface import implementer

from nodenet import net
from nodenet.loop import pollerOf
from nodenet.services._relay_stream import Limits, StreamRelay
from nodenet.testing import Faults, socketPair, transportPair

reactor: Any = pollerOf().reactor

FAULTS = st.builds(
    Faults,
    longestWrite=st.none() | st.integers(1, 1000),
    refuseEvery=st.none() | st.integers(2, 5),
)
ACTIONS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 200_000) | st.just("end") | st.just("reset")),
    max_size=12,
)


class Side:
    """One of those who talk through the relay."""

    def __init__(self, socket: net.Socket) -> None:
        self.socket = socket
        self.said = self.heard = b""
        self.ended = self.reset = False
        self.closed: Deferred[None] = Deferred()
        socket.on("data", self._hear)
        socket.on("end", self._end)
        socket.on("error", lambda _: None)
        socket.on("close", lambda _: self.closed.callback(None))

    def do(self, action: int | str) -> None:
        socket = self.socket
        if socket.destroyed or socket.writableEnded:
            return
        if action == "end":
            socket.end()
        elif action == "reset":
            self.reset = True
            socket.resetAndDestroy()
        else:
            assert isinstance(action, int)
            data = bytes([len(self.said) % 251]) * action
            self.said += data
            socket.write(data)

    def _hear(self, data: bytes) -> None:
        self.heard += data

    def _end(self) -> None:
        self.ended = True


@implementer(IStreamClientEndpoint)
class Endpoint:
    """Connects with a transport in memory."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def connect(self, factory: Any) -> Deferred[Any]:
        protocol = factory.buildProtocol(None)
        self._transport.run(protocol)
        return succeed(protocol)


@settings(max_examples=60, deadline=None)
@given(actions=ACTIONS, faults=st.tuples(FAULTS, FAULTS, FAULTS, FAULTS), early=st.booleans())
async def test_each_side_hears_what_the_other_said(
    actions: list[tuple[int, int | str]], faults: tuple[Faults, ...], early: bool
) -> None:
    outer, inner = socketPair(faults=(faults[0], faults[1]), allowHalfOpen=True)
    there, far = transportPair(faults=(faults[2], faults[3]))
    sides = Side(outer), Side(net.Socket.fromTransport(far, allowHalfOpen=True))
    reasons: list[str] = []
    relay = StreamRelay(inner, pollerOf(), Limits(0, 0, 0), lambda _, why, __: reasons.append(why))
    if not early:
        relay.connect(Endpoint(there), b"")
    for index, action in actions:
        sides[index].do(action)
        await deferLater(reactor, 0)
    if early:
        relay.connect(Endpoint(there), b"")
    for side in sides:
        side.do("end")
    for side in sides:
        await side.closed
    while not reasons:
        await deferLater(reactor, 0)
    client, target = sides
    assert len(reasons) == 1
    assert target.said.startswith(client.heard)
    assert client.said.startswith(target.heard)
    if client.reset or target.reset:
        assert reasons[0].endswith("failed")
        assert not (client.reset and target.ended)  # cut off does not look like an end
        assert not (target.reset and client.ended)
    else:
        assert reasons == ["ended"]
        assert (client.heard, target.heard) == (target.said, client.said)
        assert client.ended
        assert target.ended
