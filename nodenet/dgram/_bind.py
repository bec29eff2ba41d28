"""How a socket gets its descriptor: a new one with its options, or an adopted one.

Law: what fails leaves nothing open.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Collection, Mapping
from typing import Any, Final

from nodenet.dgram._arguments import BindRequest
from nodenet.dgram._families import FAMILIES
from nodenet.dgram._link import Link
from nodenet.errors import ERR_INVALID_FD_TYPE, systemError
from nodenet.transports.source import Place

INTERNET: Final = frozenset({socket.AF_INET, socket.AF_INET6})


def adopted(fd: int, families: Collection[int] = INTERNET) -> socket.socket:
    """The UDP socket with the descriptor `fd`, which is nodenet's from now on.

    Raises:
        ERR_INVALID_FD_TYPE: It is of something else.
        EINVAL: It is of none of `families`.
    """
    kind = _kind(fd)
    if kind != "UDP":
        raise ERR_INVALID_FD_TYPE(kind)
    try:
        skt = socket.socket(fileno=fd)
    except OSError as error:
        raise systemError(error, "open") from None
    if skt.family not in families:
        skt.detach()  # it stays the caller's
        raise systemError(errno.EINVAL, "open")
    return skt


def prepare(skt: socket.socket, options: Mapping[str, Any]) -> None:
    """Set what must be set before binding.

    Raises:
        OSError: As the kernel words it.
    """
    if options["reuseAddr"]:
        skt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if options["reusePort"]:
        if not hasattr(socket, "SO_REUSEPORT"):
            raise OSError(errno.ENOTSUP, "no SO_REUSEPORT here")
        skt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if options["ipv6Only"]:
        if skt.family != socket.AF_INET6:
            raise OSError(errno.EINVAL, "ipv6Only without IPv6")
        skt.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def placeOf(options: Mapping[str, Any], request: BindRequest, ip: str | None) -> Place:
    """Where `request` says, of a socket with `options`; `ip` is its address, looked up."""
    told = {name: options[name] for name in ("reuseAddr", "ipv6Only")}
    if request.fd is not None:
        return Place(type=options["type"], fd=request.fd, options=told)
    return Place(type=options["type"], address=ip, port=request.port, options=told)


def boundSocket(place: Place) -> socket.socket:
    """A socket that is bound to `place`.

    Raises:
        OSError: As the kernel words it.
        ERR_INVALID_FD_TYPE: A descriptor was given, of something else.
    """
    family = FAMILIES[str(place.type)]
    if place.fd is not None:
        return adopted(place.fd, {family.number})
    skt = socket.socket(family.number, socket.SOCK_DGRAM)
    try:
        prepare(skt, {"reusePort": False, **place.options})
        skt.bind(family.pack(place.address or family.anywhere, place.port or 0).raw)
    except OSError:
        skt.close()
        raise
    return skt


def ask(link: Link, options: Mapping[str, Any]) -> None:
    """Ask for what `'message'` and `'error'` shall tell beyond Node's.

    Raises:
        OSError: As the kernel words it.
    """
    if options["packetInfo"]:
        link.detail()
    if options["networkErrors"]:
        link.reportErrors()


def _kind(fd: int) -> str:
    """What libuv says a descriptor is."""
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return "UNKNOWN"
    if stat.S_ISREG(mode):
        return "FILE"
    if stat.S_ISCHR(mode):
        return "TTY" if os.isatty(fd) else "FILE"
    if stat.S_ISFIFO(mode):
        return "PIPE"
    return _socket_kind(fd) if stat.S_ISSOCK(mode) else "UNKNOWN"


def _socket_kind(fd: int) -> str:
    with socket.socket(fileno=os.dup(fd)) as skt:
        family, kind = skt.family, skt.type
    internet = family in (socket.AF_INET, socket.AF_INET6)
    if kind == socket.SOCK_DGRAM and internet:
        return "UDP"
    if kind == socket.SOCK_STREAM:
        return "TCP" if internet else "PIPE" if family == socket.AF_UNIX else "UNKNOWN"
    return "UNKNOWN"
