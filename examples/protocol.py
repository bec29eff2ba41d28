"""A Protocol of Twisted, unchanged, on nodenet's transports."""

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.task import react
from twisted.protocols.basic import LineReceiver

from nodenet.endpoints import serverFromString


class Shout(LineReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        self.sendLine(line.upper())


async def main(reactor):
    endpoint = serverFromString(reactor, "tcp:8124:interface=127.0.0.1")
    port = await endpoint.listen(Factory.forProtocol(Shout))
    print("listening on", port.getHost())
    await Deferred()  # until somebody interrupts


react(main)
