"""The options of `nodenet.net`, each declared once.

Law: a name, its default, its check, its spelling and what it does to a socket stand together here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from nodenet import dns
from nodenet.abort import AbortSignal
from nodenet.addresses import BLOCKS, BlockList, isIP
from nodenet.errors import ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_INVALID_IP_ADDRESS
from nodenet.net._defaults import checkAttemptTimeout, checkAutoSelectFamily
from nodenet.net._kernel_options import KernelOptions
from nodenet.options import (
    BOOLEAN,
    HOST,
    MODE,
    NATURAL,
    NUMBER,
    PORT,
    SOCKET_PATH,
    TEXT,
    Option,
    booleanOr,
    checkAbortSignal,
    checkFunction,
    checkInt32,
    checkNumber,
    checkPort,
    checkString,
    flags,
)
from nodenet.streams import getDefaultHighWaterMark
from nodenet.streams._options import checkJointMark

_NEVER_FULL = 2**53 - 1  # bytes; what text says exactly
_NEVER_OPEN = 2**31 - 1  # no limit on descriptors reaches it


def isTrue(value: Any) -> bool:
    """JavaScript's verdict on a value: containers count as true, NaN as false."""
    return isinstance(value, list | dict) or (bool(value) and value == value)


def _boolean(value: Any, name: str) -> bool:
    """Node takes anything here for what it is worth as a condition."""
    return bool(value)


def _not_false(value: Any, name: str) -> bool:
    return value is not False


def _delay(value: Any, name: str) -> float:
    return max(checkNumber(value, name), 0)


def _block_list(value: Any, name: str) -> BlockList | None:
    if BlockList.isBlockList(value):
        return value
    if isTrue(value):
        raise ERR_INVALID_ARG_TYPE(name, "net.BlockList", value)
    return None


def _signal(value: Any, name: str) -> Any:
    return checkAbortSignal(value, "signal") if isTrue(value) else None


def _water_mark(value: Any, name: str) -> int:
    mark = checkNumber(value, name)
    return int(min(mark, _NEVER_FULL)) if mark >= 0 else getDefaultHighWaterMark(False)


