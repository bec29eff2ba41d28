"""Twisted's own tests of TCP, Unix and TLS transports, on nodenet's.

Whole cases of theirs that are left out:

- `AdoptStreamConnectionTestsBuilder`, `UNIXAdoptStreamConnectionTestsBuilder`: they close the
  private socket of one of Twisted's transports below it. Descriptors are adopted by
  ``net.Socket({'fd': number})``.
- `TCP6ClientTestsBuilder`, `TestBindAddressBuilder`: they want a link-local address, or look names
  up, which is the business of endpoints.
- `test_endpoints`: it checks which arguments Twisted's endpoints pass to a fake reactor.
- `TCPPortTests`, `TCPServerTests`, `TCPConnectionTests`, the descriptor reservation tests of
  `test_tcp` and `RealSocketTests` of `test_unix`: they test private parts of Twisted's transports.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.test import test_tcp, test_tls, test_unix

from .on_nodenet import applied

_CONTEXT = (
    "the log's context is set once for a batch of events, not for each protocol: that is "
    "what one descriptor for the reactor saves"
)
_OWN_WORDS = "what a port logs is worded differently"
_TIMER = "asyncio's reactor leaves a timer of its own when it is stopped inside one"
_LOOKUP = "names are looked up by endpoints, not by transports"

NOT_APPLICABLE: Final = {
    "test_logPrefix": _CONTEXT,
    "test_startedListeningLogMessage": _OWN_WORDS,
    "test_connectionLostLogMsg": _OWN_WORDS,
    "test_closePeerOnEMFILE": "accepting pauses and goes on later; nobody is turned away",
    "test_addresses": _LOOKUP,
    "test_connectPortZero": "the error's args are those of an OSError: number and text",
    "test_resumeProducing": "the reactor sees the Poller, never a transport",
    "test_serverAddressTCP4": "it looks at a private number of Twisted's transports",
    "test_serverAddressTCP6": "it looks at a private number of Twisted's transports",
    "test_streamingProducer": "no producer is called inside write, but when the handler returns",
    "test_avoidLeakingFileDescriptors": "the kernel closes the descriptors, and nothing is logged",
    "test_listenFailure": "it replaces the socket of Twisted's own port",
    "test_mode": "the path is gone when stopListening returns; see test_unix_paths",
    "AsyncioSelectorReactor.test_fullWriteBuffer": _TIMER,
    "AsyncioSelectorReactor.test_fullWriteBufferAfterByteExchange": _TIMER,
    "test_portGetHostOnIPv6ScopeID": "it needs a link-local address",
    "test_buildProtocolIPv6AddressScopeID": "it needs a link-local address",
    "test_serverGetHostOnIPv6ScopeID": "it needs a link-local address",
    "test_serverGetPeerOnIPv6ScopeID": "it needs a link-local address",
}
"""Tests that do not apply, and why."""

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
