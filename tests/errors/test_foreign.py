"""What exceptions of Twisted and Python are in Node's terms."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest
from twisted.internet import defer
from twisted.internet import error as twisted
from twisted.internet.address import IPv4Address
from twisted.python.failure import Failure

from nodenet.errors import AbortError, AggregateError, NodeError, systemError, translate


@pytest.mark.parametrize(
    ("reason", "syscall", "message"),
    [
        (twisted.ConnectionLost(), "read", "read ECONNRESET"),
        (twisted.ConnectionAborted(), "read", "read ECONNABORTED"),
        (twisted.ConnectionRefusedError(111), "connect", "connect ECONNREFUSED h:1"),
        (twisted.TCPTimedOutError(), "connect", "connect ETIMEDOUT h:1"),
        (twisted.TimeoutError(), "connect", "connect ETIMEDOUT h:1"),
        (defer.TimeoutError(30), "connect", "connect ETIMEDOUT h:1"),
        (twisted.NoRouteError(errno.ENETUNREACH), "connect", "connect ENETUNREACH h:1"),
        (twisted.ConnectError(errno.EHOSTUNREACH), "connect", "connect EHOSTUNREACH h:1"),
        (twisted.getConnectError((errno.ENOENT, "gone")), "connect", "connect ENOENT h:1"),
        (
            twisted.ConnectBindError(OSError(errno.EADDRNOTAVAIL, "")),
            "connect",
            "bind EADDRNOTAVAIL h:1",
        ),
        (twisted.UnknownHostError(), "connect", "getaddrinfo ENOTFOUND h"),
        (twisted.DNSLookupError("no"), "connect", "getaddrinfo ENOTFOUND h"),
        (socket.gaierror(socket.EAI_AGAIN, "later"), "connect", "getaddrinfo EAI_AGAIN h"),
        (twisted.MessageLengthError("long"), "send", "send EMSGSIZE h:1"),
        (
            twisted.MulticastJoinError(b"", "", errno.ENODEV, "no"),
            "addMembership",
            "addMembership ENODEV h:1",
        ),
        (OSError(errno.EPIPE, "Broken pipe"), "write", "write EPIPE h:1"),
        (TimeoutError("timed out"), "connect", "connect ETIMEDOUT h:1"),
    ],
)
def test_a_reason_becomes_an_error_with_nodes_words(
    reason: Exception, syscall: str, message: str
) -> None:
    address, port = (None, None) if syscall == "read" else ("h", 1)
    for given in (reason, Failure(reason)):
        error = translate(given, syscall, address, port)
        assert isinstance(error, NodeError)
        assert error.message == message
        assert error.code in message


def test_a_port_that_cannot_be_listened_on_names_itself() -> None:
    reason = twisted.CannotListenError("127.0.0.1", 80, OSError(errno.EACCES, "denied"))
    assert str(translate(reason, "listen")) == "listen EACCES: permission denied 127.0.0.1:80"
    busy = twisted.CannotListenError("127.0.0.1", 80, "odd")
    assert str(translate(busy, "bind")) == "bind EADDRINUSE 127.0.0.1:80"


def test_a_clean_close_is_no_error() -> None:
    assert translate(Failure(twisted.ConnectionDone()), "read") is None


def test_cancelling_is_aborting() -> None:
    for reason in (
        defer.CancelledError(),
        twisted.ConnectingCancelledError(IPv4Address("TCP", "127.0.0.1", 1)),
    ):
        error = translate(reason, "connect")
        assert isinstance(error, AbortError)
        assert error.cause is reason


@pytest.mark.parametrize(
    "error",
    [
        systemError(errno.EPIPE, "write"),
        AggregateError([ValueError("x")]),
        ssl.SSLError(1, "not an errno"),
        RuntimeError("of somebody's protocol"),
    ],
)
def test_what_is_nodes_already_or_nobodys_stays_as_it_is(error: Exception) -> None:
    assert translate(Failure(error), "read") is error
