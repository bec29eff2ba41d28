"""What other people's exceptions are in Node's terms.

Law: `translate` is the one place where Twisted's reasons and Python's raw ``OSError`` enter
nodenet; behind it every error has Node's ``code``.
"""

from __future__ import annotations

import errno
import socket

from twisted.internet import error as twisted
from twisted.internet.defer import CancelledError
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.python.failure import Failure

from nodenet.errors.aborts import AbortError, DOMException
from nodenet.errors.aggregate import AggregateError
from nodenet.errors.base import NodeError
from nodenet.errors.system import lookupError, systemError

#: Twisted's exception → (errno, the call that failed when it is not the caller's)
_MEANING: tuple[tuple[type[BaseException], int, str | None], ...] = (
    (twisted.ConnectionRefusedError, errno.ECONNREFUSED, None),
    (twisted.TCPTimedOutError, errno.ETIMEDOUT, None),
    (twisted.TimeoutError, errno.ETIMEDOUT, None),
    (DeferredTimeoutError, errno.ETIMEDOUT, None),
    (twisted.NoRouteError, errno.ENETUNREACH, None),
    (twisted.BadFileError, errno.EBADF, None),
    (twisted.ConnectBindError, errno.EADDRINUSE, "bind"),
    (twisted.ConnectError, errno.ECONNREFUSED, None),
    (twisted.ConnectionAborted, errno.ECONNABORTED, None),
    (twisted.ConnectionLost, errno.ECONNRESET, None),
    (twisted.MessageLengthError, errno.EMSGSIZE, None),
    (twisted.MulticastJoinError, errno.EINVAL, None),
    (twisted.UnsupportedAddressFamily, errno.EAFNOSUPPORT, None),
    (twisted.UnsupportedSocketType, errno.EPROTONOSUPPORT, None),
)


def translate(
    reason: Failure | BaseException,
    syscall: str,
    address: str | None = None,
    port: int | None = None,
) -> BaseException | None:
    """Say what an exception of Twisted or Python is in Node's terms.

    Args:
        reason: What `connectionLost`, `connectionFailed` or a system call gave.
        syscall: What was being done, in Node's word for it.
        address: The address or path in question.
        port: The port in question.

    Returns:
        ``None`` for a clean close; an error with Node's ``code`` where there is one; otherwise
        the exception itself, such as one of OpenSSL's.
    """
    error = reason.value if isinstance(reason, Failure) else reason
    assert error is not None, "a Failure always has its exception"
    if isinstance(error, NodeError | AggregateError | DOMException):
        return error
    if isinstance(error, twisted.ConnectionDone):
        return None
    if isinstance(error, CancelledError | twisted.ConnectingCancelledError):
        return AbortError(cause=error)
    if isinstance(error, socket.gaierror):
        return lookupError(error, address)
    if isinstance(error, twisted.DNSLookupError | twisted.UnknownHostError):
        return lookupError("ENOTFOUND", address)
    if isinstance(error, twisted.CannotListenError):
        number = _known(error.socketError) or errno.EADDRINUSE
        return systemError(number, syscall, error.interface or address, error.port or port)
    return _system(error, syscall, address, port) or error


def _system(
    error: BaseException, syscall: str, address: str | None, port: int | None
) -> Exception | None:
    for kind, number, call in _MEANING:
        if isinstance(error, kind):
            return systemError(_known(error) or number, call or syscall, address, port)
    # Subclasses of OSError that libraries define, such as ssl.SSLError, count differently.
    if isinstance(error, OSError) and type(error).__module__ == "builtins":
        return systemError(error, syscall, address, port)
    return None


def _known(error: object) -> int | None:
    """Return the errno that an exception carries, if it carries one of the system's."""
    carried: tuple[object, ...] = getattr(error, "args", ())
    if not isinstance(error, twisted.MulticastJoinError):
        carried = tuple(one for one in carried if isinstance(one, OSError))
    for one in (error, getattr(error, "osError", None), *carried):
        number = getattr(one, "errno", one)
        if isinstance(number, int) and number in errno.errorcode:
            return number
    return None
