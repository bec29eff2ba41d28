"""Streams of bytes, as Node's sockets are and as their users know them.

Law: `Readable` and `Writable` know nothing of each other; `Duplex` joins them, and nothing below
knows of sockets.

- `Readable`, `Writable`, `Duplex`: the streams; `nodenet.streams.stream` is their common life,
  `_reading` and `_writing` are their machinery
- `finished`: when a stream is over; `addAbortSignal`: who may end it before
- `pipeline`: streams in a row; `fromIterable`: an iterable as a stream
- `getDefaultHighWaterMark`, `setDefaultHighWaterMark`: how much is buffered
- `nodenet.streams.encodings`: text and bytes

There is no object mode: a chunk is bytes, or text after `setEncoding`.
"""

from __future__ import annotations

from nodenet.streams._options import (
    DuplexOptions,
    ReadableOptions,
    WritableOptions,
    getDefaultHighWaterMark,
    setDefaultHighWaterMark,
)
from nodenet.streams.duplex import Duplex
from nodenet.streams.finished import FinishedOptions, addAbortSignal, finished
from nodenet.streams.iterables import fromIterable
from nodenet.streams.pipeline import PipelineOptions, pipeline
from nodenet.streams.readable import Readable
from nodenet.streams.stream import Stream
from nodenet.streams.writable import Writable

__all__ = [
    "Duplex",
    "DuplexOptions",
    "FinishedOptions",
    "PipelineOptions",
    "Readable",
    "ReadableOptions",
    "Stream",
    "Writable",
    "WritableOptions",
    "addAbortSignal",
    "finished",
    "fromIterable",
    "getDefaultHighWaterMark",
    "pipeline",
    "setDefaultHighWaterMark",
]
