"""The codes of the operating system: what they mean, and what else an error of each is.

Law: a code stands here once; its row and that of the system call are all that distinguishes one
system error from another.
"""

from __future__ import annotations

from twisted.internet import error as twisted

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
#: system call, in Node's word → what every failure of it is to Twisted
CALLS: dict[str, tuple[type[Exception], ...]] = {
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

#: Python's name of a look-up failure → libuv's, which Node shows, and its text
LOOKUPS = {
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
