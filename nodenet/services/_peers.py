"""Who has sent datagrams lately.

Law: at most `limit` peers are remembered, whoever sends: senders can be spoofed.
"""

from __future__ import annotations

from collections import OrderedDict


class RecentPeers:
    """The peers heard last, the latest at the end; beyond `limit` the oldest are forgotten."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._peers: OrderedDict[tuple[str, int], None] = OrderedDict()

    def isNew(self, address: str, port: int) -> bool:
        """Note that this peer was heard; True when it was not remembered."""
        peer = (address, port)
        peers = self._peers
        if peer in peers:
            peers.move_to_end(peer)
            return False
        peers[peer] = None
        if len(peers) > self._limit:
            peers.popitem(last=False)
        return True

    def __len__(self) -> int:
        return len(self._peers)
