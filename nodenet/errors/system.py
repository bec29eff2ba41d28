"""What the operating system refused, worded by Node and catchable in Python's and Twisted's ways.

Law: only this module and `nodenet.errors.foreign` look at an ``errno``, and what they know about
one stands in `nodenet.errors.table`.
"""

from __future__ import annotations

import errno
import os
import socket
from functools import cache
from typing import Any

from twisted.internet import error as twisted

from nodenet.errors.base import NodeError
from nodenet.errors.codes import SystemErrorInfo
from nodenet.errors.table import CALLS, LOOKUPS, TABLE

_CODES = {getattr(errno, code): code for code in TABLE if hasattr(errno, code)}

_LOOKUP_TEXTS = dict(LOOKUPS.values())
_LOOKUP_CODES = {
    getattr(socket, name): code for name, (code, _) in LOOKUPS.items() if hasattr(socket, name)
}
_LOOKUP_ERRNOS = {code: number for number, code in _LOOKUP_CODES.items()}
_LOOKUP_ERRNOS["ENOTFOUND"] = socket.EAI_NONAME


class SystemCallError(NodeError, OSError):
    """A system call failed.

    Attributes:
        errno: The system's number, positive.
        syscall: What was tried: ``'connect'``, ``'listen'``, ``'write'``, …
        address: The address or the path in question, if any.
        port: The port in question, if any.
    """

    errno: int
    syscall: str | None
    address: str | None
    port: int | None

    def __init__(
        self,
        code: str,
        number: int,
        text: str,
        message: str,
        syscall: str,
        address: str | None = None,
        port: int | None = None,
    ) -> None:
        OSError.__init__(self, number, text)
        self.code = code
        self.message = message
        self.syscall = syscall
        self.address = address
        self.port = port

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r})"

    @property
    def osError(self) -> int:
        """Twisted's name for `errno` on its connect errors."""
        return self.errno

    @property
    def interface(self) -> str | None:
        """Twisted's name for `address` on its listen errors."""
        return self.address

    @property
    def socketError(self) -> OSError:
        """Twisted's name for the system's error on its listen errors: this one."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (self.code, type(self).__bases__[1:], self.args), self.__dict__


class HostLookupError(
    SystemCallError, twisted.DNSLookupError, socket.gaierror, twisted.UnknownHostError
):
    """A host name could not be resolved.

    Attributes:
        errno: One of Python's ``socket.EAI_…``.
        hostname: The name.
    """

    def __init__(self, code: str, hostname: str | None, number: int) -> None:
        message = f"getaddrinfo {code}{f' {hostname}' if hostname else ''}"
        text = _LOOKUP_TEXTS.get(code, "look-up failed")
        super().__init__(code, number, text, message, "getaddrinfo")
        self.hostname = hostname

    def __reduce__(self) -> tuple[Any, ...]:
        return HostLookupError, (self.code, self.hostname, self.errno), self.__dict__


def systemError(
    err: int | OSError,
    syscall: str,
    address: str | None = None,
    port: int | None = None,
    *,
    local: str | None = None,
) -> SystemCallError:
    """Word a failed system call as Node does.

    Args:
        err: The system's number, positive, or the exception that Python raised.
        syscall: What was tried, in Node's word for it.
        address: The address or path in question.
        port: The port in question. 0 counts as none, as in Node, which also gives the paths that
            it listens on the port -1.
        local: ``'address:port'`` of the local side, where Node mentions it.

    Returns:
        An `OSError` that is also the Python builtin and the Twisted exception of its kind, such as
        ``connect ECONNREFUSED 127.0.0.1:9``.
    """
    number = _errnoOf(err)
    code, text = _worded(number)
    message = f"{syscall} {code}"
    if syscall == "listen":
        message += f": {text}"
    if address:
        message += f" {address}:{port}" if port and port > 0 else f" {address}"
    if local is not None:
        message += f" - Local ({local})"
    made = _classOf(code, _basesOf(code, syscall))
    return made(code, number, text, message, syscall, address, port or None)


def systemErrorInfo(err: int | OSError, syscall: str) -> SystemErrorInfo:
    """Say what the system said, for an error that carries it as its `info`.

    Args:
        err: The system's number, positive, or the exception that Python raised.
        syscall: What was tried.
    """
    number = _errnoOf(err)
    code, text = _worded(number)
    return SystemErrorInfo(number, code, text, syscall)


def lookupError(code: str | OSError, hostname: str | None) -> HostLookupError:
    """Word a failed look-up as Node does: ``getaddrinfo ENOTFOUND example.invalid``.

    Args:
        code: Node's code, or the exception that ``socket.getaddrinfo`` raised.
        hostname: The name that was looked up.
    """
    if isinstance(code, str):
        return HostLookupError(code, hostname, _LOOKUP_ERRNOS.get(code, socket.EAI_FAIL))
    number = _errnoOf(code)
    if isinstance(code, socket.gaierror):
        return HostLookupError(_LOOKUP_CODES.get(number, "EAI_FAIL"), hostname, number)
    return HostLookupError(_worded(number)[0], hostname, number)


def _errnoOf(err: int | OSError) -> int:
    if isinstance(err, int):
        return err
    if err.errno is not None:
        return err.errno
    # Somebody raised it by hand: its class says what is meant.
    for code, (_, builtin, _) in TABLE.items():
        if builtin is not None and isinstance(err, builtin):
            return int(getattr(errno, code))
    return errno.EIO


def _worded(number: int) -> tuple[str, str]:
    """Return code and text of an errno, also of one that Node has no words for."""
    code = _CODES.get(number)
    if code is not None:
        return code, TABLE[code][0]
    unknown = f"Unknown system error -{number}"
    if number not in errno.errorcode:
        return unknown, unknown
    return errno.errorcode[number], os.strerror(number).lower()


def _basesOf(code: str, syscall: str) -> tuple[type[Exception], ...]:
    """Choose what an error is: the builtin, and Twisted's by code and by call; no base twice."""
    _, builtin, ofCode = TABLE.get(code, ("", None, None))
    wanted = [builtin, ofCode, *CALLS.get(syscall, ())]
    classes = [one for one in wanted if one is not None]
    return tuple(
        one
        for index, one in enumerate(classes)
        if one not in classes[:index]
        and not any(other is not one and issubclass(other, one) for other in classes)
    )


@cache
def _classOf(code: str, bases: tuple[type[Exception], ...]) -> type[SystemCallError]:
    made = type(
        code if code.isidentifier() else "SystemCallError",
        (SystemCallError, *bases),
        {"__module__": __name__, "__doc__": f"{TABLE.get(code, (code,))[0]}."},
    )
    assert issubclass(made, SystemCallError)
    return made


def _revive(code: str, bases: tuple[type[Exception], ...], args: tuple[Any, ...]) -> OSError:
    made = _classOf(code, bases)
    revived = made.__new__(made)
    OSError.__init__(revived, *args)
    return revived
