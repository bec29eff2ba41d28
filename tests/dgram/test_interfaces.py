"""What sockets use of others, and others of sockets, as interfaces."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.protocol import DatagramProtocol
from zope.interface.verify import verifyObject

from nodenet import dgram
from nodenet.addresses import BlockList
from nodenet.dgram._link import ForeignLink
from nodenet.dgram._receiver import newReceiver
from nodenet.interfaces import IDatagramLink, IDatagramReceiver
from nodenet.loop import pollerOf
from nodenet.transports.udp import UDPDescriptor
from nodenet.transports.udp_port import UDPPort


async def test_links_are_what_sockets_use() -> None:
    receiver: Any = UDPPort(DatagramProtocol(), 0, reactor=reactor)
    own = UDPDescriptor.open(pollerOf(), socket.AF_INET, receiver)
    theirs: Any = ForeignLink(receiver, pollerOf())
    theirs.queue = own.queue
    receiver.startListening()
    for link in (own, theirs):
        assert verifyObject(IDatagramLink, link)
    own.close()
    await receiver.stopListening()


def test_receivers_are_what_links_tell() -> None:
    living: Any = dgram.createSocket("udp4")
    for blocked in (None, BlockList()):
        receiver = newReceiver(living, pollerOf(), living._family.senders(), blocked)
        receiver.queue = None  # type: ignore[assignment]  # it is not asked
        assert verifyObject(IDatagramReceiver, receiver)
    assert verifyObject(IDatagramReceiver, UDPPort(DatagramProtocol(), 0))
