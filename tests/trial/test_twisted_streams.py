"""Twisted's own tests of TCP, Unix and TLS transports, on nodenet's.

Whole cases of theirs that are left out:

- `AdoptStreamConnectionTestsBuilder`, `UNIXAdoptStreamConnectionTestsBuilder`: they close the
  private socket of one of Twisted's transports below it. Descriptors are adopted by
  ``net.Socket({'fd': number})``.
- `TCP6ClientTestsBuilder`, `TestBindAddressBuilder`: they want a link-local address, or look names
  up, which is the business of endpoints.
- `test_endpoints`: it checks which arguments Twisted's endpoints pass to a fake reactor.
- `TCPPortTests`, `TCPServerTests`, `TCPConnectionTests` and the descriptor reservation tests of
  `test_tcp`: they test private parts of Twisted's transports.
- `RealSocketTests` of `test_unix`: it asserts that ports are Twisted's, and that Unix transports
  claim to be TCP.
"""

from __future__ import annotations

from twisted.internet.test import test_tcp, test_tls, test_unix

from .on_nodenet import applied
from .reasons import NOT_APPLICABLE

# These tests of Unix sockets share a name with those of TCP that do not apply.
_UNIX = {name: why for name, why in NOT_APPLICABLE.items() if name != "test_addresses"}

for builder in (
    test_tcp.TCP4ClientTestsBuilder,
    test_tcp.TCP4ConnectorTestsBuilder,
    test_tcp.TCPPortTestsBuilder,
    test_tcp.TCPFDPortTestsBuilder,
    test_tcp.TCPConnectionTestsBuilder,
    test_tcp.TCPTransportTestsBuilder,
    test_tcp.AbortConnectionTests,
    test_tls.SSLClientTestsMixin,
    test_tls.StartTLSClientTestsMixin,
    test_tls.AbortSSLConnectionTests,
):
    globals().update(applied(builder, NOT_APPLICABLE))

for unixBuilder in (
    test_unix.UNIXTestsBuilder,
    test_unix.UNIXPortTestsBuilder,
    test_unix.UNIXFDPortTestsBuilder,
    test_unix.UnixClientTestsBuilder,
):
    globals().update(applied(unixBuilder, _UNIX))
