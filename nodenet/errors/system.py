"""What the operating system refused, worded by Node and catchable in Python's and Twisted's ways.

Invariant: only this module and `nodenet.errors.foreign` look at an ``errno``. `TABLE` says for each
code its text and the builtin and the Twisted exception that it also is; `_CALLS` says which Twisted
exception every failure of a system call is.
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

_Row = tuple[str, type[OSError] | None, type[Exception] | None]

#: code → libuv's text, the builtin exception, Twisted's exception
TABLE: dict[str, _Row] = {
    "E2BIG": ("argument list too long", None, None),
    "EACCES": ("permission denied", PermissionError, None),
    "EADDRINUSE": ("address already in use", None, None),
    "EADDRNOTAVAIL": ("address not available", None, None),
    "EAFNOSUPPORT": ("address family not supported", None, twisted.UnsupportedAddressFamily),
    "EAGAIN": ("resource temporarily unavailable", BlockingIOError, None),
    "EALREADY": ("connection already in progress", BlockingIOError, None),
    "EBADF": ("bad file descriptor", None, None),
    "EBUSY": ("resource busy or locked", None, None),
    "ECANCELED": ("operation canceled", None, None),
    "ECONNABORTED": (
        "software caused connection abort",
        ConnectionAbortedError,
        twisted.ConnectionAborted,
    ),
    "ECONNREFUSED": (
        "connection refused",
        ConnectionRefusedError,
        twisted.ConnectionRefusedError,
    ),
    "ECONNRESET": ("connection reset by peer", ConnectionResetError, twisted.ConnectionLost),
    "EDESTADDRREQ": ("destination address required", None, None),
    "EEXIST": ("file already exists", FileExistsError, None),
    "EFAULT": ("bad address in system call argument", None, None),
    "EHOSTDOWN": ("host is down", None, twisted.NoRouteError),
    "EHOSTUNREACH": ("host is unreachable", None, twisted.NoRouteError),
    "EINTR": ("interrupted system call", InterruptedError, None),
    "EINVAL": ("invalid argument", None, None),
    "EIO": ("i/o error", None, None),
    "EISCONN": ("socket is already connected", None, None),
    "EISDIR": ("illegal operation on a directory", IsADirectoryError, None),
    "ELOOP": ("too many symbolic links encountered", None, None),
    "EMFILE": ("too many open files", None, None),
    "EMSGSIZE": ("message too long", None, twisted.MessageLengthError),
    "ENAMETOOLONG": ("name too long", None, None),
    "ENETDOWN": ("network is down", None, twisted.NoRouteError),
    "ENETUNREACH": ("network is unreachable", None, twisted.NoRouteError),
    "ENFILE": ("file table overflow", None, None),
    "ENOBUFS": ("no buffer space available", None, None),
    "ENODATA": ("no data available", None, None),
    "ENODEV": ("no such device", None, None),
    "ENOENT": ("no such file or directory", FileNotFoundError, None),
    "ENOMEM": ("not enough memory", None, None),
    "ENONET": ("machine is not on the network", None, twisted.NoRouteError),
    "ENOPROTOOPT": ("protocol not available", None, None),
    "ENOSPC": ("no space left on device", None, None),
    "ENOSYS": ("function not implemented", None, None),
    "ENOTCONN": ("socket is not connected", None, None),
    "ENOTDIR": ("not a directory", NotADirectoryError, None),
    "ENOTSOCK": ("socket operation on non-socket", None, None),
    "ENOTSUP": ("operation not supported on socket", None, None),
    "ENXIO": ("no such device or address", None, None),
    "EOVERFLOW": ("value too large for defined data type", None, None),
    "EPERM": ("operation not permitted", PermissionError, None),
    "EPIPE": ("broken pipe", BrokenPipeError, twisted.ConnectionLost),
    "EPROTO": ("protocol error", None, None),
    "EPROTONOSUPPORT": ("protocol not supported", None, twisted.UnsupportedSocketType),
    "EPROTOTYPE": ("protocol wrong type for socket", None, twisted.UnsupportedSocketType),
    "ERANGE": ("result too large", None, None),
    "EREMOTEIO": ("remote I/O error", None, None),
    "EROFS": ("read-only file system", None, None),
    "ESHUTDOWN": (
        "cannot send after transport endpoint shutdown",
        BrokenPipeError,
        twisted.ConnectionLost,
    ),
    "ESOCKTNOSUPPORT": ("socket type not supported", None, twisted.UnsupportedSocketType),
    "ETIMEDOUT": ("connection timed out", TimeoutError, twisted.TCPTimedOutError),
}

_MEMBERSHIP = (twisted.MulticastJoinError,)
_LOST = (twisted.ConnectionLost,)
_CALLS: dict[str, tuple[type[Exception], ...]] = {
    "connect": (twisted.ConnectError,),
    "bind": (twisted.CannotListenError, twisted.ConnectBindError),
    "listen": (twisted.CannotListenError,),
    "read": _LOST,
    "write": _LOST,
    "shutdown": _LOST,
    "addMembership": _MEMBERSHIP,
    "dropMembership": _MEMBERSHIP,
    "addSourceSpecificMembership": _MEMBERSHIP,
    "dropSourceSpecificMembership": _MEMBERSHIP,
}

_CODES = {getattr(errno, code): code for code in TABLE if hasattr(errno, code)}

#: Python's name of a look-up failure → libuv's, which Node shows, and its text
_LOOKUPS = {
    "EAI_ADDRFAMILY": ("EAI_ADDRFAMILY", "address family not supported"),
    "EAI_AGAIN": ("EAI_AGAIN", "temporary failure"),
    "EAI_BADFLAGS": ("EAI_BADFLAGS", "bad ai_flags value"),
    "EAI_FAIL": ("EAI_FAIL", "permanent failure"),
    "EAI_FAMILY": ("EAI_FAMILY", "ai_family not supported"),
    "EAI_MEMORY": ("EAI_MEMORY", "out of memory"),
    "EAI_NODATA": ("ENOTFOUND", "no address"),
    "EAI_NONAME": ("ENOTFOUND", "unknown node or service"),
    "EAI_OVERFLOW": ("EAI_OVERFLOW", "argument buffer overflow"),
    "EAI_SERVICE": ("EAI_SERVICE", "service not available for socket type"),
    "EAI_SOCKTYPE": ("EAI_SOCKTYPE", "socket type not supported"),
}
_LOOKUP_TEXTS = dict(_LOOKUPS.values())
_LOOKUP_CODES = {
    getattr(socket, name): code for name, (code, _) in _LOOKUPS.items() if hasattr(socket, name)
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
    syscall: str
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
        port: The port in question; 0 and ``None`` are left out of the message, as in Node.
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
        message += f" {address}:{port}" if port else f" {address}"
    if local is not None:
        message += f" - Local ({local})"
    made = _classOf(code, _basesOf(code, syscall))
    return made(code, number, text, message, syscall, address, port or None)


def systemErrorInfo(err: int | OSError, syscall: str) -> SystemErrorInfo:
    """Say what the system said, for an error that carries it as its `info`."""
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
    if err.errno is None:
        return errno.ETIMEDOUT if isinstance(err, TimeoutError) else errno.EIO
    return err.errno


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
    wanted = [builtin, ofCode, *_CALLS.get(syscall, ())]
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
