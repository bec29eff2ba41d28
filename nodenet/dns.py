"""Host names to addresses, as Node's `dns.lookup` finds them.

Law: nothing here blocks the reactor, and a callback runs exactly once, never inside `lookup`.

The names are resolved by the system's ``getaddrinfo`` in the reactor's thread pool. The reactor's
own ``nameResolver`` is not asked: it has no words for hints and order, and where a look-up fails it
says that there are no addresses, not why. Who wants it, or another resolver, gives a socket a
``lookup`` function of the same form.
"""

from __future__ import annotations

import errno
import math
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple, TypedDict, TypeVar

from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from nodenet.addresses import isIP
from nodenet.errors import ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, emitWarning, lookupError
from nodenet.loop import Poller, pollerOf
from nodenet.options import (
    Option,
    checkBoolean,
    checkFunction,
    checkNumber,
    checkOneOf,
    checkString,
    resolve,
    toNumber,
)

__all__ = ["ADDRCONFIG", "ALL", "V4MAPPED", "LookupAddress", "LookupOptions", "lookup"]

#: Only families of which the machine has an address.
ADDRCONFIG: Final = int(socket.AI_ADDRCONFIG)
#: IPv4-mapped IPv6 addresses where IPv6 is asked for and there is none.
V4MAPPED: Final = int(socket.AI_V4MAPPED)
#: With `V4MAPPED`: the mapped ones also where there are real ones.
ALL: Final = int(socket.AI_ALL)

_FAMILIES: Final = {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}
_NAMED: Final = {"IPv4": 4, "IPv6": 6}
_ORDERS: Final = ("ipv4first", "ipv6first", "verbatim")
_LONGEST_NAME: Final = 255
_NAMELESS: Final[tuple[Any, ...]] = (None, 0)  # and False, as in Node


class LookupAddress(NamedTuple):
    """One address of a host; `family` is 4 or 6."""

    address: str
    family: int


def _checkHints(value: Any, name: str) -> int:
    number = toNumber(checkNumber(value, name))
    bits = int(number) & 0xFFFFFFFF if math.isfinite(number) else 0
    if bits & ~(ADDRCONFIG | V4MAPPED | ALL):
        raise ERR_INVALID_ARG_VALUE("hints", bits)
    return bits


def checkFamily(value: Any, name: str) -> int:
    """Take 0, 4 or 6, or ``'IPv4'`` or ``'IPv6'``, and return the number."""
    if isinstance(value, str) and value in _NAMED:
        return _NAMED[value]
    return checkOneOf(value, name, tuple(_FAMILIES))


class LookupOptions(TypedDict, total=False):
    """What `lookup` can be told."""

    hints: Annotated[
        int,
        Option(default=0, check=_checkHints, doc="`ADDRCONFIG`, `V4MAPPED` and `ALL`, added up."),
    ]
    family: Annotated[
        int | str,
        Option(
            default=0,
            check=checkFamily,
            doc="4 (or ``'IPv4'``), 6 (or ``'IPv6'``), or 0 for both.",
        ),
    ]
    all: Annotated[
        bool, Option(default=False, check=checkBoolean, doc="All addresses, not the first alone.")
    ]
    verbatim: Annotated[
        bool,
        Option(
            default=True,
            check=checkBoolean,
            doc="In the resolver's order; if not, IPv4 first. `order` prevails.",
        ),
    ]
    order: Annotated[
        str,
        Option(
            check=lambda value, name: checkOneOf(value, name, _ORDERS),
            doc="``'verbatim'``, ``'ipv4first'`` or ``'ipv6first'``.",
        ),
    ]


Callback = Callable[..., object]
_T = TypeVar("_T")


def lookup(
    hostname: str | None,
    options: LookupOptions | Mapping[str, Any] | int | Callback | None = None,
    callback: Callback | None = None,
    *,
    reactor: Any = None,
) -> None:
    """Find the addresses of a host (``dns.lookup``).

    An IP address is its own answer, of whatever family. While a name is looked up,
    `nodenet.run` goes on.

    Args:
        hostname: A name, also one that is not ASCII, or an IP address. The empty one is answered
            with no address, as in Node, and warned of.
        options: `LookupOptions`, or the family alone (0, 4 or 6); may be left out.
        callback: Called with ``(error, address, family)``, or with ``(error, addresses)``
            (`LookupAddress`) where the option `all` is set. The error is an ``OSError`` whose code
            is ``'ENOTFOUND'``, ``'EAI_AGAIN'``, …; with one, the rest is ``None``.
        reactor: The reactor whose threads do the work.

    Raises:
        ERR_INVALID_ARG_TYPE: `hostname` is no text, `options` are none, or `callback` is missing.
        ERR_INVALID_ARG_VALUE: A family, a hint or an order that does not exist.
    """
    if hostname in _NAMELESS:
        hostname = ""
    checkString(hostname, "hostname")
    wanted = _request(options, callback)
    poller = pollerOf(reactor)
    if not hostname:
        emitWarning(
            'The provided hostname "" is not a valid hostname,'
            " and is supported in the dns module solely for compatibility.",
            "DeprecationWarning",
            "DEP0118",
        )
        poller.nextTick(wanted.answer, [])
    elif family := isIP(hostname):
        poller.nextTick(wanted.answer, [LookupAddress(hostname, family)])
    else:
        _ask(hostname, wanted, poller)


