"""Which address to try next: connecting to a host that has several.

Law: `Attempts` decides and does nothing: it knows no socket and no clock, and the same events at
the same times give the same actions. Whoever carries the actions out asks `Attempts.next` again
after each of them and after each event, until the answer is to wait or an outcome.

Two ways to go through the addresses, which `plan` has put in order, families taking turns:

- ``'sequential'``, Node's: one attempt at a time. When it fails, or has not succeeded in time, it
  ends and the next begins. The last one has all the time that it needs.
- ``'race'``, as RFC 8305 (section 5) means it: an attempt that takes long goes on while the next
  begins. The first to connect wins, and the others are cancelled.
"""

from __future__ import annotations

import errno
import math
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from typing import Literal, NamedTuple

from nodenet.addresses import isIP
from nodenet.errors import (
    ERR_INVALID_ADDRESS_FAMILY,
    ERR_INVALID_IP_ADDRESS,
    AggregateError,
    systemError,
)

Mode = Literal["sequential", "race"]


class Target(NamedTuple):
    """Where an attempt connects to; `family` is 4 or 6."""

    address: str
    port: int
    family: int

    def __str__(self) -> str:
        """The form of ``socket.autoSelectFamilyAttemptedAddresses``."""
        return f"{self.address}:{self.port}"


class Start(NamedTuple):
    """Begin to connect. Answer with `Attempts.connected` or `Attempts.failed`, now or later."""

    target: Target


class TimeOut(NamedTuple):
    """End an attempt that took too long."""

    target: Target
    error: OSError


class Cancel(NamedTuple):
    """End an attempt that is needed no more."""

    target: Target
    error: OSError


class Wait(NamedTuple):
    """Nothing to do before an event, or before this time (None: no such time)."""

    until: float | None


class Connected(NamedTuple):
    """Outcome: this attempt won, and no other is under way."""

    target: Target


class Failed(NamedTuple):
    """Outcome: every attempt failed; the errors are in the order of the attempts."""

    errors: tuple[Exception, ...]

    @property
    def error(self) -> Exception:
        """The one error of a single attempt, or all of them together."""
        return self.errors[0] if len(self.errors) == 1 else AggregateError(self.errors)


Action = Start | TimeOut | Cancel | Wait | Connected | Failed


def plan(addresses: Sequence[tuple[str, int]], host: str, port: int) -> list[Target]:
    """Put the addresses of a host in the order in which to try them.

    What is no IP address, is of no family, or came before, is left out. The family of the first
    that remains begins; then the families take turns as long as both have addresses.

    Args:
        addresses: What the look-up found: address and family (4 or 6).
        host: The name that was looked up.
        port: To connect to.

    Returns:
        The targets, at least one.

    Raises:
        ERR_INVALID_IP_ADDRESS: None remains, and the first is no IP address.
        ERR_INVALID_ADDRESS_FAMILY: None remains, and the first has a family that is no family.
    """
    found = dict.fromkeys(pair for pair in addresses if isIP(pair[0]) and pair[1] in (4, 6))
    if not found:
        address, family = addresses[0] if addresses else (None, None)
        if isIP(address):
            raise ERR_INVALID_ADDRESS_FAMILY(family, host, port)
        raise ERR_INVALID_IP_ADDRESS(address)
    targets = [Target(address, port, family) for address, family in found]
    leading = [target for target in targets if target.family == targets[0].family]
    others = [target for target in targets if target.family != targets[0].family]
    return [target for target in chain(*zip_longest(leading, others)) if target]


class Attempts:
    """The attempts to reach one host.

    Args:
        targets: In the order in which to try them; each once.
        timeout: Seconds that an attempt has before the next begins.
        mode: ``'sequential'`` or ``'race'``.
    """

    def __init__(
        self, targets: Iterable[Target], timeout: float, mode: Mode = "sequential"
    ) -> None:
        self._targets = tuple(targets)
        self._timeout = timeout
        self._overlap = mode == "race"
        self._ahead = deque(self._targets)
        self._running: list[Target] = []
        self._errors: dict[Target, Exception] = {}
        self._patience = -math.inf
        self._winner: Target | None = None

    def next(self, now: float) -> Action:
        """Say what is to be done.

        Args:
            now: Seconds, by any clock that does not go backwards.

        Returns:
            One action. `Wait`, `Connected` and `Failed` stay the answer until something happens;
            after any other, ask again.
        """
        if self._winner is not None:
            return self._cancel_next() or Connected(self._winner)
        if not self._running and not self._ahead:
            return Failed(tuple(self._errors[target] for target in self._targets))
        if not self._running or (self._ahead and now >= self._patience):
            return self._go_on(now)
        return Wait(self._patience if self._ahead else None)

    def connected(self, target: Target) -> None:
        """Hear that an attempt succeeded. The first wins; attempts that are over are ignored."""
        if self._winner is None and target in self._running:
            self._running.remove(target)
            self._winner = target

    def failed(self, target: Target, error: Exception) -> None:
        """Hear that an attempt failed; the next begins at once. Ended attempts are ignored."""
        if self._winner is None and target in self._running:
            self._end(target, error)

    def abandon(self) -> list[Cancel]:
        """Give up, because nobody wants the connection any more.

        Returns:
            What is under way and has to end.
        """
        self._ahead.clear()
        return list(iter(self._cancel_next, None))

    def _go_on(self, now: float) -> Action:
        if self._running and not self._overlap:
            target = self._running[0]
            error = _system_error(errno.ETIMEDOUT, target)
            self._end(target, error)
            return TimeOut(target, error)
        target = self._ahead.popleft()
        self._running.append(target)
        self._patience = now + self._timeout
        return Start(target)

    def _end(self, target: Target, error: Exception) -> None:
        self._running.remove(target)
        self._errors[target] = error
        self._patience = -math.inf

    def _cancel_next(self) -> Cancel | None:
        if not self._running:
            return None
        target = self._running.pop(0)
        return Cancel(target, _system_error(errno.ECANCELED, target))


def _system_error(number: int, target: Target) -> OSError:
    return systemError(number, "connect", target.address, target.port)
