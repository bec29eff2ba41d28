"""The sockets of Node.js for Twisted programs.

Layers, imports pointing downwards only::

    nodenet.tap | nodenet.services     twistd; nodenet.plugins: Twisted's endpoint strings
    nodenet.cluster                    processes that share sockets
    nodenet.endpoints                  endpoints and endpoint strings
    nodenet.testing                    what tests need
    nodenet.net | nodenet.dgram        the public modules
    nodenet.transports                 transports on descriptors of their own
    nodenet.streams                    Readable, Writable, Duplex
    nodenet.events | nodenet.abort | nodenet.dns
    nodenet.loop                       one descriptor for the reactor; ticks; run()
    nodenet.addresses                  isIP, SocketAddress, BlockList
    nodenet.options                    declarations of options, checks of values
    nodenet.errors                     every code, once
    nodenet.interfaces                 what others may provide or take
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nodenet import cluster, dgram, events, net
    from nodenet.loop import activeHandles, openHandles, run

__version__ = "0.1.0"
"""The version; setup.cfg reads it from here without importing anything."""

__all__ = ["activeHandles", "cluster", "dgram", "events", "net", "openHandles", "run"]

_MODULES = ("cluster", "dgram", "events", "net")


def __getattr__(name: str) -> Any:
    """Import what is asked for, and only that: every layer imports this package."""
    if name in _MODULES:
        return import_module(f"nodenet.{name}")
    if name in __all__:
        return getattr(import_module("nodenet.loop"), name)
    raise AttributeError(f"module 'nodenet' has no attribute {name!r}")


if "NODENET_CHANNEL_FD" in os.environ:
    import_module("nodenet.cluster")  # a worker is one, whatever else it uses of nodenet
