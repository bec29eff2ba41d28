"""What the tests of an application on nodenet need.

Law: nothing here changes how nodenet behaves: its real sockets and transports are what is tested.

- `socketPair`, `transportPair`, `Faults`: connections in memory, with faults on demand
- `Network`, `Host`: a UDP network in memory that loses, doubles and delays datagrams
- `ClockedReactor`: time that a test moves
- `Local`, `NodeTestMixin` (trial) and the fixtures of `nodenet.testing.pytest_plugin`: servers and
  clients on free ports that go away with the test
- `Guard`: finds what a test left behind
"""

from __future__ import annotations

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
