"""Connecting over TCP: look-up, attempts, attach.

Law: a `Connecting` owns every descriptor it has opened until it hands the one that connected to its
socket; once it is cancelled nothing of it reaches the socket.

There is one way through for one address and for many: a single target is a list of one.
"""

from __future__ import annotations

import errno
import socket as _socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet.interfaces import IDelayedCall

from nodenet import dns
from nodenet.addresses import isIP
from nodenet.errors import (
    ERR_INVALID_ADDRESS_FAMILY,
    ERR_INVALID_IP_ADDRESS,
    ERR_IP_BLOCKED,
    ERR_MISSING_ARGS,
    systemError,
)
from nodenet.net._attempts import (
    Attempts,
    Cancel,
    Connected,
    Failed,
    Start,
    Target,
    TimeOut,
    Wait,
    plan,
)
from nodenet.net._defaults import (
    getDefaultAutoSelectFamily,
    getDefaultAutoSelectFamilyAttemptTimeout,
)
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
        self._alive = True
        self._transports: dict[Target, TCPTransport] = {}
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
            self._poller.nextTick(self._go, [Target(host, options["port"], family)])
        else:
            self._look_up(host)

    def local(self) -> str | None:
        """The local end of the running attempt as ``'address:port'``, if there is one."""
        return next(map(_local, self._transports.values()), None)

    def cancel(self) -> None:
        """End all that is under way. Where there was a choice, the running attempts have failed."""
        self._alive = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        transports, self._transports = self._transports, {}
        for target, transport in transports.items():
            connects = transport.connecting
            transport.close()
            if self._several and connects:
                self._poller.atRoundEnd(self._tell_failed, target, _canceled(target))

    # -- look-up ----------------------------------------------------------------------------

    def _look_up(self, host: str) -> None:
        options = self._options
        choice = options["autoSelectFamily"]
        if choice is None:
            choice = getDefaultAutoSelectFamily()
        self._mode = "race" if choice == "race" else "sequential"
        lookup = options["lookup"] or self._default_lookup
        family, hints = options["family"] or None, options["hints"]
        if not family and not hints:
            hints = dns.ADDRCONFIG
        query: dict[str, Any] = {"family": family, "hints": hints}
        if choice and not family and not options["localAddress"]:
            query["all"] = True
            lookup(host, query, self._found_all)
        else:
            lookup(host, query, self._found_one)

    def _default_lookup(self, host: str, query: dict[str, Any], callback: Any) -> None:
        dns.lookup(host, query, callback, reactor=self._poller.reactor)

    def _found_one(
        self, error: BaseException | None = None, address: Any = None, family: Any = None
    ) -> None:
        host = self._options["host"] or "localhost"
        self._socket.emit("lookup", error, address, family, host)
        self._socket._touch()
        if not self._alive:
            return
        if error is None and not isIP(address):
            error = ERR_INVALID_IP_ADDRESS(address)
        elif error is None and family not in (4, 6):
            error = ERR_INVALID_ADDRESS_FAMILY(family, host, self._options["port"])
        if error is not None:
            self._poller.nextTick(self._fail, error)
        else:
            self._go([Target(address, self._options["port"], family)])

    def _found_all(self, error: BaseException | None = None, addresses: Sequence[Any] = ()) -> None:
        host = self._options["host"] or "localhost"
        if not self._alive:
            return
        if error is not None:
            self._socket.emit("lookup", error, None, None, host)
            self._poller.nextTick(self._fail, error)
            return
        found = [_pair(entry) for entry in addresses]
        for address, family in found:
            self._socket.emit("lookup", None, address, family, host)
            if not self._alive:
                return
        try:
            targets = plan(found, host, self._options["port"])
        except (ERR_INVALID_IP_ADDRESS, ERR_INVALID_ADDRESS_FAMILY) as failure:
            self._poller.nextTick(self._fail, failure)
            return
        self._socket._touch()
        self._go(targets)

    # -- attempts ---------------------------------------------------------------------------

    _mode: Any = "sequential"

    def _go(self, targets: list[Target]) -> None:
        if not self._alive:
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
        self._attempts = Attempts(targets, timeout / 1000, self._mode)
        self._advance()

    def _advance(self) -> None:
        """Do what `Attempts` says until it says to wait, or how it ended."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        while self._alive:
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
                    self._alive = False
                    self._socket._connected(self._transports.pop(target))
                    return
                case Failed() as failed:
                    self._fail(failed.error)
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
        if not self._alive:
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
        if not self._alive:
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

    def _fail(self, error: BaseException) -> None:
        if self._alive:
            self._socket.destroy(error)


def _pair(entry: Any) -> tuple[Any, Any]:
    """An entry of ``lookup(..., {'all': True})``: a mapping or a pair."""
    if isinstance(entry, Mapping):
        return entry.get("address"), entry.get("family")
    return entry[0], entry[1]


def _local(transport: TCPTransport) -> str | None:
    local = transport.localAddress()
    return None if local is None else f"{local[0]}:{local[1]}"


def _canceled(target: Target) -> OSError:
    return systemError(errno.ECANCELED, "connect", target.address, target.port)
