"""What nodenet offers to twistd and to Twisted's endpoint strings."""

from __future__ import annotations

from twisted.application.service import ServiceMaker

from nodenet.plugins import DatagramParser, EndpointParser

nodenetService = ServiceMaker(
    "nodenet",
    "nodenet.tap",
    "Socket services in the manner of Node.js: echo, relay, run.",
    "nodenet",
)
nodeEndpoints = EndpointParser("node")
udpEndpoints = DatagramParser("udp")
