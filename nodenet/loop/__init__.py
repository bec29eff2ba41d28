"""The event loop: one descriptor for the reactor, and Node's order of callbacks.

Law: everything nodenet opens is a `Handle` of exactly one `Poller`, and every
callback nodenet makes runs inside that Poller, which then drains its ticks.
"""

from __future__ import annotations

from nodenet.loop.debug import debuglog
from nodenet.loop.handle import Handle
from nodenet.loop.poller import Poller
from nodenet.loop.registry import (
    activeHandles,
    nextTick,
    openHandles,
    pollerOf,
    queueMicrotask,
)
from nodenet.loop.run import run, whenIdle

__all__ = [
    "Handle",
    "Poller",
    "activeHandles",
    "debuglog",
    "nextTick",
    "openHandles",
    "pollerOf",
    "queueMicrotask",
    "run",
    "whenIdle",
]
