"""The settings of a datagram socket.

Law: a setting goes to the kernel at once or raises, in Node's words; nothing is kept for later.
"""

from __future__ import annotations

import errno
import math
import socket
from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec

from nodenet.dgram._arguments import given
from nodenet.errors import (
    ERR_MISSING_ARGS,
    ERR_SOCKET_BAD_BUFFER_SIZE,
    ERR_SOCKET_BUFFER_SIZE,
    systemError,
    systemErrorInfo,
)
from nodenet.events import EventEmitter
from nodenet.options import checkInteger, checkNumber, checkString, toNumber
from nodenet.transports import udp_multicast as multicast
from nodenet.transports.udp_control import getTOS, setTOS

_P = ParamSpec("_P")
_SIZES: Final = {socket.SO_RCVBUF: "uv_recv_buffer_size", socket.SO_SNDBUF: "uv_send_buffer_size"}


class TunableSocket(EventEmitter):
    """The settings. The socket itself is `nodenet.dgram.Socket`."""

    # -- sending ----------------------------------------------------------------------------

    def setBroadcast(self, flag: Any) -> None:
        """Let datagrams go to broadcast addresses, or not (``SO_BROADCAST``).

        Args:
            flag: Whether they may; anything is taken for what it is worth as a condition.

        Raises:
            EBADF: The socket is not bound.
            ERR_SOCKET_DGRAM_NOT_RUNNING: It is closed.
        """
        self._tune("setBroadcast", _setBroadcast, bool(flag))

    def setTTL(self, ttl: float) -> float:
        """Set how many hops a datagram may make, 1 to 255 (``IP_TTL``).

        Returns:
            `ttl`.

        Raises:
            ERR_INVALID_ARG_TYPE: `ttl` is no number.
            EINVAL, EBADF, ERR_SOCKET_DGRAM_NOT_RUNNING: As `setBroadcast`.
        """
        self._tune("setTTL", multicast.setTTL, _int32(checkNumber(ttl, "ttl")))
        return ttl

    def setMulticastTTL(self, ttl: float) -> float:
        """Set how many hops a multicast datagram may make, 0 to 255. As `setTTL`."""
        self._tune("setMulticastTTL", multicast.setMulticastTTL, _int32(checkNumber(ttl, "ttl")))
        return ttl

    def setMulticastLoopback(self, flag: Any) -> Any:
        """Let multicast that is sent be heard on this host too, or not (``IP_MULTICAST_LOOP``).

        Returns:
            `flag`.

        Raises:
            EBADF, ERR_SOCKET_DGRAM_NOT_RUNNING: As `setBroadcast`.
        """
        self._tune("setMulticastLoopback", multicast.setMulticastLoopback, bool(flag))
        return flag

    def setMulticastInterface(self, multicastInterface: str) -> None:
        """Choose the interface that multicast is sent on.

        Args:
            multicastInterface: IPv4: an address of the interface; IPv6: ``'::%eth0'``. ``0.0.0.0``
                or ``'::'``: as the system chooses.

        Raises:
            ERR_INVALID_ARG_TYPE: It is no text.
            EINVAL, EADDRNOTAVAIL, ENOPROTOOPT: It is no address, of no interface here, of the
                wrong family.
            EBADF, ERR_SOCKET_DGRAM_NOT_RUNNING: As `setBroadcast`.
        """
        self._check_running()
        checkString(multicastInterface, "interfaceAddress")
        self._tune("setMulticastInterface", multicast.setMulticastInterface, multicastInterface)

    def setTOS(self, tos: int) -> None:
        """Set the traffic class of what is sent: DSCP above, ECN in the lower two bits.

        nodenet's own.

        Args:
            tos: 0 to 255.

        Raises:
            ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE: `tos` is wrong.
            EBADF, ERR_SOCKET_DGRAM_NOT_RUNNING: As `setBroadcast`.
        """
        self._tune("setTOS", setTOS, checkInteger(tos, "tos", 0, 255))

    def getTOS(self) -> int:
        """Return the traffic class of what is sent. nodenet's own.

        Raises:
            EBADF, ERR_SOCKET_DGRAM_NOT_RUNNING: As `setBroadcast`.
        """
        self._check_running()
        try:
            return getTOS(self._kernel_socket())
        except OSError as error:
            raise systemError(error, "getTOS") from None

    # -- groups -----------------------------------------------------------------------------

    def addMembership(self, multicastAddress: str, multicastInterface: str | None = None) -> None:
        """Join a multicast group (``socket.addMembership``). An unbound socket gets a port.

        Args:
            multicastAddress: The group.
            multicastInterface: IPv4: an address of the interface; IPv6: ``'::%eth0'``. Left out,
                the system chooses one.

        Raises:
            ERR_MISSING_ARGS: There is no group.
            EINVAL, ENODEV, ENOPROTOOPT, EADDRINUSE: The system refused.
            ERR_SOCKET_DGRAM_NOT_RUNNING: The socket is closed.
        """
        self._member("addMembership", multicastAddress, multicastInterface, True)

    def dropMembership(self, multicastAddress: str, multicastInterface: str | None = None) -> None:
        """Leave a multicast group; closing does it too. As `addMembership`."""
        self._member("dropMembership", multicastAddress, multicastInterface, False)

    def addSourceSpecificMembership(
        self, sourceAddress: str, groupAddress: str, multicastInterface: str | None = None
    ) -> None:
        """Join a group for what `sourceAddress` sends, and nobody else. As `addMembership`.

        Raises:
            ERR_INVALID_ARG_TYPE: An address is no text.
        """
        call = "addSourceSpecificMembership"
        self._source(call, sourceAddress, groupAddress, multicastInterface, True)

    def dropSourceSpecificMembership(
        self, sourceAddress: str, groupAddress: str, multicastInterface: str | None = None
    ) -> None:
        """Leave it again. As `addSourceSpecificMembership`."""
        call = "dropSourceSpecificMembership"
        self._source(call, sourceAddress, groupAddress, multicastInterface, False)

    # -- buffers ----------------------------------------------------------------------------

    def setRecvBufferSize(self, size: int) -> None:
        """Set how many bytes of datagrams the kernel keeps until they are read (``SO_RCVBUF``).

        Args:
            size: In bytes. The system has a bound of its own; Linux doubles what it is told.

        Raises:
            ERR_SOCKET_BAD_BUFFER_SIZE: `size` is not a positive integer of 32 bits.
            ERR_SOCKET_BUFFER_SIZE: The socket is not bound.
            ERR_SOCKET_DGRAM_NOT_RUNNING: It is closed.
        """
        self._buffer(socket.SO_RCVBUF, _checkSize(size))

    def setSendBufferSize(self, size: int) -> None:
        """Set how many bytes the kernel takes before it is full (``SO_SNDBUF``).

        As `setRecvBufferSize`.
        """
        self._buffer(socket.SO_SNDBUF, _checkSize(size))

    def getRecvBufferSize(self) -> int:
        """Return the size of the receive buffer in bytes; Linux says twice what was set.

        Raises:
            ERR_SOCKET_BUFFER_SIZE: The socket is not bound.
            ERR_SOCKET_DGRAM_NOT_RUNNING: It is closed.
        """
        return self._buffer(socket.SO_RCVBUF, 0)

    def getSendBufferSize(self) -> int:
        """Return the size of the send buffer in bytes. As `getRecvBufferSize`."""
        return self._buffer(socket.SO_SNDBUF, 0)

    # -- private ----------------------------------------------------------------------------

    def _check_running(self) -> None:
        """Raise ``ERR_SOCKET_DGRAM_NOT_RUNNING`` when the socket is closed."""
        raise NotImplementedError

    def _kernel_socket(self, bind: bool = False) -> socket.socket:
        """The socket to set things on: a closed one while unbound, so that the kernel refuses.

        With `bind` an unbound one becomes bound.
        """
        raise NotImplementedError

    def _tune(
        self,
        call: str,
        apply: Callable[Concatenate[socket.socket, _P], None],
        *args: _P.args,
        **keywords: _P.kwargs,
    ) -> None:
        self._check_running()
        try:
            apply(self._kernel_socket(), *args, **keywords)
        except OSError as error:
            raise systemError(error, call) from None

    def _member(self, call: str, group: Any, interface: Any, join: bool) -> None:
        self._check_running()
        if not given(group):
            raise ERR_MISSING_ARGS("multicastAddress")
        try:
            multicast.checkAddresses(str(group))
            skt = self._kernel_socket(bind=True)
            multicast.setMembership(skt, str(group), _text(interface), join)
        except OSError as error:
            raise systemError(error, call) from None

    def _source(self, call: str, source: Any, group: Any, interface: Any, join: bool) -> None:
        self._check_running()
        checkString(source, "sourceAddress")
        checkString(group, "groupAddress")
        try:
            multicast.checkAddresses(group, source)
            skt = self._kernel_socket(bind=True)
            multicast.setSourceMembership(skt, source, group, _text(interface), join)
        except OSError as error:
            raise systemError(error, call) from None

    def _buffer(self, option: int, size: int) -> int:
        """Set a buffer size unless it is 0, and return what it is."""
        self._check_running()
        try:
            skt = self._kernel_socket()
            if size > 2**31 - 1:
                raise OSError(errno.EINVAL, "too large")
            if size:
                skt.setsockopt(socket.SOL_SOCKET, option, size)
            return skt.getsockopt(socket.SOL_SOCKET, option)
        except OSError as error:
            raise ERR_SOCKET_BUFFER_SIZE(systemErrorInfo(error, _SIZES[option])) from None


def _setBroadcast(skt: socket.socket, enabled: bool) -> None:
    skt.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, enabled)


def _checkSize(size: Any) -> int:
    number = math.nan if isinstance(size, bool | str) else toNumber(size)
    if not 0 <= number < 2**32 or not number.is_integer():
        raise ERR_SOCKET_BAD_BUFFER_SIZE
    return int(number)


def _int32(number: float) -> int:
    """What JavaScript's ``number | 0`` makes of it."""
    if not math.isfinite(number):
        return 0
    return (int(number) + 2**31) % 2**32 - 2**31


def _text(interface: Any) -> str | None:
    return None if interface is None else str(interface)