def _descriptor(value: Any, name: str) -> int | None:
    """Node looks past what is no number from 0 on; of the others the system says what it thinks."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        return None
    return int(value) if value <= _NEVER_OPEN and value == int(value) else _NEVER_OPEN


def _local_address(value: Any, name: str) -> str | None:
    if isTrue(value) and not isIP(value):
        raise ERR_INVALID_IP_ADDRESS(value)
    return value or None


def _remote_port(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ERR_INVALID_ARG_TYPE(name, ["number", "string"], value)
    return checkPort(value)


def _local_port(value: Any, name: str) -> int:
    return checkPort(checkNumber(value, name), name) if isTrue(value) else 0


def _unsupported(value: Any, name: str) -> bool:
    if isTrue(value):
        raise ERR_INVALID_ARG_VALUE(name, value, "is not supported")
    return False


class TuningOptions(KernelOptions, total=False):
    """What a TCP connection is tuned with: servers, sockets and connecting take them."""

    noDelay: Annotated[
        bool,
        Option(default=False, check=_boolean, string=BOOLEAN, doc="Switch Nagle's algorithm off."),
    ]
    keepAlive: Annotated[
        bool,
        Option(default=False, check=_boolean, string=BOOLEAN, doc="Probe an idle peer."),
    ]
    keepAliveInitialDelay: Annotated[
        float,
        Option(
            default=0, check=_delay, string=NUMBER, doc="Idle milliseconds before the first probe."
        ),
    ]


class SocketOptions(TuningOptions, total=False):
    """The options of `Socket`."""

    fd: Annotated[
        int | None,
        Option(
            check=lambda value, name: checkInt32(value, "fd", 0), doc="Wrap this open descriptor."
        ),
    ]
    readable: Annotated[
        bool, Option(default=True, check=_not_false, doc="False, with `fd`: it is not read.")
    ]
    writable: Annotated[
        bool, Option(default=True, check=_not_false, doc="False, with `fd`: it is not written.")
    ]
    allowHalfOpen: Annotated[
        bool,
        Option(default=False, check=_boolean, doc="Stay writable after the peer's FIN."),
    ]
    highWaterMark: Annotated[
        int | None,
        Option(check=checkJointMark, doc="Bytes buffered each way (65,536)."),
    ]
    onread: Annotated[
        dict[str, Any] | None,
        Option(doc="``{'buffer': bytearray or function, 'callback': function(n, buffer)}``."),
    ]
    signal: Annotated[
        AbortSignal | None, Option(check=_signal, doc="Destroys the socket when aborted.")
    ]
    blockList: Annotated[
        BlockList | None,
        Option(check=_block_list, doc="Addresses not to connect to, whatever `connect` is told."),
    ]
    objectMode: Annotated[
        bool, Option(default=False, check=_unsupported, doc="Refused, as in Node.")
    ]
    readableObjectMode: Annotated[
        bool, Option(default=False, check=_unsupported, doc="Refused, as in Node.")
    ]
    writableObjectMode: Annotated[
        bool, Option(default=False, check=_unsupported, doc="Refused, as in Node.")
    ]


class ConnectOptions(TuningOptions, total=False):
    """The options of `Socket.connect`."""

    port: Annotated[
        int | None, Option(check=_remote_port, string=PORT, doc="The port to connect to.")
    ]
    host: Annotated[
        str | None,
        Option(string=HOST, doc="The name or address to connect to (``'localhost'``)."),
    ]
    path: Annotated[
        str | None,
        Option(check=checkString, string=SOCKET_PATH, doc="Connect to this Unix socket instead."),
    ]
    localAddress: Annotated[
        str | None, Option(check=_local_address, string=TEXT, doc="The address to connect from.")
    ]
    localPort: Annotated[
        int, Option(default=0, check=_local_port, string=NUMBER, doc="The port to connect from.")
    ]
    family: Annotated[
        int, Option(default=0, check=dns.checkFamily, string=NUMBER, doc="4, 6, or 0 for both.")
    ]
    hints: Annotated[
        int,
        Option(
            default=0,
            string=flags(ADDRCONFIG=dns.ADDRCONFIG, V4MAPPED=dns.V4MAPPED, ALL=dns.ALL),
            doc="Flags of the look-up; see `nodenet.dns`.",
        ),
    ]
    lookup: Annotated[
        Callable[..., Any] | None, Option(check=checkFunction, doc="In place of `dns.lookup`.")
    ]
    autoSelectFamily: Annotated[
        bool | str | None,
        Option(
            check=checkAutoSelectFamily,
            string=booleanOr("race"),
            doc="Try the addresses of a name one after the other; ``'race'``: overlapping.",
        ),
    ]
    autoSelectFamilyAttemptTimeout: Annotated[
        int | None,
        Option(
            check=checkAttemptTimeout,
            string=NUMBER,
            doc="Milliseconds before the next address is tried (at least 10).",
        ),
    ]
    blockList: Annotated[
        BlockList | None,
        Option(check=_block_list, string=BLOCKS, doc="Addresses not to connect to."),
    ]


class FactoryOptions(TypedDict, total=False):
    """What `createConnection` takes beside those of `Socket` and `Socket.connect`."""

    timeout: Annotated[float | None, Option(doc="As `Socket.setTimeout`, in milliseconds.")]


class ServerOptions(TuningOptions, total=False):
    """The options of `Server`."""

    allowHalfOpen: Annotated[
        bool,
        Option(
            default=False,
            check=_boolean,
            string=BOOLEAN,
            doc="Connections stay writable after the peer's FIN.",
        ),
    ]
    pauseOnConnect: Annotated[
        bool,
        Option(
            default=False,
            check=_boolean,
            string=BOOLEAN,
            doc="Connections do not read before `resume()`.",
        ),
    ]
    highWaterMark: Annotated[
        int | None,
        Option(check=_water_mark, string=NUMBER, doc="Bytes that a connection buffers each way."),
    ]
    blockList: Annotated[
        BlockList | None,
        Option(check=_block_list, string=BLOCKS, doc="Peers that are closed unheard."),
    ]


class PortOptions(TypedDict, total=False):
    """How a port is opened."""

    host: Annotated[str | None, Option(string=TEXT, spelled="interface", doc="The address.")]
    ipv6Only: Annotated[
        bool, Option(default=False, check=_boolean, string=BOOLEAN, doc="``::`` without IPv4.")
    ]
    reusePort: Annotated[
        bool,
        Option(
            default=False,
            check=_boolean,
            string=BOOLEAN,
            doc="Share the port; the kernel spreads connections (SO_REUSEPORT).",
        ),
    ]


class PathOptions(TypedDict, total=False):
    """How a Unix socket is opened."""

    readableAll: Annotated[
        bool, Option(default=False, check=_boolean, string=BOOLEAN, doc="Everyone may read.")
    ]
    writableAll: Annotated[
        bool, Option(default=False, check=_boolean, string=BOOLEAN, doc="Everyone may write.")
    ]
    mode: Annotated[
        int | None,
        Option(string=MODE, doc="Permissions of the Unix socket, such as 0o660.", node=False),
    ]


class ListenOptions(PortOptions, PathOptions, total=False):
    """The options of `Server.listen`."""

    port: Annotated[
        int | None,
        Option(
            check=checkPort,
            string=PORT,
            doc="The port; 0 takes a free one.",
        ),
    ]
    path: Annotated[
        str | None, Option(string=SOCKET_PATH, doc="The path of a Unix socket instead.")
    ]
    backlog: Annotated[
        int, Option(default=0, string=NATURAL, doc="Connections that may wait (511).")
    ]
    exclusive: Annotated[
        bool,
        Option(
            default=False,
            check=_boolean,
            string=BOOLEAN,
            doc="Do not share the handle in a cluster.",
        ),
    ]
    fd: Annotated[
        int | None, Option(check=_descriptor, string=NATURAL, doc="Listen on this open descriptor.")
    ]
    signal: Annotated[
        AbortSignal | None, Option(check=checkAbortSignal, doc="Closes the server when aborted.")
    ]
