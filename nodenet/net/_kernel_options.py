"""Settings of a TCP connection that Node does not have.

Law: one not given leaves the kernel's own value.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, TypedDict

from nodenet.options import NUMBER, Option, checkInteger, declarations
from nodenet.transports.tcp import TCPTransport

_LONGEST_INTERVAL = 32_767_000  # milliseconds: the kernel's limit
_MOST_PROBES = 127


def _set_interval(skt: socket.socket, milliseconds: int) -> None:
    skt.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(milliseconds // 1000, 1))


def _set_count(skt: socket.socket, count: int) -> None:
    skt.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, count)


def _set_user_timeout(skt: socket.socket, milliseconds: int) -> None:
    # Linux has it; elsewhere the attribute is missing, and saying so is better than not obeying.
    skt.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def _set_type_of_service(skt: socket.socket, value: int) -> None:
    if skt.family == socket.AF_INET6:
        skt.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, value)
    else:
        skt.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, value)


class KernelOptions(TypedDict, total=False):
    """What nodenet hands to the kernel beyond Node's own settings."""

    keepAliveInterval: Annotated[
        int | None,
        Option(
            check=partial(checkInteger, minimum=1, maximum=_LONGEST_INTERVAL),
            apply=_set_interval,
            string=NUMBER,
            node=False,
            doc="Milliseconds between probes, in whole seconds (1,000 with an initial delay).",
        ),
    ]
    keepAliveCount: Annotated[
        int | None,
        Option(
            check=partial(checkInteger, minimum=1, maximum=_MOST_PROBES),
            apply=_set_count,
            string=NUMBER,
            node=False,
            doc="Probes without an answer that end the connection (10 with an initial delay).",
        ),
    ]
    userTimeout: Annotated[
        int | None,
        Option(
            check=partial(checkInteger, minimum=0, maximum=2**31 - 1),
            apply=_set_user_timeout,
            string=NUMBER,
            node=False,
            doc="Milliseconds that sent data may stay unacknowledged (TCP_USER_TIMEOUT, Linux).",
        ),
    ]
    typeOfService: Annotated[
        int | None,
        Option(
            check=partial(checkInteger, minimum=0, maximum=255),
            apply=_set_type_of_service,
            string=NUMBER,
            node=False,
            doc="The type of service or traffic class of the packets that are sent.",
        ),
    ]


def applyKernelSettings(tcp: TCPTransport, settings: Mapping[str, Any]) -> None:
    """Hand the settings to the kernel.

    Raises:
        OSError: It refused one.
    """
    declared = declarations(KernelOptions)
    for name, value in settings.items():
        apply = declared[name].apply
        assert apply is not None
        tcp.tune(apply, value)


def kernelSettings(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `KernelOptions` that were given."""
    return {
        name: resolved[name] for name in declarations(KernelOptions) if resolved[name] is not None
    }