@dataclass(frozen=True)
class _Request:
    """What is wanted, and who wants it."""

    callback: Callback
    hints: int = 0
    family: int = 0
    all: bool = False
    order: str = "verbatim"

    def find(self, name: bytes) -> list[LookupAddress]:
        """Ask the system. Blocks."""
        found = socket.getaddrinfo(
            name, None, _FAMILIES[self.family], socket.SOCK_STREAM, 0, self.hints
        )
        addresses = [
            LookupAddress(str(address[0]), 6 if family == socket.AF_INET6 else 4)
            for family, _, _, _, address in found
        ]
        if self.order != "verbatim":
            first = 4 if self.order == "ipv4first" else 6
            addresses.sort(key=lambda address: address.family != first)
        return addresses

    def answer(self, addresses: list[LookupAddress]) -> None:
        if self.all:
            self.callback(None, addresses)
        elif addresses:
            self.callback(None, *addresses[0])
        else:
            self.callback(None, None, self.family or 4)

    def fail(self, error: BaseException) -> None:
        self.callback(error, *((None,) if self.all else (None, None)))


def _request(options: Any, callback: Any) -> _Request:
    """Sort out what may be left out."""
    if callable(options):
        return _Request(options)
    if isinstance(options, int | float) and not isinstance(options, bool):
        checkFunction(callback, "callback")
        return _Request(callback, family=checkOneOf(options, "family", tuple(_FAMILIES)))
    if options is not None and not isinstance(options, Mapping):
        checkFunction(options if callback is None else callback, "callback")
        raise ERR_INVALID_ARG_TYPE("options", ["integer", "object"], options)
    checkFunction(callback, "callback")
    wanted = resolve(LookupOptions, options, {})
    order = wanted["order"] or ("verbatim" if wanted["verbatim"] else "ipv4first")
    return _Request(callback, wanted["hints"], wanted["family"], wanted["all"], order)


def _ask(hostname: str, request: _Request, poller: Poller) -> None:
    """Let a thread look the name up; its answer arrives as a callback of nodenet."""
    try:
        name = _encoded(hostname)
    except OSError as error:
        poller.nextTick(request.fail, lookupError(error, hostname))
        return
    settle = poller.pending(f"look-up of {hostname}")

    def settled(result: _T) -> _T:
        settle()
        return result

    def found(addresses: list[LookupAddress]) -> None:
        poller.ticks.call(lookup, request.answer, addresses)

    def failed(failure: Failure) -> None:
        error = failure.value
        if isinstance(error, OSError):
            error = lookupError(error, hostname)
        poller.ticks.call(lookup, request.fail, error)

    pool = poller.reactor.getThreadPool()
    answered = deferToThreadPool(poller.reactor, pool, request.find, name)
    answered.addBoth(settled)
    answered.addCallbacks(found, failed)


def _encoded(hostname: str) -> bytes:
    """Encode a name for the resolver: in ASCII, by UTS 46 where it is not.

    Raises:
        OSError: No resolver could know it.
    """
    if not hostname.isascii():
        import idna  # its tables are large, and most programs need none of them

        try:
            mapped = idna.uts46_remap(hostname, std3_rules=False, transitional=False)
            for label in mapped.split("."):
                if label:
                    idna.check_initial_combiner(label)
        except idna.IDNAError:
            raise OSError(errno.EINVAL, hostname) from None
        hostname = ".".join(map(_label, mapped.split(".")))
    if "\0" in hostname:  # the resolver would see what stands before it
        raise socket.gaierror(socket.EAI_NONAME, hostname)
    if len(hostname) > _LONGEST_NAME:
        raise OSError(errno.EINVAL, hostname)
    return hostname.encode("ascii")


def _label(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
