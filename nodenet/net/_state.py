"""What a stream socket tells of itself.

Law: everything here is derived; nothing here changes anything.
"""

from __future__ import annotations

from typing import Any

from nodenet.net._address import AddressInfo, addressInfo
from nodenet.net._life import Phase
from nodenet.net._tuning import TunableSocket


class TellingSocket(TunableSocket):
    """The properties. The socket itself is `nodenet.net.Socket`."""

    autoSelectFamilyAttemptedAddresses: list[str] | None = None
    """The addresses tried so far, as ``'address:port'``, when there was a choice."""

    server: Any = None
    """The server that accepted this connection, if one did."""

    @property
    def connecting(self) -> bool:
        """Whether `connect` was called and has not come to its end."""
        return self._phase is Phase.CONNECTING

    @property
    def pending(self) -> bool:
        """Whether there is no connection yet, or no more."""
        return self._phase is not Phase.OPEN

    @property
    def readyState(self) -> str:
        """``'opening'``, ``'open'``, ``'readOnly'``, ``'writeOnly'`` or ``'closed'``."""
        if self._phase is Phase.CONNECTING:
            return "opening"
        if self.readable:
            return "open" if self.writable else "readOnly"
        return "writeOnly" if self.writable else "closed"

    @property
    def bytesRead(self) -> int:
        """How many bytes were received."""
        return self._bytes_read if self._link is None else self._link.bytesRead

    @property
    def bytesWritten(self) -> int:
        """How many bytes were sent or wait to be."""
        link = self._link
        if link is None or self._unsent is not None:
            return self._bytes_sent + self._unwritten
        waits = self._unwritten - (self._write_size if self._writing else 0)
        return link.bytesSent + link.queued + waits

    @property
    def writableLength(self) -> int:
        """How many bytes wait to be sent."""
        link = self._link
        if link is None:
            return self._unwritten
        # The write that is on its way counts as a whole, as in Node. What the link has besides is
        # on its way, too, unless the kernel has broken its promise.
        besides = link.queued - (self._write_size if self._writing else 0)
        return self._unwritten if link.held else self._unwritten + max(0, besides)

    @property
    def bufferSize(self) -> int | None:
        """How many bytes wait to be sent; None without a connection. Deprecated in Node."""
        return None if self._phase in (Phase.IDLE, Phase.CLOSED) else self.writableLength

    @property
    def localAddress(self) -> str | None:
        """The local address, such as ``'127.0.0.1'``."""
        local = self._local()
        return None if local is None else local.address

    @property
    def localPort(self) -> int | None:
        """The local port."""
        local = self._local()
        return None if local is None else local.port

    @property
    def localFamily(self) -> str | None:
        """``'IPv4'`` or ``'IPv6'``."""
        local = self._local()
        return None if local is None else local.family

    @property
    def remoteAddress(self) -> str | None:
        """The peer's address; None without a connection."""
        remote = self._remote()
        return None if remote is None else remote.address

    @property
    def remotePort(self) -> int | None:
        """The peer's port."""
        remote = self._remote()
        return None if remote is None else remote.port

    @property
    def remoteFamily(self) -> str | None:
        """``'IPv4'`` or ``'IPv6'``."""
        remote = self._remote()
        return None if remote is None else remote.family

    def address(self) -> AddressInfo | None:
        """The local address, family and port; None without a connection.

        Mirrors: "socket.address()".
        """
        return self._local()

    def __repr__(self) -> str:
        if self._phase is Phase.IDLE:
            return f"<{type(self).__name__} idle>"
        where = "" if self._link is None else f" {self._link.describe()}"
        return f"<{type(self).__name__} {self.readyState}{where}>"

    def _local(self) -> AddressInfo | None:
        where = self._link or self._connecting
        raw = None if where is None else where.localAddress()
        return None if raw is None else addressInfo(raw)

    def _remote(self) -> AddressInfo | None:
        if self._peername is None and self._link is not None:
            self._peername = self._link.remoteAddress()
        return None if self._peername is None else addressInfo(self._peername)
