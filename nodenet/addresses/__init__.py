"""IP addresses: what is one, which ones are blocked.

Invariant: an address is judged by its text alone; no network and no name service is asked.
"""

from __future__ import annotations

from nodenet.addresses.block_list import BlockList
from nodenet.addresses.ip import isIP, isIPv4, isIPv6
from nodenet.addresses.socket_address import SocketAddress, SocketAddressOptions
from nodenet.addresses.spelling import BLOCKS

__all__ = [
    "BLOCKS",
    "BlockList",
    "SocketAddress",
    "SocketAddressOptions",
    "isIP",
    "isIPv4",
    "isIPv6",
]
