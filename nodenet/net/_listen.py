"""How a server's descriptor comes to be: the forms of `listen`, and the binding itself.

Law: a request is complete and checked before anything is opened; a bind that fails leaves nothing
behind.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nodenet.errors import ERR_INVALID_ARG_VALUE, systemError
from nodenet.net._arguments import naturalNumber, normalizeArguments
from nodenet.net._options import ListenOptions
from nodenet.options import resolve, toNumber
from nodenet.transports import tcp, unix
from nodenet.transports.address import rawAddress
from nodenet.transports.source import UNIX_TYPE, Place

BACKLOG: Final = 511
"""Connections that the kernel keeps waiting, where nobody says otherwise."""

_LARGEST_BACKLOG: Final = 2**31 - 1
_TOLD: Final = ("ipv6Only", "readableAll", "writableAll", "mode")
_READABLE: Final = 0o444
_WRITABLE: Final = 0o222


@dataclass
class ListenRequest:
    """What `listen` was asked for. One of `handle`, `fd`, `path` and `port` says where."""

    options: dict[str, Any]
    callback: Callable[..., Any] | None
    backlog: int
    handle: Any = None

    @property
    def signal(self) -> Any:
        return self.options["signal"]

    @property
    def host(self) -> str | None:
        host: str | None = self.options["host"]
        return host or None

    @property
    def shared(self) -> bool:
        """Whether the socket may be another process's: the workers of a cluster share theirs."""
        alone = self.options["exclusive"] or self.options["reusePort"]
        return self.handle is None and not alone


@dataclass
class Bound:
    """A socket that listens, the name of a Unix one, and its `path` if it is ours to remove."""

    socket: socket.socket
    name: str | None = None
    path: unix.BoundPath | None = None


def listenRequest(args: Sequence[Any], keywords: Mapping[str, Any]) -> ListenRequest:
    """Read the arguments of `listen`.

    Raises:
        ERR_SOCKET_BAD_PORT: the port is not one.
        ERR_INVALID_ARG_VALUE: nothing says where to listen.
    """
    handle = _handle_of(args[0]) if args else None
    if handle is not None:
        given, callback = dict(keywords), args[-1] if callable(args[-1]) else None
    else:
        given, callback = normalizeArguments(args, keywords)
        handle = _handle_of(given.get("handle"))
    given = _with_any_port(given, args, keywords)
    checked = given if _is_port(given.get("port")) else {**given, "port": None}
    options = resolve(ListenOptions, checked, {})
    if handle is None and options["fd"] is None and options["port"] is None:
        _check_path(given, options)
    return ListenRequest(options, callback, _backlog(options, args), handle)


def placeOf(request: ListenRequest, address: str | None) -> Place:
    """Where `request` says; `address` is its host, looked up."""
    options = request.options
    told = {"backlog": request.backlog} | {name: options[name] for name in _TOLD}
    if options["fd"] is not None:
        return Place(type=None, fd=options["fd"], options=told)
    if options["port"] is not None:
        family = 6 if address is not None and ":" in address else 4
        return Place(type=family, address=address, port=options["port"], options=told)
    return Place(type=UNIX_TYPE, address=options["path"], port=-1, options=told)


def requestOf(place: Place) -> ListenRequest:
    """The request that leads to `place`: the other way round."""
    where = {"path": place.address} if place.type == UNIX_TYPE else {"port": place.port}
    return listenRequest(({**place.options, **where, "fd": place.fd},), {})


def bind(request: ListenRequest, address: str | None) -> Bound:
    """Listen where `request` says; `address` is its host, looked up.

    Raises:
        OSError: in Node's words (``listen EADDRINUSE: address already in use 127.0.0.1:80``).
    """
    options = request.options
    if request.handle is not None:
        return _adopt(request.handle, request.backlog)
    if options["fd"] is not None:
        return _adopt_descriptor(options["fd"], request.backlog)
    if options["port"] is not None:
        return Bound(_bind_tcp(options, address, request.backlog))
    return _bind_unix(options, request.backlog)


