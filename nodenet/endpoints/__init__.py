"""Endpoints and endpoint strings, for streams and for datagrams.

Law: an endpoint opens nothing before it is used, and importing this imports no reactor.
"""

from __future__ import annotations

from nodenet.endpoints._base import Endpoint
from nodenet.endpoints._certificates import CertificateError
from nodenet.endpoints._syntax import EndpointStringError, quote
from nodenet.endpoints._syntax import join as joinArguments
from nodenet.endpoints._systemd import ActivationError
from nodenet.endpoints.client import (
    StreamClientEndpoint,
    TCPClientEndpoint,
    UNIXClientEndpoint,
)
from nodenet.endpoints.datagram import UDPServerEndpoint
from nodenet.endpoints.datagram_client import UDPClientEndpoint
from nodenet.endpoints.parse import (
    clientFromString,
    datagramClientFromString,
    datagramServerFromString,
    parse,
    serverFromString,
)
from nodenet.endpoints.stream import StreamServerEndpoint, TCPServerEndpoint, UNIXServerEndpoint
from nodenet.endpoints.tls import TLSClientEndpoint, TLSServerEndpoint

__all__ = [
    "ActivationError",
    "CertificateError",
    "Endpoint",
    "EndpointStringError",
    "StreamClientEndpoint",
    "StreamServerEndpoint",
    "TCPClientEndpoint",
    "TCPServerEndpoint",
    "TLSClientEndpoint",
    "TLSServerEndpoint",
    "UDPClientEndpoint",
    "UDPServerEndpoint",
    "UNIXClientEndpoint",
    "UNIXServerEndpoint",
    "clientFromString",
    "datagramClientFromString",
    "datagramServerFromString",
    "joinArguments",
    "parse",
    "quote",
    "serverFromString",
]
