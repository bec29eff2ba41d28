"""The options of a datagram socket in memory, and the groups it has joined.

Law: options are what a kernel takes, packed as it takes them, and are refused in its words.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import Any, Final

from nodenet.testing._places import isAnywhere, isGroup, isLoopback, oserror, unpacked

V4: Final = socket.IPPROTO_IP
V6: Final = socket.IPPROTO_IPV6

# As Linux has them; Python's socket module does not name all.
_JOIN: Final = {(V4, socket.IP_ADD_MEMBERSHIP), (V6, socket.IPV6_JOIN_GROUP)}
_LEAVE: Final = {(V4, socket.IP_DROP_MEMBERSHIP), (V6, socket.IPV6_LEAVE_GROUP)}
_ADD_SOURCE, _DROP_SOURCE = getattr(socket, "IP_ADD_SOURCE_MEMBERSHIP", 39), 40
_JOIN_SOURCE, _LEAVE_SOURCE = 46, 47
_SOURCES: Final = {
    (V4, _ADD_SOURCE): True,
    (V4, _DROP_SOURCE): False,
    (V6, _JOIN_SOURCE): True,
    (V6, _LEAVE_SOURCE): False,
}
_INTERFACES: Final = {(V4, socket.IP_MULTICAST_IF), (V6, socket.IPV6_MULTICAST_IF)}
_BUFFERS: Final = {(socket.SOL_SOCKET, socket.SO_RCVBUF), (socket.SOL_SOCKET, socket.SO_SNDBUF)}
_INDEX: Final = struct.Struct("=I")
_STORAGE: Final = 128  # struct sockaddr_storage

_DEFAULTS: Final = {
    (socket.SOL_SOCKET, socket.SO_RCVBUF): 212_992,
    (socket.SOL_SOCKET, socket.SO_SNDBUF): 212_992,
    (V4, socket.IP_TTL): 64,
    (V4, socket.IP_MULTICAST_TTL): 1,
    (V4, socket.IP_MULTICAST_LOOP): 1,
    (V4, socket.IP_MULTICAST_IF): bytes(4),
    (V6, socket.IPV6_UNICAST_HOPS): 64,
    (V6, socket.IPV6_MULTICAST_HOPS): 1,
    (V6, socket.IPV6_MULTICAST_LOOP): 1,
    (V6, socket.IPV6_MULTICAST_IF): 0,
}


class Options:
    """What one socket was told.

    Args:
        family: The socket's.
        addresses: Those of its host.
    """

    def __init__(self, family: int, addresses: tuple[str, ...]) -> None:
        self._family = family
        self._addresses = addresses
        self._values: dict[tuple[int, int], Any] = dict(_DEFAULTS)
        # of each group, on an interface, the sources that are heard; None: all
        self._groups: dict[tuple[str, str], set[str] | None] = {}

    def set(self, level: int, option: int, value: Any) -> None:
        """As ``setsockopt``."""
        key = (level, option)
        if level == V6 and self._family != socket.AF_INET6:
            raise oserror(errno.ENOPROTOOPT)
        if key in _JOIN:
            self._join(*self._membership(value))
        elif key in _LEAVE:
            self._leave(*self._membership(value))
        elif key in _SOURCES:
            self._source(*self._source_membership(value), _SOURCES[key])
        else:
            if key in _INTERFACES:
                self._check_interface(self._interface(value), errno.EADDRNOTAVAIL)
            # Linux keeps twice what it is told, for its own needs
            self._values[key] = value * 2 if key in _BUFFERS else value

    def get(self, level: int, option: int) -> Any:
        """As ``getsockopt``."""
        return self._values.get((level, option), 0)

    def flag(self, level: int, option: int) -> bool:
        """Whether an option is set."""
        return bool(self.get(level, option))

    def hears(self, group: str, source: str) -> bool:
        """Whether what `source` sends to `group` is for this socket, once its host gets it.

        Who has not joined hears it too, as on Linux (``IP_MULTICAST_ALL``).
        """
        return not self.joined(group) or any(
            joined == group and (sources is None or source in sources)
            for (joined, _), sources in self._groups.items()
        )

    def joined(self, group: str) -> bool:
        """Whether it has joined `group`, perhaps for some sources only."""
        return any(joined == group for joined, _ in self._groups)

    def reach(self) -> tuple[bool, bool]:
        """Whether multicast goes to other hosts, and whether to this one."""
        six = self._family == socket.AF_INET6
        hops = (
            self.get(V6, socket.IPV6_MULTICAST_HOPS)
            if six
            else self.get(V4, socket.IP_MULTICAST_TTL)
        )
        loops = (V6, socket.IPV6_MULTICAST_LOOP) if six else (V4, socket.IP_MULTICAST_LOOP)
        packed = self.get(V4, socket.IP_MULTICAST_IF)
        here = not six and isLoopback(unpacked(packed))
        # What is sent on the loopback interface comes back whatever the option says.
        return hops > 0 and not here, here or self.flag(*loops)

    # -- private ----------------------------------------------------------------------------

    def _interface(self, value: bytes | int) -> str:
        """The interface by its address; of IPv6, which has one, empty."""
        return unpacked(value) if isinstance(value, bytes) else ""

    def _membership(self, value: bytes) -> tuple[str, str]:
        if len(value) == 8:
            return unpacked(value[:4]), unpacked(value[4:])
        return unpacked(value[:16]), ""

    def _source_membership(self, value: bytes) -> tuple[str, str, str]:
        if len(value) == 12:
            return unpacked(value[:4]), unpacked(value[4:8]), unpacked(value[8:])
        group, source = value[-2 * _STORAGE : -_STORAGE], value[-_STORAGE:]
        return unpacked(group[8:24]), "", unpacked(source[8:24])

    def _check_interface(self, interface: str, refusal: int) -> None:
        known = not interface or isAnywhere(interface) or isLoopback(interface)
        if not known and interface not in self._addresses:
            raise oserror(refusal)

    def _join(self, group: str, interface: str) -> None:
        if not isGroup(group):
            raise oserror(errno.EINVAL)
        self._check_interface(interface, errno.ENODEV)
        if (group, interface) in self._groups:
            raise oserror(errno.EADDRINUSE)
        self._groups[group, interface] = None

    def _leave(self, group: str, interface: str) -> None:
        if (group, interface) not in self._groups:
            raise oserror(errno.EADDRNOTAVAIL)
        del self._groups[group, interface]

    def _source(self, group: str, interface: str, source: str, join: bool) -> None:
        if not isGroup(group):
            raise oserror(errno.EINVAL)
        self._check_interface(interface, errno.ENODEV)
        sources = self._groups.setdefault((group, interface), set()) if join else None
        sources = self._groups.get((group, interface)) if not join else sources
        if sources is None:
            raise oserror(errno.EINVAL)  # not joined, or joined for all sources
        if (source in sources) is join:
            raise oserror(errno.EADDRNOTAVAIL)
        if join:
            sources.add(source)
        else:
            sources.discard(source)
            if not sources:
                del self._groups[group, interface]
