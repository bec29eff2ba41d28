"""Twisted's own tests of UDP ports and of multicast, on nodenet's.

Left out: `UNIXDatagramTestsBuilder`, for nodenet has no Unix ports of datagrams for Twisted's
protocols, but sockets of the type ``'unix_dgram'``.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.test import test_udp as builders
from twisted.test import test_udp
from twisted.trial.unittest import SkipTest

from .on_nodenet import DATAGRAM_METHODS, TIMEOUT, applied
from .reasons import NOT_APPLICABLE

for builder in (builders.UDPServerTestsBuilder, builders.UDPFDServerTestsBuilder):
    globals().update(applied(builder, NOT_APPLICABLE))

SKIPPED: Final = {"test_serverReadFailure": "it takes one of Twisted's own ports apart"}


class OnNodenet:
    """Listens with nodenet while a test runs."""

    def setUp(self: Any) -> None:
        reason = SKIPPED.get(self._testMethodName)
        if reason is not None:
            raise SkipTest(reason)
        for method in DATAGRAM_METHODS:
            self.patch(reactor, method.__name__, partial(method, reactor))
        return super().setUp()  # type: ignore[misc, no-any-return]  # TestCase's is mixed in


for case in (test_udp.UDPTests, test_udp.MulticastTests, test_udp.MulticastTestsIPv6):
    name = case.__name__
    globals()[name] = type(name, (OnNodenet, case), {"__module__": __name__, "timeout": TIMEOUT})
del case
