"""The options of `nodenet.dgram`, each declared once.

Law: a name, its default, its check and its spelling stand together here.
"""

from __future__ import annotations

from collections.abc import Callable
from socket import SO_RCVBUF, SO_SNDBUF, SOL_SOCKET
from typing import Annotated, Any, TypedDict

from nodenet.abort import AbortSignal
from nodenet.addresses import BLOCKS, BlockList
from nodenet.dgram._arguments import given
from nodenet.dgram._families import FAMILIES
from nodenet.errors import ERR_INVALID_ARG_TYPE, ERR_SOCKET_BAD_TYPE
from nodenet.options import (
    BOOLEAN,
    NATURAL,
    NUMBER,
    PORT,
    TEXT,
    Option,
    checkAbortSignal,
    checkFunction,
    checkUint32,
    choice,
)
from nodenet.transports.udp_queue import SEND_QUEUE_LIMIT, SEND_QUEUE_MOST


def _type(value: Any, name: str) -> str:
    if not isinstance(value, str) or value not in FAMILIES:
        raise ERR_SOCKET_BAD_TYPE
    return value


def _boolean(value: Any, name: str) -> bool:
    """Node takes anything here for what it is worth as a condition."""
    return bool(value)


def _size(value: Any, name: str) -> int:
    return checkUint32(value, name) if given(value) else 0


def _lookup(value: Callable[..., object], name: str) -> Callable[..., object]:
    return checkFunction(value, "lookup")


def _block_list(value: Any, name: str) -> BlockList | None:
    if not given(value):
        return None
    if not BlockList.isBlockList(value):
        raise ERR_INVALID_ARG_TYPE(name, "net.BlockList", value)
    return value


class KindOptions(TypedDict, total=False):
    """Which kind of socket it is."""

    type: Annotated[
        str,
        Option(
            check=_type,
            string=choice("udp4", "udp6"),  # what has a path has no port
            doc="``'udp4'``, ``'udp6'`` or ``'unix_dgram'``. Required.",
        ),
    ]


class SharingOptions(TypedDict, total=False):
    """Whether the port is shared: set before binding."""

    reuseAddr: Annotated[
        bool,
        Option(
            default=False,
            check=_boolean,
            string=BOOLEAN,
            doc="Bind also where another socket is bound (``SO_REUSEADDR``).",
        ),
    ]
    reusePort: Annotated[
        bool,
        Option(
            default=False,
            check=_boolean,
            string=BOOLEAN,
            doc="Share the port: the system spreads datagrams over its sockets (``SO_REUSEPORT``).",
        ),
    ]
    ipv6Only: Annotated[
        bool,
        Option(
            default=False,
            check=_boolean,
            string=BOOLEAN,
            doc="Binding to ``'::'`` does not also bind to ``'0.0.0.0'``.",
        ),
    ]


class BufferOptions(TypedDict, total=False):
    """The kernel's buffers."""

    recvBufferSize: Annotated[
        int,
        Option(
            default=0,
            check=_size,
            string=NUMBER,
            apply=lambda skt, size: skt.setsockopt(SOL_SOCKET, SO_RCVBUF, size),
            doc="Bytes of the kernel's receive buffer (``SO_RCVBUF``); 0: the system's default.",
        ),
    ]
    sendBufferSize: Annotated[
        int,
        Option(
            default=0,
            check=_size,
            string=NUMBER,
            apply=lambda skt, size: skt.setsockopt(SOL_SOCKET, SO_SNDBUF, size),
            doc="Bytes of the kernel's send buffer (``SO_SNDBUF``); 0: the system's default.",
        ),
    ]


class BlockOptions(TypedDict, total=False):
    """Whom it has nothing to do with."""

    receiveBlockList: Annotated[
        BlockList,
        Option(check=_block_list, string=BLOCKS, doc="Datagrams from these addresses are dropped."),
    ]
    sendBlockList: Annotated[
        BlockList,
        Option(
            check=_block_list,
            string=BLOCKS,
            doc="Nothing is sent to these addresses: ``ERR_IP_BLOCKED``.",
        ),
    ]


class DetailOptions(TypedDict, total=False):
    """What ``'message'`` and ``'error'`` tell beyond Node's."""

    packetInfo: Annotated[
        bool,
        Option(
            default=False,
            check=_boolean,
            string=BOOLEAN,
            node=False,
            doc="`rinfo` is a `PacketInfo`: also where a datagram was sent to, and its class.",
        ),
    ]
    networkErrors: Annotated[
        bool,
        Option(
            default=False,
            check=_boolean,
            string=BOOLEAN,
            node=False,
            doc="ICMP errors of each destination become `'error'` events (``IP_RECVERR``).",
        ),
    ]


class QueueOptions(TypedDict, total=False):
    """How datagrams leave."""

    segmentation: Annotated[
        bool,
        Option(
            default=True,
            check=_boolean,
            string=BOOLEAN,
            node=False,
            doc="Runs of equal datagrams to a peer leave in one piece where the kernel can cut it.",
        ),
    ]
    sendQueueLimit: Annotated[
        int,
        Option(
            default=SEND_QUEUE_LIMIT,
            check=checkUint32,
            string=NUMBER,
            node=False,
            doc="Bytes that may wait while the kernel is full, in at most "
            f"{SEND_QUEUE_MOST:,} datagrams; beyond, sending fails: ``ENOBUFS``.",
        ),
    ]


class SocketOptions(
    KindOptions,
    SharingOptions,
    BufferOptions,
    BlockOptions,
    DetailOptions,
    QueueOptions,
    total=False,
):
    """What `createSocket` can be told."""

    lookup: Annotated[
        Callable[..., object],
        Option(check=_lookup, doc="Finds addresses in place of `dns.lookup`."),
    ]
    signal: Annotated[
        AbortSignal, Option(check=checkAbortSignal, doc="Closes the socket when it is aborted.")
    ]


class BindOptions(TypedDict, total=False):
    """What `Socket.bind` can be told."""

    port: Annotated[int, Option(default=0, string=PORT, doc="The port; 0: one that is free.")]
    address: Annotated[
        str,
        Option(
            default="",
            string=TEXT,
            spelled="interface",
            doc="The address or host name; by default all interfaces.",
        ),
    ]
    exclusive: Annotated[
        bool,
        Option(
            default=False,
            check=_boolean,
            string=BOOLEAN,
            doc="Do not share the port with the workers of a cluster.",
        ),
    ]
    fd: Annotated[
        int,
        Option(
            string=NATURAL,
            doc="Adopt this descriptor of a UDP socket; port and address do not count.",
        ),
    ]
