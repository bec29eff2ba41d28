"""The options of streams, each declared once, and the high-water marks they fall back to.

Law: a stream keeps what was resolved here and never looks at its options again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from nodenet.abort import AbortSignal
from nodenet.errors import ERR_INVALID_ARG_VALUE
from nodenet.options import Option, checkAbortSignal, checkInteger
from nodenet.streams.encodings import encodingNamed


class _Default:
    """What `setDefaultHighWaterMark` sets."""

    mark = 65_536


def getDefaultHighWaterMark(objectMode: bool = False) -> int:
    """The high-water mark, in bytes, of streams that are given none; 65,536 unless set.

    Args:
        objectMode: False; there is no object mode.

    Raises:
        ERR_INVALID_ARG_VALUE: `objectMode` is true.

    Mirrors: "stream.getDefaultHighWaterMark(objectMode)".
    """
    _no_objects(objectMode)
    return _Default.mark


def setDefaultHighWaterMark(objectMode: bool, value: int) -> None:
    """Set the high-water mark of streams that are made from now on and are given none.

    Args:
        objectMode: False; there is no object mode.
        value: Bytes, 0 or more.

    Raises:
        ERR_INVALID_ARG_TYPE: `value` is no number.
        ERR_INVALID_ARG_VALUE: `objectMode` is true.
        ERR_OUT_OF_RANGE: `value` is negative or no integer.

    Mirrors: "stream.setDefaultHighWaterMark(objectMode, value)".
    """
    _no_objects(objectMode)
    _Default.mark = checkInteger(value, "value", 0)


def _no_objects(objectMode: object) -> None:
    if objectMode:
        raise ERR_INVALID_ARG_VALUE("objectMode", objectMode)


def _check_mark(value: Any, name: str) -> int:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if not whole or isinstance(value, bool) or value < 0:
        raise ERR_INVALID_ARG_VALUE(name, value)
    return int(value)


def checkJointMark(value: Any, name: str) -> int:
    """Take a whole number of bytes for both halves."""
    # Node resolves it for the readable half first, and names that.
    return _check_mark(value, "options.readableHighWaterMark")


def _check_encoding(value: Any, name: str) -> str:
    return encodingNamed(value).name


def _check_signal(value: Any, name: str) -> Any:
    return checkAbortSignal(value, "signal")


class _CommonOptions(TypedDict, total=False):
    autoDestroy: Annotated[
        bool, Option(default=True, doc="Destroy the stream when it is over, or after an error.")
    ]
    emitClose: Annotated[bool, Option(default=True, doc="Emit `'close'` when it is destroyed.")]
    defaultEncoding: Annotated[
        str, Option(default="utf8", check=_check_encoding, doc="Of text without an encoding.")
    ]
    signal: Annotated[
        AbortSignal, Option(check=_check_signal, doc="Destroys the stream when it is aborted.")
    ]
    construct: Annotated[Callable[..., object], Option(doc="In place of `_construct()`.")]
    destroy: Annotated[Callable[..., object], Option(doc="In place of `_destroy()`.")]


class _ReadingOptions(TypedDict, total=False):
    encoding: Annotated[
        str, Option(check=_check_encoding, doc="As `setEncoding()` right after construction.")
    ]
    read: Annotated[Callable[[int], object], Option(doc="In place of `_read()`.")]


class _WritingOptions(TypedDict, total=False):
    write: Annotated[Callable[..., object], Option(doc="In place of `_write()`.")]
    writev: Annotated[Callable[..., object], Option(doc="In place of `_writev()`.")]
    final: Annotated[Callable[..., object], Option(doc="In place of `_final()`.")]


class ReadableOptions(_CommonOptions, _ReadingOptions, total=False):
    """Options of a Readable."""

    highWaterMark: Annotated[
        int, Option(check=_check_mark, doc="Bytes to buffer before the source is told to stop.")
    ]


class WritableOptions(_CommonOptions, _WritingOptions, total=False):
    """Options of a Writable."""

    highWaterMark: Annotated[
        int, Option(check=_check_mark, doc="Bytes to buffer before `write()` returns False.")
    ]


class DuplexOptions(_CommonOptions, _ReadingOptions, _WritingOptions, total=False):
    """Options of a Duplex."""

    highWaterMark: Annotated[int, Option(check=checkJointMark, doc="Of both halves, in bytes.")]
    readableHighWaterMark: Annotated[
        int, Option(check=_check_mark, doc="Of the readable half, unless `highWaterMark` is given.")
    ]
    writableHighWaterMark: Annotated[
        int, Option(check=_check_mark, doc="Of the writable half, unless `highWaterMark` is given.")
    ]
    allowHalfOpen: Annotated[
        bool, Option(default=True, doc="Go on writing when the readable half has ended.")
    ]
    readable: Annotated[bool, Option(default=True, doc="Whether there is a readable half.")]
    writable: Annotated[bool, Option(default=True, doc="Whether there is a writable half.")]


HOOKS = ("construct", "destroy", "read", "write", "writev", "final")
"""The options that stand in place of a method: `read` in place of `_read`, and so on."""
