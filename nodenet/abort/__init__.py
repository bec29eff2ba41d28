"""Aborting operations that are under way.

Invariant: who aborts has an `AbortController`, who can be aborted takes its `AbortSignal`; the
operation fails with `nodenet.errors.AbortError`, whose cause is the signal's reason.
"""

from __future__ import annotations

from nodenet.abort.signal import AbortController, AbortSignal
from nodenet.abort.target import Event, EventOptions, EventTarget, ListenerOptions

__all__ = [
    "AbortController",
    "AbortSignal",
    "Event",
    "EventOptions",
    "EventTarget",
    "ListenerOptions",
]
