"""A relay: Twisted's own port forwarder."""

from __future__ import annotations

import sys

from twisted.protocols.portforward import ProxyFactory

from benchmarks.servers.twisted import _serve

_serve.tcp(ProxyFactory("127.0.0.1", int(sys.argv[1])))
