"""What the tests of an application on nodenet need.

Law: nothing here changes how nodenet behaves: its real sockets and transports are what is tested.

- `socketPair`, `transportPair`, `Faults`: connections in memory, with faults on demand
- `Network`, `Host`: a UDP network in memory that loses, doubles and delays datagrams
- `ClockedReactor`: time that a test moves
- `Local`, `NodeTestMixin` (trial) and the fixtures of `nodenet.testing.fixtures` (pytest): servers,
  clients and sockets on free ports that go away with the test
- `Guard`: finds what a test left behind
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nodenet.testing.clock import ClockedReactor
    from nodenet.testing.guard import Guard
    from nodenet.testing.local import Local
    from nodenet.testing.memory import Faults
    from nodenet.testing.network import Host, Network
    from nodenet.testing.pair import socketPair, transportPair
    from nodenet.testing.trial import NodeTestMixin

__all__ = [
    "ClockedReactor",
    "Faults",
    "Guard",
    "Host",
    "Local",
    "Network",
    "NodeTestMixin",
    "socketPair",
    "transportPair",
]

_MODULES = {
    "ClockedReactor": "clock",
    "Faults": "memory",
    "Guard": "guard",
    "Host": "network",
    "Local": "local",
    "Network": "network",
    "NodeTestMixin": "trial",
    "socketPair": "pair",
    "transportPair": "pair",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: pytest loads a module of this package wherever nodenet is."""
    if name in _MODULES:
        return getattr(import_module(f"nodenet.testing.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'nodenet.testing' has no attribute {name!r}")
