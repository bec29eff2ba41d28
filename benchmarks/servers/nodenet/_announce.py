"""How each of nodenet's TCP programs says where it listens."""

from __future__ import annotations

from nodenet import net


def announce(server: net.Server) -> None:
    """Write the port on standard output.

    server -- listens on TCP.
    """
    address = server.address()
    assert isinstance(address, net.AddressInfo)
    print(address.port, flush=True)
