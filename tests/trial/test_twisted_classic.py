"""Twisted's tests of TCP on the running reactor, on nodenet's transports.

Left out: `ProperlyCloseFilesTests` and `LogTests`, which are about private sockets and log names of
Twisted's; `AddressTests`, which takes ports apart.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from twisted.internet import reactor
from twisted.test import test_tcp
from twisted.trial.unittest import SkipTest

from .on_nodenet import METHODS, TIMEOUT

_PRIVATE = "it takes one of Twisted's own ports apart"

NOT_APPLICABLE: Final = {
    "test_serverRepr": _PRIVATE,
    "test_directConnectionLostCall": _PRIVATE,
    "test_exceptInConnectionLostCall": _PRIVATE,
    "test_clientBind": "local ends are bound with SO_REUSEADDR, as Node's: the connect fails",
    "testCloseWriteCloser": "it looks at a private buffer of Twisted's transports",
    "test_writeNotificationRaises": "it leaves its server's end open, which is noticed here",
    "test_pauseProducingInConnectionMade": "the reactor sees the Poller, never a transport",
}


class OnNodenet:
    """Listens and connects with nodenet while a test runs."""

    def setUp(self: Any) -> None:
        reason = NOT_APPLICABLE.get(self._testMethodName)
        if reason is not None:
            raise SkipTest(reason)
        for method in METHODS:
            self.patch(reactor, method.__name__, partial(method, reactor))
        return super().setUp()  # type: ignore[misc, no-any-return]  # TestCase's is mixed in


for case in (
    test_tcp.ListeningTests,
    test_tcp.LoopbackTests,
    test_tcp.FactoryTests,
    test_tcp.CannotBindTests,
    test_tcp.LocalRemoteAddressTests,
    test_tcp.WriteDataTests,
    test_tcp.LargeBufferTests,
    test_tcp.HalfCloseTests,
    test_tcp.HalfCloseNoNotificationAndShutdownExceptionTests,
    test_tcp.HalfCloseBuggyApplicationTests,
    test_tcp.PauseProducingTests,
    test_tcp.CallBackOrderTests,
):
    name = case.__name__
    globals()[name] = type(name, (OnNodenet, case), {"__module__": __name__, "timeout": TIMEOUT})
del case
