"""One program on every core: processes that share sockets and pass them on (Node: Cluster).

Law: there is one cluster in a process, and this module is it; whether it is the primary's or a
worker's is settled when it is imported, by the environment.

The primary starts workers with :func:`fork`; each is the same program again, in which `isWorker` is
true. Servers and datagram sockets of workers share what the primary has bound for them.

- `isPrimary`, `isWorker`: which of both this process is
- `fork`, `setupPrimary`, `disconnect`, `workers`, `settings`, `schedulingPolicy`: in the primary
- `worker`: in a worker, its own `Worker`; its `process` stands for Node's ``process``
- `on`, `once`, `off`, `emit` and the other methods of an `EventEmitter`
"""

from __future__ import annotations

import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nodenet.cluster._settings import CHANNEL_FD, SCHED_NONE, SCHED_RR, UNIQUE_ID, Settings
from nodenet.cluster._worker import ListeningAddress, Worker

if TYPE_CHECKING:
    from nodenet.cluster._primary import Primary

__all__ = [
    "SCHED_NONE",
    "SCHED_RR",
    "ListeningAddress",
    "Settings",
    "Worker",
    "addListener",
    "emit",
    "eventNames",
    "getMaxListeners",
    "isMaster",
    "isPrimary",
    "isWorker",
    "listenerCount",
    "listeners",
    "off",
    "on",
    "once",
    "prependListener",
    "prependOnceListener",
    "rawListeners",
    "removeAllListeners",
    "removeListener",
    "setMaxListeners",
    "worker",
]


def _joined() -> Any:
    """The primary's cluster or, where a primary has started this process, a worker's."""
    if UNIQUE_ID in os.environ and CHANNEL_FD in os.environ:
        from nodenet.cluster._child import becomeWorker

        return becomeWorker()
    from nodenet.cluster._primary import Primary

    return Primary()


_cluster: Primary = _joined()

isPrimary: bool = _cluster.isPrimary
isMaster: bool = isPrimary
isWorker: bool = not isPrimary
worker: Any = _cluster.worker

on = _cluster.on
once = _cluster.once
off = _cluster.off
addListener = _cluster.addListener
prependListener = _cluster.prependListener
prependOnceListener = _cluster.prependOnceListener
removeListener = _cluster.removeListener
removeAllListeners = _cluster.removeAllListeners
emit = _cluster.emit
listeners = _cluster.listeners
rawListeners = _cluster.rawListeners
listenerCount = _cluster.listenerCount
eventNames = _cluster.eventNames
getMaxListeners = _cluster.getMaxListeners
setMaxListeners = _cluster.setMaxListeners

if isPrimary or TYPE_CHECKING:
    workers = _cluster.workers
    settings = _cluster.settings
    fork = _cluster.fork
    setupPrimary = _cluster.setupPrimary
    setupMaster = _cluster.setupMaster
    disconnect = _cluster.disconnect
    schedulingPolicy: int
    __all__ += ["disconnect", "fork", "settings", "setupMaster", "setupPrimary", "workers"]

    class _Module(ModuleType):
        """This module, with an attribute that checks what it is set to."""

        @property
        def schedulingPolicy(self) -> int:
            return _cluster.schedulingPolicy

        @schedulingPolicy.setter
        def schedulingPolicy(self, policy: int) -> None:
            _cluster.schedulingPolicy = policy

    sys.modules[__name__].__class__ = _Module
