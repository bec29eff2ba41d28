"""Which of Twisted's tests do not apply to nodenet's transports, and why."""

from __future__ import annotations

from typing import Final

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
    "test_connectionLostLogMessage": _OWN_WORDS,
    "test_closePeerOnEMFILE": "accepting pauses and goes on later; nobody is turned away",
    "test_addresses": _LOOKUP,
    "test_connectPortZero": "the error's args are those of an OSError: number and text",
    "test_resumeProducing": "the reactor sees the Poller, never a transport",
    "test_serverAddressTCP4": "it looks at a private number of Twisted's transports",
    "test_serverAddressTCP6": "it looks at a private number of Twisted's transports",
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
