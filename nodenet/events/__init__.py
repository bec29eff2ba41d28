"""Events: emitters, and what waits for their events.

Invariant: a listener is called inside `emit`; what awaits an event goes on after all of them.

- `EventEmitter`: something that events happen to
- `once`, `on`: an event as a Deferred, events as an asynchronous iterator
- `getEventListeners`, `listenerCount`, `getMaxListeners`, `setMaxListeners`, `addAbortListener`:
  for emitters and signals alike
- `errorMonitor`, `captureRejectionSymbol`: names with a meaning
- `Event`, `declaredEvents`: how events are documented

`defaultMaxListeners`, how many listeners an event may have before there is a warning, can be set
on this module as on `EventEmitter`. Failures of coroutines and Deferreds are always captured, so
Node's ``captureRejections`` has no counterpart; neither has what belongs to Node's asynchronous
contexts and domains.
"""

from __future__ import annotations

import sys
from types import ModuleType

from nodenet.events.declarations import Event, declaredEvents
from nodenet.events.emitter import EventEmitter
from nodenet.events.iterator import EventIterator, OnOptions, on
from nodenet.events.listeners import EventName, Listener, OnceWrapper
from nodenet.events.sources import (
    Disposable,
    addAbortListener,
    getEventListeners,
    getMaxListeners,
    listenerCount,
    setMaxListeners,
)
from nodenet.events.symbols import Symbol, captureRejectionSymbol, errorMonitor
from nodenet.events.waiting import OnceOptions, once
from nodenet.options import checkNumber

__all__ = [
    "Disposable",
    "Event",
    "EventEmitter",
    "EventIterator",
    "EventName",
    "Listener",
    "OnOptions",
    "OnceOptions",
    "OnceWrapper",
    "Symbol",
    "addAbortListener",
    "captureRejectionSymbol",
    "declaredEvents",
    "errorMonitor",
    "getEventListeners",
    "getMaxListeners",
    "listenerCount",
    "on",
    "once",
    "setMaxListeners",
]

defaultMaxListeners: float


class _Module(ModuleType):
    """This module, with an attribute that checks what it is set to."""

    @property
    def defaultMaxListeners(self) -> float:
        return EventEmitter.defaultMaxListeners

    @defaultMaxListeners.setter
    def defaultMaxListeners(self, n: float) -> None:
        EventEmitter.defaultMaxListeners = checkNumber(n, "defaultMaxListeners", 0)


sys.modules[__name__].__class__ = _Module
