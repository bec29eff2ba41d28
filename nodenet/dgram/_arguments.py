"""What may be written in a call of `send` or `bind`, and what it means.

Law: the forms of a call are told apart here and nowhere else; what comes out is checked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from nodenet.addresses import isIP
from nodenet.errors import (
    ERR_BUFFER_OUT_OF_BOUNDS,
    ERR_INVALID_ARG_TYPE,
    ERR_INVALID_IP_ADDRESS,
    ERR_SOCKET_DGRAM_IS_CONNECTED,
)
from nodenet.options import checkInteger, toNumber

_TYPES = ["Buffer", "TypedArray", "DataView", "string"]

SendCallback = Callable[[Exception | None, int | None], object]


class Places(Protocol):
    """How an address is written: `nodenet.dgram._families` knows."""

    def peer(self, port: Any, address: Any) -> tuple[int, str]: ...
    def place(self, port: Any, address: Any) -> tuple[int, str]: ...


class SendRequest(NamedTuple):
    """One call of `send`; `address` is empty for the default, `port` is None when connected."""

    message: bytes
    port: int | None
    address: str
    callback: SendCallback | None
    fromAddress: str | None
    tos: int | None


def sendRequest(
    places: Places,
    connected: bool,
    message: Any,
    offset: Any,
    length: Any,
    port: Any,
    address: Any,
    callback: Any,
    fromAddress: Any,
    tos: Any,
) -> SendRequest:
    """Sort out the arguments of `send`.

    ``send(message, port, address, callback)`` and ``send(message, offset, length, port, address,
    callback)`` differ, as in Node, by whether there is anything in the fourth or fifth place. On a
    connected socket it is ``send(message, callback)`` or ``send(message, offset, length,
    callback)``.

    Raises:
        ERR_INVALID_ARG_TYPE, ERR_BUFFER_OUT_OF_BOUNDS, ERR_SOCKET_BAD_PORT,
        ERR_SOCKET_DGRAM_IS_CONNECTED: As Node does.
        ERR_INVALID_IP_ADDRESS, ERR_OUT_OF_RANGE: `fromAddress` or `tos` is none.
    """
    if connected:
        if isinstance(length, int | float) and not isinstance(length, bool):
            message = _cut(message, offset, length)
            if callable(port):
                callback, port = port, None
        elif callable(offset):
            callback = offset
        if given(port) or given(address):
            raise ERR_SOCKET_DGRAM_IS_CONNECTED
    elif given(address) or (given(port) and not callable(port)):
        if offset is not None or length is not None:
            message = _cut(message, offset, length)
    else:
        callback = callback if port is None else port
        port, address = offset, length
    packed = _packed(message)
    if callable(address):
        callback, address = address, None
    number, host = (None, "") if connected else places.peer(port, address)
    checkDetails(fromAddress, tos)
    callback = callback if callable(callback) else None
    return SendRequest(packed, number, host, callback, fromAddress, tos)


def checkDetails(fromAddress: Any, tos: Any) -> None:
    """Refuse what cannot go with a datagram.

    Raises:
        ERR_INVALID_IP_ADDRESS, ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE: It is no address, no class.
    """
    if fromAddress is not None and not isIP(fromAddress):
        raise ERR_INVALID_IP_ADDRESS(fromAddress)
    if tos is not None:
        checkInteger(tos, "tos", 0, 255)


class BindRequest(NamedTuple):
    """One call of `bind`."""

    port: int
    address: str
    exclusive: bool
    fd: int | None
    callback: Callable[[], object] | None


def bindRequest(
    places: Places, port: Any, address: Any, callback: Any, exclusive: Any, fd: Any
) -> BindRequest:
    """Sort out the arguments of `bind`.

    Raises:
        ERR_INVALID_ARG_TYPE: The address is no text.
    """
    for last in (callback, address, port):
        if last is not None:
            callback = last if callable(last) else None
            break
    if isinstance(port, Mapping):
        exclusive, fd = port.get("exclusive"), port.get("fd")
        port, address = port.get("port"), port.get("address")
    elif callable(address):
        address = None
    where = places.place(None if callable(port) else port, address)
    is_descriptor = isinstance(fd, int) and not isinstance(fd, bool) and 0 < fd < 2**31
    adopted = fd if is_descriptor else None
    return BindRequest(*where, bool(exclusive), adopted, callback)


def given(value: Any) -> bool:
    """Whether JavaScript's ``if (value)`` would hold: also for what is empty in Python."""
    if isinstance(value, int | float | str):
        return bool(value) and value == value  # NaN is not
    return value is not None


def _packed(message: Any) -> bytes:
    """What is sent: bytes that stay as they are, whatever the caller does with his own."""
    if isinstance(message, bytes):
        return message
    if isinstance(message, str):
        return message.encode()
    if isinstance(message, list | tuple):
        parts = [_part(part) for part in message]
        if None in parts:
            raise ERR_INVALID_ARG_TYPE("buffer list arguments", _TYPES, message)
        return b"".join(part for part in parts if part is not None)
    packed = _part(message)
    if packed is None:
        raise ERR_INVALID_ARG_TYPE("buffer", _TYPES, message)
    return packed


def _part(part: Any) -> bytes | None:
    if isinstance(part, str):
        return part.encode()
    try:
        return memoryview(part).tobytes()
    except TypeError:
        return None


def _cut(message: Any, offset: Any, length: Any) -> bytes:
    packed = _part(message)
    if packed is None:
        raise ERR_INVALID_ARG_TYPE("buffer", _TYPES, message)
    start, count = uint32(offset), uint32(length)
    if start > len(packed):
        raise ERR_BUFFER_OUT_OF_BOUNDS("offset")
    if start + count > len(packed):
        raise ERR_BUFFER_OUT_OF_BOUNDS("length")
    return packed[start : start + count]


def uint32(value: Any) -> int:
    """What JavaScript's ``value >>> 0`` makes of it."""
    number = float(value) if isinstance(value, bool) else toNumber(value)
    return int(number) & 0xFFFFFFFF if math.isfinite(number) else 0
