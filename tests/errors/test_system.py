"""System errors: what a Python and a Twisted program catch, by code and by call."""

from __future__ import annotations

import copy
import errno
import os
import pickle
import socket

import pytest
from twisted.internet import error as twisted
from twisted.python.failure import Failure

from nodenet.errors import HostLookupError, SystemCallError, lookupError, systemError
from nodenet.errors.table import CALLS, TABLE


@pytest.mark.parametrize(
    ("number", "syscall", "kinds"),
    [
        (
            errno.ECONNREFUSED,
            "connect",
            (ConnectionRefusedError, ConnectionError, twisted.ConnectionRefusedError),
        ),
        (errno.ETIMEDOUT, "connect", (TimeoutError, twisted.TCPTimedOutError)),
        (errno.ETIMEDOUT, "read", (TimeoutError, twisted.ConnectionLost)),
        (errno.EHOSTUNREACH, "connect", (twisted.NoRouteError,)),
        (errno.ENOENT, "connect", (FileNotFoundError, twisted.ConnectError)),
        (errno.EADDRINUSE, "listen", (twisted.CannotListenError,)),
        (errno.EADDRINUSE, "bind", (twisted.CannotListenError, twisted.ConnectBindError)),
        (errno.EACCES, "listen", (PermissionError, twisted.CannotListenError)),
        (errno.ECONNRESET, "read", (ConnectionResetError, twisted.ConnectionLost)),
        (errno.EPIPE, "write", (BrokenPipeError, twisted.ConnectionLost)),
        (errno.ECONNABORTED, "read", (ConnectionAbortedError, twisted.ConnectionAborted)),
        (errno.EMSGSIZE, "send", (twisted.MessageLengthError,)),
        (errno.ECONNREFUSED, "recvmsg", (ConnectionRefusedError,)),
        (errno.EINVAL, "addMembership", (twisted.MulticastJoinError,)),
        (errno.EINTR, "accept", (InterruptedError,)),
    ],
)
def test_an_error_is_what_each_world_catches(
    number: int, syscall: str, kinds: tuple[type[Exception], ...]
) -> None:
    error = systemError(number, syscall)
    for kind in (OSError, SystemCallError, *kinds):
        assert isinstance(error, kind)
    assert error.errno == number
    assert error.code == errno.errorcode[number]
    assert error.name == "Error"


@pytest.mark.parametrize("code", TABLE)
def test_every_error_can_be_made_shown_and_copied(code: str) -> None:
    number = getattr(errno, code, None)
    if number is None:
        pytest.skip(f"this system has no {code}")
    for call in (*CALLS, "send", "accept"):
        error = systemError(number, call, "1.2.3.4", 5)
        assert str(error) == error.message
        assert repr(error) == f"{code}({error.message!r})"
        assert error.args == (number, TABLE[code][0])
        for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
            assert type(other) is type(error)
            assert vars(other) == vars(error)
            assert (other.errno, other.strerror) == (error.errno, error.strerror)


def test_an_error_tells_twisted_programs_what_they_ask() -> None:
    listening = systemError(errno.EADDRINUSE, "listen", "127.0.0.1", 80)
    assert isinstance(listening, twisted.CannotListenError)
    assert (listening.interface, listening.port) == ("127.0.0.1", 80)
    assert listening.socketError is listening
    connecting = systemError(errno.ECONNREFUSED, "connect", "127.0.0.1", 80)
    assert connecting.osError == errno.ECONNREFUSED
    assert Failure(connecting).check(twisted.ConnectError)


def test_the_exception_that_python_raised_will_do() -> None:
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        os.close(-1)
    assert systemError(caught.value, "close").message == "close EBADF"


def test_an_exception_without_a_number_is_known_by_its_class() -> None:
    assert systemError(BrokenPipeError("gone"), "write").code == "EPIPE"
    assert systemError(TimeoutError("timed out"), "connect").code == "ETIMEDOUT"
    assert systemError(OSError("what?"), "read").code == "EIO"


def test_a_number_that_node_has_no_name_for() -> None:
    assert systemError(errno.ETOOMANYREFS, "connect").code == "ETOOMANYREFS"
    unknown = systemError(9999, "connect", "1.2.3.4", 5)
    assert unknown.message == "connect Unknown system error -9999 1.2.3.4:5"
    assert pickle.loads(pickle.dumps(unknown)).message == unknown.message


@pytest.mark.parametrize("kind", [OSError, socket.gaierror, twisted.DNSLookupError])
def test_a_failed_look_up_is_what_each_world_catches(kind: type[Exception]) -> None:
    error = lookupError("ENOTFOUND", "example.invalid")
    assert isinstance(error, kind)
    assert isinstance(error, twisted.ConnectError)
    assert error.errno == socket.EAI_NONAME


def test_a_failed_look_up_can_be_copied() -> None:
    error = lookupError("EAI_AGAIN", "example.invalid")
    for other in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(other) is HostLookupError
        assert vars(other) == vars(error)
        assert other.args == error.args


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (socket.EAI_NONAME, "ENOTFOUND"),
        (socket.EAI_NODATA, "ENOTFOUND"),
        (socket.EAI_AGAIN, "EAI_AGAIN"),
        (socket.EAI_FAIL, "EAI_FAIL"),
        (12345, "EAI_FAIL"),
    ],
)
def test_what_the_resolver_raised_becomes_nodes_code(number: int, code: str) -> None:
    error = lookupError(socket.gaierror(number, "says the library"), "h")
    assert (error.code, error.message) == (code, f"getaddrinfo {code} h")


def test_a_look_up_that_failed_for_another_reason() -> None:
    assert lookupError(OSError(errno.EMFILE, "too many"), "h").message == "getaddrinfo EMFILE h"
