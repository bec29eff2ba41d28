"""Sockets that systemd has opened: socket activation.

Law: what this process was given is read once, when this is imported, for twistd forks later and
then bears another process id than the one systemd speaks of. A socket is used by a duplicate, so
closing an endpoint closes none of systemd's.

Twisted takes the variables out of the environment as soon as its endpoints are imported, so it is
asked for the descriptors; it leaves the names there.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Iterable
from typing import Annotated, Any, Final, TypedDict

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IStreamServerEndpointStringParser
from twisted.plugin import getPlugins

from nodenet.errors import ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE
from nodenet.options import Option, Spelling

_OF_PRIMARY: Final = "NODENET_LISTEN_FDS"
_NAMES: Final = os.environ.get("LISTEN_FDNAMES", "").split(":")


class ActivationError(CannotListenError):
    """There is no socket of systemd's as it was asked for.

    Attributes:
        reason: What there is instead.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(None, None, OSError(reason))  # type: ignore[no-untyped-call]
        self.args = (reason,)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


def _index_or_name(value: Any, name: str) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ERR_INVALID_ARG_TYPE(name, ["number", "string"], value)
    text = str(value)
    if text.isascii() and text.isdigit() and len(text) < 6:
        return int(text)
    if isinstance(value, int) or not text or ":" in text or not text.isprintable():
        raise ERR_INVALID_ARG_VALUE(name, value, "must be the index or the name of a socket")
    return text


class ActivationOptions(TypedDict, total=False):
    """Where else endpoints have sockets from."""

    systemd: Annotated[
        int | str | None,
        Option(
            check=_index_or_name,
            string=Spelling(_index_or_name, str),
            node=False,
            doc="Use the socket that systemd has opened: its index, from 0, or its name.",
        ),
    ]


def activated(
    which: int | str, kind: str, type: socket.SocketKind, families: Collection[int]
) -> socket.socket:
    """A duplicate of a socket that systemd has opened.

    Args:
        which: Its index or its name (``FileDescriptorName=``).
        kind: What it should be, for the error.
        type: Streams or datagrams.
        families: The families of addresses that it may have.

    Raises:
        ActivationError: There is none, or several have that name, or it is something else.
    """
    try:
        skt = socket.socket(fileno=os.dup(descriptorOf(which)))
    except OSError as error:
        raise ActivationError(f"socket {which} of systemd's: {error.strerror}") from None
    if skt.type != type or skt.family not in families:
        skt.close()
        raise ActivationError(f"socket {which} of systemd's is no {kind} socket")
    return skt


def listening(
    which: int | str, kind: str, families: Collection[int], backlog: int | None
) -> socket.socket:
    """As `activated`, a socket that listens; with systemd's own backlog where none is given."""
    skt = activated(which, kind, socket.SOCK_STREAM, families)
    if not skt.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        skt.close()
        raise ActivationError(f"socket {which} of systemd's does not listen: it has Accept=yes")
    if backlog is not None:
        skt.listen(backlog)
    return skt


def forWorkers() -> dict[str, str]:
    """What the environment of workers needs, so that they know the same sockets.

    They cannot use them: they ask the primary, which has them open.
    """
    return {_OF_PRIMARY: ",".join(map(str, _given()))}


def _given() -> list[int]:
    """The descriptors, in order."""
    of_primary = os.environ.get(_OF_PRIMARY)
    if of_primary is not None:
        return [int(one) for one in of_primary.split(",") if one]
    plugins: Iterable[Any] = getPlugins(IStreamServerEndpointStringParser)
    for plugin in plugins:
        if plugin.prefix == "systemd":
            return list(plugin._sddaemon.inheritedDescriptors())
    return []


def descriptorOf(which: int | str) -> int:
    """The descriptor of a socket of systemd's; in a worker of a service, its primary's.

    Raises:
        ActivationError: There is none, or several have that name.
    """
    given = _given()
    names = _NAMES if len(_NAMES) == len(given) else [""] * len(given)
    if isinstance(which, int):
        found = [which] if which < len(given) else []
    else:
        found = [index for index, name in enumerate(names) if name == which]
    if len(found) == 1:
        return given[found[0]]
    if found:
        raise ActivationError(
            f"{len(found)} sockets of systemd's are named {which}; "
            f"give the index: {', '.join(map(str, found))}"
        )
    there = [f"{index} ({name})" if name else f"{index}" for index, name in enumerate(names)]
    listed = ", ".join(there) or "none"
    raise ActivationError(f"systemd has passed no socket {which}; there are: {listed}")
