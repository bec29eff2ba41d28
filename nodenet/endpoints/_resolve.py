"""From the name of an interface to its address, before anything else runs.

Law: this blocks. It is for binding, when a service starts; an address is not looked up.
"""

from __future__ import annotations

import socket

from nodenet.addresses import isIP
from nodenet.errors import lookupError


def resolved(host: str | None, family: int = socket.AF_UNSPEC) -> str | None:
    """The address of `host`; None for none.

    Raises:
        HostLookupError: There is no such name.
    """
    if not host or isIP(host):
        return host or None
    try:
        return str(socket.getaddrinfo(host, None, family)[0][4][0])
    except socket.gaierror as error:
        raise lookupError(error, host) from None
