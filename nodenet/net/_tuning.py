"""The settings of a stream socket.

Law: a setting is remembered here, and goes to the kernel as soon as there is a connection.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self

from nodenet.errors import ERR_OUT_OF_RANGE, emitWarning
from nodenet.net._arguments import seconds
from nodenet.net._idle import IdleTimer
from nodenet.net._kernel_options import applyKernelSettings
from nodenet.net._life import LivingSocket
from nodenet.options import checkFunction, checkNumber

_LONGEST_TIMEOUT = 2**31 - 1  # milliseconds


class TunableSocket(LivingSocket):
    """The settings. The socket itself is `nodenet.net.Socket`."""

    timeout: float | None = None
    """Milliseconds set by `setTimeout`; None when it was never called."""

    def setTimeout(self, timeout: float, callback: Callable[[], object] | None = None) -> Self:
        """Emit ``'timeout'`` when nothing was received or sent for a while; nothing is closed.

        Args:
            timeout: Milliseconds; 0 switches it off.
            callback: A listener for the next ``'timeout'``.

        Raises:
            ERR_INVALID_ARG_TYPE: `timeout` is no number, or `callback` no function.
            ERR_OUT_OF_RANGE: `timeout` is negative or not finite.

        Mirrors: "socket.setTimeout(timeout[, callback])".
        """
        if self.destroyed:
            return self
        self.timeout = timeout
        duration = _duration(timeout)
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        if callback is not None:
            checkFunction(callback, "callback")
        if duration:
            self._idle = IdleTimer(self._poller, duration / 1000, self._timed_out)
            if callback is not None:
                self.once("timeout", callback)
        elif callback is not None:
            self.removeListener("timeout", callback)
        self._choose_send()
        return self

    def setNoDelay(self, noDelay: bool = True) -> Self:
        """Switch Nagle's algorithm off (True) or on; remembered until there is a connection.

        Args:
            noDelay: Whether what is written is sent at once, instead of waiting for more.

        Mirrors: "socket.setNoDelay([noDelay])".
        """
        wanted = bool(noDelay)
        if self._tcp is not None and wanted != self._no_delay:
            self._tcp.setNoDelay(wanted)
        self._no_delay = wanted
        return self

    def setKeepAlive(self, enable: bool = False, initialDelay: float = 0) -> Self:
        """Probe an idle peer; remembered until there is a connection.

        Args:
            enable: Whether to.
            initialDelay: Idle milliseconds before the first probe; 0 leaves what was set before,
                and so does what the kernel refuses (Linux: over 32,767 seconds).

        Mirrors: "socket.setKeepAlive([enable][, initialDelay])".
        """
        wanted, delay = bool(enable), seconds(initialDelay)
        changed = (wanted, delay) != (self._keep_alive, self._keep_alive_delay)
        if self._tcp is not None and changed:
            self._tcp.setKeepAlive(wanted, delay)
            if self._kernel is not None:
                applyKernelSettings(self._tcp, self._kernel)
        self._keep_alive, self._keep_alive_delay = wanted, delay
        return self

    def ref(self) -> Self:
        """Keep `nodenet.run` going while this socket is read (the default)."""
        self._referenced = True
        if self._link is not None:
            self._link.ref()
        return self

    def unref(self) -> Self:
        """Let `nodenet.run` end although this socket is read; not while it connects or sends."""
        self._referenced = False
        if self._link is not None:
            self._link.unref()
        return self

    def pause(self) -> Self:
        """Stop ``'data'``, or reading into the buffer of `onread`.

        Mirrors: "socket.pause()".
        """
        if self._onread is not None and self._link is not None:
            self._link.stopReading()
        return super().pause()

    def resume(self) -> Self:
        """Go on after `pause()`.

        Mirrors: "socket.resume()".
        """
        if self._onread is not None and self._link is not None:
            self._link.startReading()
        return super().resume()


def _duration(milliseconds: float) -> float:
    """Check a time as Node's timers do."""
    checkNumber(milliseconds, "msecs")
    if milliseconds < 0 or (isinstance(milliseconds, float) and not math.isfinite(milliseconds)):
        raise ERR_OUT_OF_RANGE("msecs", "a non-negative finite number", milliseconds)
    if milliseconds > _LONGEST_TIMEOUT:
        emitWarning(
            f"{milliseconds} does not fit into a 32-bit signed integer."
            f"\nTimer duration was truncated to {_LONGEST_TIMEOUT}.",
            "TimeoutOverflowWarning",
        )
        return _LONGEST_TIMEOUT
    return milliseconds