def _bind_tcp(options: dict[str, Any], address: str | None, backlog: int) -> socket.socket:
    port = options["port"]
    if address is None:
        # Both families at once, where the machine has IPv6.
        try:
            return _open_tcp(options, "::", port, backlog)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise systemError(error, "listen", "::", port) from None
        address = "0.0.0.0"
    try:
        return _open_tcp(options, address, port, backlog)
    except OSError as error:
        raise systemError(error, "listen", address, port) from None


def _open_tcp(options: dict[str, Any], address: str, port: int, backlog: int) -> socket.socket:
    return tcp.listen(
        rawAddress(address, port),
        backlog,
        ipv6Only=options["ipv6Only"],
        reusePort=options["reusePort"],
    )


def _bind_unix(options: dict[str, Any], backlog: int) -> Bound:
    path = options["path"]
    extra = (_READABLE if options["readableAll"] else 0) | (
        _WRITABLE if options["writableAll"] else 0
    )
    try:
        skt = unix.listen(path, backlog, mode=options["mode"], extra=extra)
    except OSError as error:
        # As libuv, which does not say whether what is missing is the directory.
        number = errno.EACCES if error.errno == errno.ENOENT else error
        raise systemError(number, "listen", path, -1) from None
    return Bound(skt, path, unix.BoundPath(path))


def _adopt(skt: socket.socket, backlog: int) -> Bound:
    """Listen on a socket that somebody else has bound; removing its path is his business too."""
    if skt.type != socket.SOCK_STREAM:
        raise systemError(errno.EINVAL, "listen")
    try:
        skt.listen(backlog)
    except OSError as error:
        raise systemError(error, "listen") from None
    if skt.family == socket.AF_UNIX:
        return Bound(skt, os.fsdecode(skt.getsockname()))
    return Bound(skt)


def _adopt_descriptor(fd: int, backlog: int) -> Bound:
    try:
        skt = socket.socket(fileno=fd)
    except OSError:
        raise systemError(errno.ENOTSOCK if _is_pipe(fd) else errno.EINVAL, "listen") from None
    try:
        return _adopt(skt, backlog)
    except OSError:
        skt.detach()  # it stays open, as it was
        raise


def _is_pipe(fd: int) -> bool:
    """Node takes a pipe for what might listen on a path, until the system says otherwise."""
    try:
        return stat.S_ISFIFO(os.fstat(fd).st_mode)
    except OSError:
        return False


def _handle_of(value: Any) -> socket.socket | None:
    """A listening socket inside `value`: itself, or what a Server or a Socket has open."""
    if isinstance(value, socket.socket):
        return value
    duplicate = getattr(value, "_duplicate", None)
    return None if duplicate is None else duplicate()


def _with_any_port(
    given: dict[str, Any], args: Sequence[Any], keywords: Mapping[str, Any]
) -> dict[str, Any]:
    """``listen()``, ``listen(callback)`` and ``port=None`` mean any free port."""
    nowhere = (not args or callable(args[0])) and not keywords
    if nowhere or ("port" in given and given["port"] is None):
        return {**given, "port": 0}
    return given


def _is_port(value: Any) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _check_path(given: dict[str, Any], options: dict[str, Any]) -> None:
    if options["path"] and naturalNumber(options["path"]) is None:
        return
    if "port" in given or "path" in given:
        raise ERR_INVALID_ARG_VALUE("options", given)
    raise ERR_INVALID_ARG_VALUE("options", given, 'must have the property "port" or "path"')


def _backlog(options: dict[str, Any], args: Sequence[Any]) -> int:
    positional = next(filter(None, map(naturalNumber, args[1:3])), BACKLOG)
    number = toNumber(options["backlog"]) or positional
    # The kernel reads a negative one as a very large one: as many as it allows.
    return int(number) if 0 <= number <= _LARGEST_BACKLOG else _LARGEST_BACKLOG
