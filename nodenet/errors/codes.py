"""Every ``ERR_…`` code that nodenet can raise, each once.

Law: a class is named like its code; Node's TypeError is a ``TypeError``, its RangeError a
``ValueError``, and its plain Error neither. Constructors take what Node's documentation of the code
speaks of. System errors (``ECONNREFUSED`` …) are in `nodenet.errors.system`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from nodenet.errors.base import NodeError, argument, describe, expectation, inspect, joined

__all__ = [
    "ERR_BUFFER_OUT_OF_BOUNDS",
    "ERR_CHILD_CLOSED_BEFORE_REPLY",
    "ERR_EVENT_RECURSION",
    "ERR_ILLEGAL_CONSTRUCTOR",
    "ERR_INVALID_ADDRESS",
    "ERR_INVALID_ADDRESS_FAMILY",
    "ERR_INVALID_ARG_TYPE",
    "ERR_INVALID_ARG_VALUE",
    "ERR_INVALID_FD",
    "ERR_INVALID_FD_TYPE",
    "ERR_INVALID_HANDLE_TYPE",
    "ERR_INVALID_IP_ADDRESS",
    "ERR_INVALID_RETURN_VALUE",
    "ERR_INVALID_STATE",
    "ERR_INVALID_THIS",
    "ERR_IPC_CHANNEL_CLOSED",
    "ERR_IPC_DISCONNECTED",
    "ERR_IP_BLOCKED",
    "ERR_METHOD_NOT_IMPLEMENTED",
    "ERR_MISSING_ARGS",
    "ERR_MULTIPLE_CALLBACK",
    "ERR_OUT_OF_RANGE",
    "ERR_SERVER_ALREADY_LISTEN",
    "ERR_SERVER_NOT_RUNNING",
    "ERR_SOCKET_ALREADY_BOUND",
    "ERR_SOCKET_BAD_BUFFER_SIZE",
    "ERR_SOCKET_BAD_PORT",
    "ERR_SOCKET_BAD_TYPE",
    "ERR_SOCKET_BUFFER_SIZE",
    "ERR_SOCKET_CLOSED",
    "ERR_SOCKET_CLOSED_BEFORE_CONNECTION",
    "ERR_SOCKET_CONNECTION_TIMEOUT",
    "ERR_SOCKET_DGRAM_IS_CONNECTED",
    "ERR_SOCKET_DGRAM_NOT_CONNECTED",
    "ERR_SOCKET_DGRAM_NOT_RUNNING",
    "ERR_STREAM_ALREADY_FINISHED",
    "ERR_STREAM_CANNOT_PIPE",
    "ERR_STREAM_DESTROYED",
    "ERR_STREAM_NULL_VALUES",
    "ERR_STREAM_PREMATURE_CLOSE",
    "ERR_STREAM_PUSH_AFTER_EOF",
    "ERR_STREAM_UNABLE_TO_PIPE",
    "ERR_STREAM_UNSHIFT_AFTER_END_EVENT",
    "ERR_STREAM_WRITE_AFTER_END",
    "ERR_TLS_HANDSHAKE_TIMEOUT",
    "ERR_UNHANDLED_ERROR",
    "ERR_UNKNOWN_ENCODING",
    "ERR_UNKNOWN_SIGNAL",
    "SystemErrorInfo",
]


class _FixedError(NodeError):
    """An error whose message is always the same."""

    MESSAGE: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(self.MESSAGE)


# --- arguments -----------------------------------------------------------------------------------


class ERR_INVALID_ARG_TYPE(NodeError, TypeError):
    """An argument has the wrong type."""

    def __init__(self, name: str, expected: str | Sequence[str], actual: object) -> None:
        super().__init__(
            f"{argument(name)} must be {expectation(expected)}. Received {describe(actual)}"
        )


class ERR_INVALID_ARG_VALUE(NodeError, TypeError):
    """An argument has the right type and a value that is not supported."""

    def __init__(self, name: str, value: object, reason: str = "is invalid") -> None:
        kind = "property" if "." in name else "argument"
        super().__init__(f"The {kind} '{name}' {reason}. Received {inspect(value)}")


class ERR_OUT_OF_RANGE(NodeError, ValueError):
    """A number is outside what is accepted."""

    def __init__(self, name: str, range: str, received: object) -> None:
        shown = inspect(received)
        if isinstance(received, int) and 2**32 < abs(received) < 2**1024:
            shown = f"{received:_}"
        super().__init__(
            f'The value of "{name}" is out of range. It must be {range}. Received {shown}'
        )


class ERR_MISSING_ARGS(NodeError, TypeError):
    """A required argument was not given. A list names arguments of which one is required."""

    def __init__(self, *names: str | Sequence[str]) -> None:
        quoted = [
            f'"{name}"' if isinstance(name, str) else " or ".join(f'"{one}"' for one in name)
            for name in names
        ]
        plural = "arguments" if len(quoted) > 1 else "argument"
        super().__init__(f"The {joined(quoted, 'and')} {plural} must be specified")


class ERR_INVALID_RETURN_VALUE(NodeError, TypeError):
    """A function of the user's returned something of the wrong type."""

    def __init__(self, expected: str, name: str, value: object) -> None:
        super().__init__(
            f'Expected {expected} to be returned from the "{name}" function'
            f" but got {describe(value)}."
        )


