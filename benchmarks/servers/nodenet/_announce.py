"""How each of nodenet's programs says where it listens."""

from __future__ import annotations

from nodenet import dgram, net


def announce(server: net.Server | dgram.Socket) -> None:
    """Write the port on standard output.

    server -- listens on TCP or UDP.
    """
    address = server.address()
    assert isinstance(address, net.AddressInfo | dgram.AddressInfo)
    print(address.port, flush=True)
