"""What a program gives a service in code: a wrong type is named, before anything is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint

from nodenet import services
from nodenet.endpoints import parse
from nodenet.errors import ERR_INVALID_ARG_TYPE
from nodenet.loop import pollerOf

TCP = "tcp:0:interface=127.0.0.1"
TO = "tcp:127.0.0.1:9"

reactor: Any = pollerOf().reactor
EchoService: Any = services.EchoService  # types are what is tried
RelayService: Any = services.RelayService
RunService: Any = services.RunService


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: EchoService(TCP), "listen"),  # one string is no list of them
        (lambda: EchoService(8124), "listen"),
        (lambda: EchoService([8124]), "listen"),
        (lambda: EchoService([TCP4ServerEndpoint(reactor, 0)]), "listen"),
        (lambda: EchoService([TCP], grace="5"), "grace"),
        (lambda: EchoService([TCP], stats=9100), "stats"),
        (lambda: RelayService(TCP, TO), "listen"),
        (lambda: RelayService([TCP, 5], TO), "listen"),
        (lambda: RelayService([TCP], 9), "connect"),
        (lambda: RelayService([TCP], parse(TCP)), "connect"),
        (lambda: RelayService([TCP], TO, block="10.0.0.0/8"), "block"),
        (lambda: RelayService([TCP], TO, allow=[10]), "allow"),
        (lambda: RelayService([TCP], TO, maxConnections="5"), "maxConnections"),
        (lambda: RelayService([TCP], TO, idleTimeout="5"), "idle time-out"),
        (lambda: RunService(5), "program"),
        (lambda: RunService("chat:main", "8124"), "args"),
    ],
)
def test_a_wrong_type_is_named(make: Callable[[], Any], name: str) -> None:
    with pytest.raises(ERR_INVALID_ARG_TYPE, match=f'"{name}" argument must be '):
        make()


def test_what_is_right_is_taken() -> None:
    EchoService(iter([TCP, parse(TCP)]), grace=0, stats=TCP4ServerEndpoint(reactor, 0))
    target = TCP4ClientEndpoint(reactor, "127.0.0.1", 9)
    RelayService((TCP, TCP4ServerEndpoint(reactor, 0)), target, block=("10.0.0.0/8",))
