"""Connecting over TCP: attempts, attach.

Law: a `Connecting` owns every descriptor it has opened until it hands the one that connected to its
socket; once it is cancelled nothing of it reaches the socket.

There is one way through for one address and for many: a single target is a list of one.
"""

from __future__ import annotations

import errno
import socket as _socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet.interfaces import IDelayedCall

from nodenet.addresses import isIP
from nodenet.errors import ERR_IP_BLOCKED, ERR_MISSING_ARGS, systemError
from nodenet.net._attempts import (
    Attempts,
    Cancel,
    Connected,
    Failed,
    Start,
    Target,
    TimeOut,
    Wait,
)
from nodenet.net._defaults import (
    getDefaultAutoSelectFamily,
    getDefaultAutoSelectFamilyAttemptTimeout,
)
from nodenet.net._look_up import lookUp
from nodenet.net._options import ConnectOptions
from nodenet.options import resolve
from nodenet.transports.address import rawAddress
from nodenet.transports.tcp import TCPTransport

if TYPE_CHECKING:
    from nodenet.net.socket import Socket

_NOWHERE = "undefined:undefined"  # Node's words for a socket that has no local address
_FAMILIES = {4: _socket.AF_INET, 6: _socket.AF_INET6}


def connectRequest(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `connect`, checked and complete.

    Raises:
        ERR_MISSING_ARGS: neither `port` nor `path` was given; and what the options' checks raise.
    """
    if given.get("port") is None and given.get("path") is None:
        raise ERR_MISSING_ARGS(["options", "port", "path"])
    return resolve(ConnectOptions, given, {})


class Connecting:
    """One call of `Socket.connect`, until it has connected or failed."""

    tcp: ClassVar[bool] = True

    def __init__(self, socket: Socket, options: Mapping[str, Any]) -> None:
        self._socket = socket
        self._options = options
        self._poller = socket._poller
        self.alive = True
        self._transports: dict[Target, TCPTransport] = {}
        choice = options["autoSelectFamily"]
        self._choice = getDefaultAutoSelectFamily() if choice is None else choice
        self._attempts: Attempts
        self._going = self._several = False
        self._tried: list[str] = []
        self._timer: IDelayedCall | None = None

    def begin(self) -> None:
        """Start. What is known to be wrong by now is raised; all else is emitted later."""
        options = self._options
        host = options["host"] or "localhost"
        family = isIP(host)
        if family:
            self._poller.nextTick(self.go, [Target(host, options["port"], family)])
        else:
            lookUp(self._socket, options, bool(self._choice), self)

    def local(self) -> str | None:
        """The local end of the running attempt as ``'address:port'``, if there is one."""
        return next(map(_local, self._transports.values()), None)

    def localAddress(self) -> tuple[Any, ...] | None:
        """The raw local address of the running attempt, where `localAddress` says one."""
        if not self._options["localAddress"] and not self._options["localPort"]:
            return None
        transport = next(iter(self._transports.values()), None)
        return None if transport is None else transport.localAddress()

    def cancel(self) -> None:
        """End all that is under way. Where there was a choice, the running attempts have failed."""
        self.alive = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        transports, self._transports = self._transports, {}
        for target, transport in transports.items():
            connects = transport.connecting
            transport.close()
            if self._several and connects:
                self._poller.atRoundEnd(self._tell_failed, target, _canceled(target))

    # -- from the look-up -------------------------------------------------------------------

    def go(self, targets: list[Target]) -> None:
        """Try these addresses."""
        if not self.alive:
            return
        if self._going:  # a look-up has answered twice
            self._socket._refuse(targets[0].address, targets[0].port)
            return
        self._going = True
        timeout = self._options["autoSelectFamilyAttemptTimeout"]
        if timeout is None:
            timeout = getDefaultAutoSelectFamilyAttemptTimeout()
        self._several = len(targets) > 1
        if self._several:
            self._socket.autoSelectFamilyAttemptedAddresses = self._tried
        mode: Any = "race" if self._choice == "race" else "sequential"
        self._attempts = Attempts(targets, timeout / 1000, mode)
        self._advance()

    def fail(self, error: BaseException) -> None:
        """Nothing came of it."""
        if self.alive:
            self._socket.destroy(error)

    # -- attempts ---------------------------------------------------------------------------

    def _advance(self) -> None:
        """Do what `Attempts` says until it says to wait, or how it ended."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        while self.alive:
            match self._attempts.next(self._poller.seconds()):
                case Start(target):
                    self._start(target)
                case TimeOut(target):
                    self._transports.pop(target).close()
                    self._socket.emit("connectionAttemptTimeout", *target)
                case Cancel(target, error):
                    self._transports.pop(target).close()
                    self._tell_failed(target, error)
                case Wait(until):
                    if until is not None:
                        delay = max(until - self._poller.seconds(), 0)
                        self._timer = self._poller.callLater(delay, self._advance)
                    return
                case Connected(target):
                    self.alive = False
                    self._socket._connected(self._transports.pop(target))
                    return
                case Failed() as failed:
                    self.fail(failed.error)
                    return

    def _start(self, target: Target) -> None:
        socket = self._socket
        if self._is_blocked(target):
            if not self._several:
                socket.emit("connectionAttempt", *target)
            self._attempt_failed(target, ERR_IP_BLOCKED(target.address), told=self._several)
            return
        try:
            transport = TCPTransport.open(self._poller, _FAMILIES[target.family])
        except OSError as exhausted:
            self._refused(target, exhausted, _NOWHERE)
            return
        self._transports[target] = transport
        error = self._bind(transport, target)
        if error is not None:
            self._attempt_failed(target, error, told=False)
            return
        socket.emit("connectionAttempt", *target)
        if not self.alive:
            return
        if self._several:
            self._tried.append(str(target))
        if isIP(target.address) != target.family:
            self._refused(target, OSError(errno.EINVAL, "not of that family"), _NOWHERE)
            return
        try:
            transport.connect(
                rawAddress(target.address, target.port),
                lambda error: self._outcome(target, error),
            )
        except OSError as refused:
            self._refused(target, refused, _local(transport))

    def _is_blocked(self, target: Target) -> bool:
        lists = self._socket._block_list, self._options["blockList"]
        return any(one and one.check(target.address, f"ipv{target.family}") for one in lists)

    def _bind(self, transport: TCPTransport, target: Target) -> OSError | None:
        address, port = self._options["localAddress"], self._options["localPort"]
        if not address and not port:
            return None
        address = address or ("::" if target.family == 6 else "0.0.0.0")
        if isIP(address) != target.family:
            return systemError(errno.EINVAL, "bind", address, port)
        try:
            transport.bind(rawAddress(address, port))
        except OSError as error:
            return systemError(error, "bind", address, port)
        return None

    def _outcome(self, target: Target, error: OSError | None) -> None:
        if not self.alive:
            return
        if error is None:
            self._attempts.connected(target)
        else:
            self._attempt_failed(target, systemError(error, "connect", target.address, target.port))
        self._advance()

    def _refused(self, target: Target, error: OSError, local: str | None) -> None:
        """The kernel refused at once, which Node words with the local address."""
        failure = systemError(error, "connect", target.address, target.port, local=local)
        self._attempt_failed(target, failure, told=self._several)

    def _attempt_failed(self, target: Target, error: Exception, told: bool = True) -> None:
        """Close the attempt; say so, where Node does (`told`), once it counts as failed."""
        transport = self._transports.pop(target, None)
        if transport is not None:
            transport.close()
        self._attempts.failed(target, error)
        if not self._several:
            self._socket._failing()
        if told:
            self._tell_failed(target, error)

    def _tell_failed(self, target: Target, error: Exception) -> None:
        self._socket.emit("connectionAttemptFailed", *target, error)


def _local(transport: TCPTransport) -> str | None:
    local = transport.localAddress()
    return None if local is None else f"{local[0]}:{local[1]}"


def _canceled(target: Target) -> OSError:
    return systemError(errno.ECANCELED, "connect", target.address, target.port)
