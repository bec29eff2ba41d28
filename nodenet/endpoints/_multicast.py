"""What a datagram endpoint sets on its socket once that is bound.

Law: each option here is a method of `dgram.Socket` in Node, which an endpoint string cannot call;
it has the name of that method's subject.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from functools import partial
from ipaddress import ip_address
from typing import Annotated, Any, TypedDict

from nodenet.options import (
    BOOLEAN,
    NUMBER,
    TEXT,
    Option,
    applyOptions,
    checkBoolean,
    checkInteger,
    checkString,
)
from nodenet.transports import udp_multicast as multicast


def _groups(value: Any, name: str) -> str:
    for group in checkString(value, name).split(","):
        try:
            known = ip_address(group).is_multicast
        except ValueError:
            known = False
        if not known:
            raise ValueError(f"{name} must be a multicast address such as 224.0.0.114, or several")
    return str(value)


def _broadcast(skt: socket.socket, enabled: bool) -> None:
    skt.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, enabled)


class BoundOptions(TypedDict, total=False):
    """What is set on a bound UDP socket."""

    multicast: Annotated[
        str | None,
        Option(check=_groups, string=TEXT, node=False, doc="Join this group, or several (``,``)."),
    ]
    multicastInterface: Annotated[
        str | None,
        Option(
            check=checkString,
            string=TEXT,
            node=False,
            doc="The address of the interface on which to join and to send multicast.",
            apply=multicast.setMulticastInterface,
        ),
    ]
    multicastTTL: Annotated[
        int | None,
        Option(
            check=partial(checkInteger, minimum=0, maximum=255),
            string=NUMBER,
            node=False,
            doc="How many hops multicast makes.",
            apply=multicast.setMulticastTTL,
        ),
    ]
    multicastLoopback: Annotated[
        bool,
        Option(
            default=True,
            check=checkBoolean,
            string=BOOLEAN,
            node=False,
            doc="This host hears the multicast that it sends.",
            apply=multicast.setMulticastLoopback,
        ),
    ]
    ttl: Annotated[
        int | None,
        Option(
            check=partial(checkInteger, minimum=1, maximum=255),
            string=NUMBER,
            node=False,
            doc="How many hops datagrams make.",
            apply=multicast.setTTL,
        ),
    ]
    broadcast: Annotated[
        bool,
        Option(
            default=False,
            check=checkBoolean,
            string=BOOLEAN,
            node=False,
            doc="Datagrams may be sent to a broadcast address.",
            apply=_broadcast,
        ),
    ]


def equip(skt: socket.socket, options: Mapping[str, Any]) -> None:
    """Set `BoundOptions` on a bound socket.

    Raises:
        OSError: As the kernel words it.
    """
    applyOptions(BoundOptions, options, skt)
    groups = options["multicast"]
    for group in groups.split(",") if groups else ():
        multicast.setMembership(skt, group, options["multicastInterface"], True)
