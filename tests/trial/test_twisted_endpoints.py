"""Twisted's tests of connections and of aborting, between nodenet's endpoints."""

from __future__ import annotations

import atexit
import os
import tempfile
from functools import cache
from typing import Any

from certificates import certificate
from twisted.internet.test.connectionmixins import ConnectionTestsMixin, EndpointCreator
from twisted.internet.test.reactormixins import ReactorBuilder
from twisted.internet.test.test_tcp import AbortConnectionMixin

from nodenet.endpoints import (
    TCPClientEndpoint,
    TCPServerEndpoint,
    TLSClientEndpoint,
    TLSServerEndpoint,
    UNIXClientEndpoint,
    UNIXServerEndpoint,
)

from .on_nodenet import REACTORS, TIMEOUT, casesOf
from .reasons import NOT_APPLICABLE


class TCP(EndpointCreator):
    def server(self, reactor: Any) -> TCPServerEndpoint:
        return TCPServerEndpoint(reactor, port=0, host="127.0.0.1")

    def client(self, reactor: Any, serverAddress: Any) -> TCPClientEndpoint:
        return TCPClientEndpoint(reactor, host="127.0.0.1", port=serverAddress.port)


class UNIX(EndpointCreator):
    def server(self, reactor: Any) -> UNIXServerEndpoint:
        return UNIXServerEndpoint(reactor, path=tempfile.mktemp(prefix="nn", dir="/tmp"))

    def client(self, reactor: Any, serverAddress: Any) -> UNIXClientEndpoint:
        return UNIXClientEndpoint(reactor, path=serverAddress.name.decode())


class TLS(EndpointCreator):
    def server(self, reactor: Any) -> TLSServerEndpoint:
        return TLSServerEndpoint(reactor, port=0, host="127.0.0.1", privateKey=pem())

    def client(self, reactor: Any, serverAddress: Any) -> TLSClientEndpoint:
        return TLSClientEndpoint(
            reactor, host="localhost", port=serverAddress.port, trustRoots=pem(), family=4
        )


@cache
def pem() -> str:
    """The file of a certificate for ``localhost``, with its key."""
    own = certificate()
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(own.dumpPEM() + own.privateKey.dump(1))
    atexit.register(os.unlink, file.name)
    return file.name


class Connections(ReactorBuilder, ConnectionTestsMixin, AbortConnectionMixin):
    _reactors = REACTORS
    timeout = TIMEOUT


class TCPConnections(Connections):
    endpoints = TCP()


class UNIXConnections(Connections):
    endpoints = UNIX()


class TLSConnections(Connections):
    endpoints = TLS()


globals().update(casesOf(TCPConnections, NOT_APPLICABLE))
globals().update(casesOf(UNIXConnections, NOT_APPLICABLE))
globals().update(casesOf(TLSConnections, NOT_APPLICABLE))
