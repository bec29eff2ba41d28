"""A UDP port that has nothing to do with some addresses.

Law: a blocked sender is not heard, and to a blocked address nothing is sent: `ERR_IP_BLOCKED`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nodenet.addresses import BlockList, isIP
from nodenet.errors import ERR_IP_BLOCKED
from nodenet.transports._udp_peers import numericHost
from nodenet.transports.udp_address import shown
from nodenet.transports.udp_port import UDPPort


class FilteringUDPPort(UDPPort):
    """A `UDPPort` with block lists.

    Attributes:
        receiveBlockList: Whose datagrams are dropped, or None.
        sendBlockList: Where nothing is sent to, or None.
    """

    receiveBlockList: BlockList | None = None
    sendBlockList: BlockList | None = None

    def write(self, packet: bytes, addr: tuple[str, int] | None = None) -> None:
        """Send a datagram, as every `UDPPort` does.

        Raises:
            ERR_IP_BLOCKED: `addr` is blocked.
        """
        if addr is not None:
            self._check(addr[0])
        super().write(packet, addr)

    def connect(self, host: str, port: int) -> None:
        """Send to, and hear, this peer only.

        Raises:
            ERR_IP_BLOCKED: `host` is blocked.
        """
        self._check(host)
        super().connect(host, port)

    def received(self, datagrams: list[bytes], sources: Sequence[Any]) -> None:
        """Hand over what senders sent that are allowed."""
        allowed = [index for index, source in enumerate(sources) if self._hears(source)]
        sources = [sources[index] for index in allowed]
        # In place, for it becomes empty when the port is closed.
        datagrams[:] = [datagrams[index] for index in allowed]
        super().received(datagrams, sources)

    def receivedOne(self, datagram: bytes, source: Any) -> None:
        """Hand it over if its sender is allowed."""
        if self._hears(source):
            super().receivedOne(datagram, source)

    def _hears(self, source: Any) -> bool:
        return self.receiveBlockList is None or not _blocks(self.receiveBlockList, shown(source)[0])

    def _check(self, host: str) -> None:
        numeric = numericHost(host)
        if self.sendBlockList is not None and _blocks(self.sendBlockList, numeric):
            raise ERR_IP_BLOCKED(numeric)


def _blocks(blocked: BlockList, host: str) -> bool:
    version = isIP(host)
    return bool(version) and blocked.check(host, f"ipv{version}")
