"""Looking up the host that a socket connects to.

Law: an answer is emitted as ``'lookup'``; what comes of it is the dialer's business, and nobody's
once he is no longer alive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from nodenet import dns
from nodenet.addresses import isIP
from nodenet.errors import ERR_INVALID_ADDRESS_FAMILY, ERR_INVALID_IP_ADDRESS
from nodenet.net._attempts import Target, plan

if TYPE_CHECKING:
    from nodenet.net.socket import Socket


class Dialer(Protocol):
    """Who wants to know."""

    alive: bool

    def go(self, targets: list[Target]) -> None: ...
    def fail(self, error: BaseException) -> None: ...


def lookUp(socket: Socket, options: Mapping[str, Any], choice: bool, dialer: Dialer) -> None:
    """Look up the host of `options`: all of its addresses where there is a `choice`, else one."""
    host = options["host"] or "localhost"
    answers = _Answers(socket, host, options["port"], dialer)
    lookup = options["lookup"] or answers.lookUp
    family, hints = options["family"] or None, options["hints"]
    if not family and not hints:
        hints = dns.ADDRCONFIG
    query: dict[str, Any] = {"family": family, "hints": hints}
    if choice and not family and not options["localAddress"]:
        query["all"] = True
        lookup(host, query, answers.all)
    else:
        lookup(host, query, answers.one)


class _Answers:
    """What a look-up calls back."""

    def __init__(self, socket: Socket, host: str, port: int, dialer: Dialer) -> None:
        self._socket = socket
        self._poller = socket._poller
        self._host = host
        self._port = port
        self._dialer = dialer

    def lookUp(self, host: str, query: dict[str, Any], callback: Any) -> None:
        """As nobody says otherwise."""
        dns.lookup(host, query, callback, reactor=self._poller.reactor)

    def one(
        self, error: BaseException | None = None, address: Any = None, family: Any = None
    ) -> None:
        """One address was asked for."""
        self._socket.emit("lookup", error, address, family, self._host)
        self._socket._touch()
        if not self._dialer.alive:
            return
        if error is None and not isIP(address):
            error = ERR_INVALID_IP_ADDRESS(address)
        elif error is None and family not in (4, 6):
            error = ERR_INVALID_ADDRESS_FAMILY(family, self._host, self._port)
        if error is not None:
            self._poller.nextTick(self._dialer.fail, error)
        else:
            self._dialer.go([Target(address, self._port, family)])

    def all(self, error: BaseException | None = None, addresses: Sequence[Any] = ()) -> None:
        """All addresses were asked for."""
        if not self._dialer.alive:
            return
        if error is not None:
            self._socket.emit("lookup", error, None, None, self._host)
            self._poller.nextTick(self._dialer.fail, error)
            return
        found = [_pair(entry) for entry in addresses]
        for address, family in found:
            self._socket.emit("lookup", None, address, family, self._host)
            if not self._dialer.alive:
                return
        try:
            targets = plan(found, self._host, self._port)
        except (ERR_INVALID_IP_ADDRESS, ERR_INVALID_ADDRESS_FAMILY) as failure:
            self._poller.nextTick(self._dialer.fail, failure)
            return
        self._socket._touch()
        self._dialer.go(targets)


def _pair(entry: Any) -> tuple[Any, Any]:
    """An entry of ``lookup(..., {'all': True})``: a mapping or a pair."""
    if isinstance(entry, Mapping):
        return entry.get("address"), entry.get("family")
    return entry[0], entry[1]