class ERR_UNKNOWN_ENCODING(NodeError, TypeError):
    """No such text encoding."""

    def __init__(self, encoding: object) -> None:
        super().__init__(f"Unknown encoding: {encoding}")


class ERR_BUFFER_OUT_OF_BOUNDS(NodeError, ValueError):
    """An offset or a length points outside the bytes that were given."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(
            f'"{name}" is outside of buffer bounds'
            if name
            else "Attempt to access memory outside buffer bounds"
        )


class ERR_METHOD_NOT_IMPLEMENTED(NodeError):
    """A subclass left out a method that it must have."""

    def __init__(self, method: str) -> None:
        super().__init__(f"The {method} method is not implemented")


# --- addresses -----------------------------------------------------------------------------------


class ERR_SOCKET_BAD_PORT(NodeError, ValueError):
    """A port is not an integer from 0 (or 1) to 65,535."""

    def __init__(self, name: str, port: object, allowZero: bool = True) -> None:
        super().__init__(
            f"{name} should be {'>=' if allowZero else '>'} 0 and < 65536."
            f" Received {describe(port)}."
        )


class ERR_INVALID_ADDRESS(_FixedError):
    """Not an IP address of the family that was given."""

    MESSAGE = "Invalid socket address"


class ERR_INVALID_ADDRESS_FAMILY(NodeError, ValueError):
    """A look-up answered with an address family that is neither 4 nor 6."""

    def __init__(self, family: object, host: str, port: int) -> None:
        super().__init__(f"Invalid address family: {family} {host}:{port}")
        self.host = host
        self.port = port


class ERR_INVALID_IP_ADDRESS(NodeError, TypeError):
    """A look-up answered with something that is not an IP address."""

    def __init__(self, address: object) -> None:
        super().__init__(f"Invalid IP address: {address}")


class ERR_IP_BLOCKED(NodeError):
    """The `net.BlockList` in use forbids the address."""

    def __init__(self, address: str) -> None:
        super().__init__(f"IP({address}) is blocked by net.BlockList")


# --- sockets and servers -------------------------------------------------------------------------


class ERR_SOCKET_ALREADY_BOUND(_FixedError):
    """The socket has an address already."""

    MESSAGE = "Socket is already bound"


class ERR_SOCKET_BAD_BUFFER_SIZE(_FixedError, TypeError):
    """A kernel buffer size is not a positive integer."""

    MESSAGE = "Buffer size must be a positive integer"


class ERR_SOCKET_BAD_TYPE(_FixedError, TypeError):
    """No such type of datagram socket."""

    MESSAGE = "Bad socket type specified. Valid types are: udp4, udp6"


class ERR_SOCKET_CLOSED(_FixedError):
    """The socket is closed."""

    MESSAGE = "Socket is closed"


class ERR_SOCKET_CLOSED_BEFORE_CONNECTION(_FixedError):
    """The socket was closed while it was connecting."""

    MESSAGE = "Socket closed before the connection was established"


class ERR_SOCKET_CONNECTION_TIMEOUT(_FixedError):
    """One attempt of several to connect took too long."""

    MESSAGE = "Socket connection timeout"


class ERR_TLS_HANDSHAKE_TIMEOUT(_FixedError):
    """A client took too long to shake hands."""

    MESSAGE = "TLS handshake timeout"


class ERR_SOCKET_DGRAM_IS_CONNECTED(_FixedError):
    """The datagram socket is connected already."""

    MESSAGE = "Already connected"


class ERR_SOCKET_DGRAM_NOT_CONNECTED(_FixedError):
    """The datagram socket is not connected."""

    MESSAGE = "Not connected"


class ERR_SOCKET_DGRAM_NOT_RUNNING(_FixedError):
    """The datagram socket is closed."""

    MESSAGE = "Not running"


class SystemErrorInfo(NamedTuple):
    """What the system said, beside an error that speaks of more than one system call."""

    errno: int
    code: str
    message: str
    syscall: str


class ERR_SOCKET_BUFFER_SIZE(NodeError):
    """The size of a kernel buffer could not be read or set; `info` says why."""

    named = "SystemError"

    def __init__(self, info: SystemErrorInfo) -> None:
        super().__init__(
            f"Could not get or set buffer size: {info.syscall} returned"
            f" {info.code} ({info.message})"
        )
        self.info = info
        self.errno = info.errno
        self.syscall = info.syscall


class ERR_SERVER_ALREADY_LISTEN(_FixedError):
    """The server listens already."""

    MESSAGE = "Listen method has been called more than once without closing."


class ERR_SERVER_NOT_RUNNING(_FixedError):
    """The server does not listen."""

    MESSAGE = "Server is not running."


class ERR_INVALID_FD(NodeError, ValueError):
    """A descriptor is negative or does not fit 32 bits."""

    def __init__(self, fd: object) -> None:
        super().__init__(f'"fd" must be a positive integer: {inspect(fd)}')


class ERR_INVALID_FD_TYPE(NodeError, TypeError):
    """A descriptor is of something that a socket cannot adopt."""

    def __init__(self, type: str) -> None:
        super().__init__(f"Unsupported fd type: {type}")


class ERR_INVALID_HANDLE_TYPE(_FixedError, TypeError):
    """The handle cannot be used here, or not be sent to another process."""

    MESSAGE = "This handle type cannot be sent"


# --- streams -------------------------------------------------------------------------------------


class ERR_STREAM_ALREADY_FINISHED(NodeError):
    """The writable side has finished."""

    def __init__(self, method: str) -> None:
        super().__init__(f"Cannot call {method} after a stream was finished")


class ERR_STREAM_CANNOT_PIPE(_FixedError):
    """Only a readable stream can be piped."""

    MESSAGE = "Cannot pipe, not readable"


class ERR_STREAM_DESTROYED(NodeError):
    """The stream is destroyed."""

    def __init__(self, method: str) -> None:
        super().__init__(f"Cannot call {method} after a stream was destroyed")


class ERR_STREAM_NULL_VALUES(_FixedError, TypeError):
    """``None`` cannot be written."""

    MESSAGE = "May not write null values to stream"


class ERR_STREAM_PREMATURE_CLOSE(_FixedError):
    """The stream closed before it ended or finished."""

    MESSAGE = "Premature close"


class ERR_STREAM_PUSH_AFTER_EOF(_FixedError):
    """Data was pushed after the end."""

    MESSAGE = "stream.push() after EOF"


class ERR_STREAM_UNABLE_TO_PIPE(_FixedError):
    """The destination is closed or destroyed."""

    MESSAGE = "Cannot pipe to a closed or destroyed stream"


class ERR_STREAM_UNSHIFT_AFTER_END_EVENT(_FixedError):
    """Data was put back after ``'end'``."""

    MESSAGE = "stream.unshift() after end event"


class ERR_STREAM_WRITE_AFTER_END(_FixedError):
    """Data was written after `end()`."""

    MESSAGE = "write after end"


class ERR_MULTIPLE_CALLBACK(_FixedError):
    """A callback that may be called once was called again."""

    MESSAGE = "Callback called multiple times"


# --- events and signals --------------------------------------------------------------------------


class ERR_UNHANDLED_ERROR(NodeError):
    """``'error'`` was emitted with something that is no exception, and nobody listened."""

    def __init__(self, context: object = None) -> None:
        super().__init__(f"Unhandled error. ({inspect(context)})")
        self.context = context


class ERR_EVENT_RECURSION(NodeError):
    """The event is being dispatched at this moment."""

    def __init__(self, event: str) -> None:
        super().__init__(f'The event "{event}" is already being dispatched')


class ERR_INVALID_STATE(NodeError):
    """The object cannot do this in its present state."""

    def __init__(self, state: str) -> None:
        super().__init__(f"Invalid state: {state}")


class ERR_INVALID_THIS(NodeError, TypeError):
    """A method was called on an object of another class."""

    def __init__(self, type: str) -> None:
        super().__init__(f'Value of "this" must be of type {type}')


class ERR_ILLEGAL_CONSTRUCTOR(_FixedError, TypeError):
    """The class has no public constructor."""

    MESSAGE = "Illegal constructor"


# --- processes that share sockets ----------------------------------------------------------------


class ERR_CHILD_CLOSED_BEFORE_REPLY(_FixedError):
    """A worker went away before it answered."""

    MESSAGE = "Child closed before reply received"


class ERR_IPC_CHANNEL_CLOSED(_FixedError):
    """The channel to the other process is closed."""

    MESSAGE = "Channel closed"


class ERR_IPC_DISCONNECTED(_FixedError):
    """The channel to the other process was disconnected already."""

    MESSAGE = "IPC channel is already disconnected"


class ERR_UNKNOWN_SIGNAL(NodeError, TypeError):
    """No such signal."""

    def __init__(self, signal: object) -> None:
        super().__init__(f"Unknown signal: {signal}")
