"""Connecting: look-up, attempts, attach.

Law: a `Connecting` owns every descriptor it has opened until it hands the one that connected to its
socket; once it is cancelled nothing of it reaches the socket.

There is one way through for one address and for many: a single target is a list of one.
"""

from __future__ import annotations

import socket as _socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
from nodenet.transports import unix
from nodenet.transports.address import rawAddress
from nodenet.transports.tcp import TCPTransport
from nodenet.transports.unix import UNIXTransport

if TYPE_CHECKING:
    from nodenet.net.socket import Socket

_FAMILIES = {4: _socket.AF_INET, 6: _socket.AF_INET6}


def connectRequest(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `connect`, checked and complete.

    Raises:
        ERR_MISSING_ARGS: neither `port` nor `path` was given; and what the options' checks raise.
    """
    if given.get("port") is None and given.get("path") is None:
        raise ERR_MISSING_ARGS("options", "port", "path")
    return resolve(ConnectOptions, given, {})


class Connecting:
    """One call of `Socket.connect`, until it has connected or failed."""

    def __init__(self, socket: Socket, options: Mapping[str, Any]) -> None:
        self._socket = socket
        self._options = options
        self._poller = socket._poller
        self._alive = True
        self._transports: dict[Target, TCPTransport] = {}
        self._attempts: Attempts
        self._several = False
        self._tried: list[str] = []
        self._timer: IDelayedCall | None = None
        self._transport: UNIXTransport | None = None

    @property
    def path(self) -> str | None:
        """The Unix path, when it is one."""
        path: str | None = self._options["path"]
        return path

    def begin(self) -> None:
        """Start. What is known to be wrong by now is raised; all else is emitted later."""
        options = self._options
        if options["path"] is not None:
            self._connect_unix(options["path"])
            return
        host = options["host"] or "localhost"
        family = isIP(host)
        if family:
            self._poller.nextTick(self._go, [Target(host, options["port"], family)])
        else:
            self._look_up(host)

    def ref(self) -> None:
        """See `Socket.ref`."""
        for transport in self._opened():
            transport.ref()

    def unref(self) -> None:
        """See `Socket.unref`."""
        for transport in self._opened():
            transport.unref()

    def cancel(self) -> None:
        """End all that is under way, silently."""
        self._alive = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        for transport in self._opened():
            transport.close()

    def _opened(self) -> list[TCPTransport | UNIXTransport]:
        opened: list[TCPTransport | UNIXTransport] = list(self._transports.values())
        if self._transport is not None:
            opened.append(self._transport)
        return opened

    # -- look-up ----------------------------------------------------------------------------

    def _look_up(self, host: str) -> None:
        options = self._options
        choice = options["autoSelectFamily"]
        if choice is None:
            choice = getDefaultAutoSelectFamily()
        self._mode = "race" if choice == "race" else "sequential"
        lookup = options["lookup"] or self._default_lookup
        query: dict[str, Any] = {"family": options["family"] or None, "hints": options["hints"]}
        if choice and not options["family"] and not options["localAddress"]:
            query["hints"] |= dns.ADDRCONFIG
            query["all"] = True
            lookup(host, query, self._found_all)
        else:
            lookup(host, query, self._found_one)

    def _default_lookup(self, host: str, query: dict[str, Any], callback: Any) -> None:
        dns.lookup(host, query, callback, reactor=self._poller.reactor)

    def _found_one(
        self, error: BaseException | None, address: Any = None, family: Any = None
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

    def _found_all(self, error: BaseException | None, addresses: Sequence[Any] = ()) -> None:
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
                case Cancel(target):
                    self._transports.pop(target).close()
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
        options = self._options
        socket = self._socket
        blocked = options["blockList"]
        if blocked is not None and blocked.check(target.address, f"ipv{target.family}"):
            self._attempt_failed(target, ERR_IP_BLOCKED(target.address))
            return
        transport = TCPTransport.open(self._poller, _FAMILIES[target.family])
        self._transports[target] = transport
        if not socket._referenced:
            transport.unref()
        error = self._bind(transport, target)
        if error is not None:
            self._attempt_failed(target, error, told=False)
            return
        if self._several:
            self._tried.append(str(target))
        socket.emit("connectionAttempt", *target)
        if not self._alive:
            return
        try:
            transport.connect(
                rawAddress(target.address, target.port),
                lambda error: self._outcome(target, error),
            )
        except OSError as refused:
            self._attempt_failed(
                target, _connect_error(refused, target, transport), told=self._several
            )

    def _bind(self, transport: TCPTransport, target: Target) -> OSError | None:
        address, port = self._options["localAddress"], self._options["localPort"]
        if not address and not port:
            return None
        address = address or ("::" if target.family == 6 else "0.0.0.0")
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

    def _attempt_failed(self, target: Target, error: Exception, told: bool = True) -> None:
        """Close the attempt; say so, where Node does (`told`), once it counts as failed."""
        transport = self._transports.pop(target, None)
        if transport is not None:
            transport.close()
        self._attempts.failed(target, error)
        if not self._several:
            self._socket._failing()
        if told:
            self._socket.emit("connectionAttemptFailed", *target, error)

    def _fail(self, error: BaseException) -> None:
        if self._alive:
            self._socket.destroy(error)

    # -- Unix -------------------------------------------------------------------------------

    def _connect_unix(self, path: str) -> None:
        try:
            unix.checkPath(path)
        except OSError as error:
            failure = systemError(error, "connect", path, local="undefined:undefined")
            self._poller.nextTick(self._fail, failure)
            return
        transport = self._transport = UNIXTransport.open(self._poller)
        if not self._socket._referenced:
            transport.unref()
        self._socket.emit("connectionAttempt", path, None, None)
        if not self._alive:
            return
        try:
            transport.connect(path, lambda error: self._unix_outcome(path, error))
        except OSError as refused:
            # As libuv, which tells of it in the loop's next round.
            self._poller.atRoundEnd(self._unix_outcome, path, refused)

    def _unix_outcome(self, path: str, error: OSError | None) -> None:
        if not self._alive:
            return
        transport, self._transport = self._transport, None
        assert transport is not None
        if error is None:
            self._alive = False
            self._socket._connected(transport)
            return
        transport.close()
        failure = systemError(error, "connect", path)
        self._socket._failing()
        self._socket.emit("connectionAttemptFailed", path, None, None, failure)
        self._fail(failure)


def _pair(entry: Any) -> tuple[Any, Any]:
    """An entry of ``lookup(..., {'all': True})``: a mapping or a pair."""
    if isinstance(entry, Mapping):
        return entry.get("address"), entry.get("family")
    return entry[0], entry[1]


def _connect_error(refused: OSError, target: Target, transport: TCPTransport) -> OSError:
    local = transport.localAddress()
    where = None if local is None else f"{local[0]}:{local[1]}"
    return systemError(refused, "connect", target.address, target.port, local=where)
