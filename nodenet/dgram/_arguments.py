"""What may be written in a call of `send` or `bind`, and what it means.

Law: the forms of a call are told apart here and nowhere else; what comes out is checked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from nodenet.errors import (
    ERR_BUFFER_OUT_OF_BOUNDS,
    ERR_INVALID_ARG_TYPE,
    ERR_SOCKET_DGRAM_IS_CONNECTED,
)
from nodenet.options import checkPort, checkString, toNumber

_TYPES = ["Buffer", "TypedArray", "DataView", "string"]

SendCallback = Callable[[Exception | None, int | None], object]


class SendRequest(NamedTuple):
    """One call of `send`; `address` is None for the default, `port` is 0 when connected."""

    message: bytes
    port: int
    address: str | None
    callback: SendCallback | None


def sendRequest(
    connected: bool, message: Any, offset: Any, length: Any, port: Any, address: Any, callback: Any
) -> SendRequest:
    """Sort out the arguments of `send`.

    ``send(message, port, address, callback)`` and ``send(message, offset, length, port, address,
    callback)`` differ, as in Node, by whether there is anything in the fourth or fifth place. On a
    connected socket it is ``send(message, callback)`` or ``send(message, offset, length,
    callback)``.

    Raises:
        ERR_INVALID_ARG_TYPE, ERR_BUFFER_OUT_OF_BOUNDS, ERR_SOCKET_BAD_PORT,
        ERR_SOCKET_DGRAM_IS_CONNECTED: As Node does.
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
    port = 0 if connected else checkPort(port, "Port", allowZero=False)
    if callable(address):
        callback, address = address, None
    elif address is not None:
        checkString(address, "address")
    return SendRequest(packed, port, address or None, callback if callable(callback) else None)


class BindRequest(NamedTuple):
    """One call of `bind`."""

    port: int
    address: str
    exclusive: bool
    fd: int | None
    callback: Callable[[], object] | None


def bindRequest(port: Any, address: Any, callback: Any, exclusive: Any, fd: Any) -> BindRequest:
    """Sort out the arguments of `bind`. As in Node, a port that makes no sense is 0.

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
    if callable(address):
        address = None
    if address:
        checkString(address, "hostname")
    adopted = fd if isinstance(fd, int) and fd > 0 else None
    return BindRequest(_uint32(port) & 0xFFFF, address or "", bool(exclusive), adopted, callback)


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
    start, count = _uint32(offset), _uint32(length)
    if start > len(packed):
        raise ERR_BUFFER_OUT_OF_BOUNDS("offset")
    if start + count > len(packed):
        raise ERR_BUFFER_OUT_OF_BOUNDS("length")
    return packed[start : start + count]


def _uint32(value: Any) -> int:
    """What JavaScript's ``value >>> 0`` makes of it."""
    number = float(value) if isinstance(value, bool) else toNumber(value)
    return int(number) & 0xFFFFFFFF if math.isfinite(number) else 0
