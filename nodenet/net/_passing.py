"""A connection on its way to another process.

Law: meanwhile nobody here reads or writes it, and nothing that was read is lost: it goes along, and
comes back when the connection does.
"""

from __future__ import annotations

import socket

from nodenet.errors import ERR_INVALID_HANDLE_TYPE, ERR_INVALID_STATE
from nodenet.net.socket import Socket
from nodenet.transports.tcp import TCPTransport
from nodenet.transports.unix import UNIXTransport


class Passage:
    """Takes the connection of `connection`, which is open, from it.

    Attributes:
        socket: Another descriptor of the connection, for the other process.
        data: What was received and not read by anybody yet.

    Raises:
        ERR_INVALID_HANDLE_TYPE: It runs over somebody else's transport, or over TLS.
        ERR_INVALID_STATE: Bytes wait to be sent, or text of an unfinished character to be read.
        OSError: There is no descriptor left.
    """

    def __init__(self, connection: Socket) -> None:
        self._connection = connection
        self._link = link = checked(connection)
        self.socket: socket.socket = link.getHandle().dup()
        self._was_reading = link.reading
        link.stopReading()
        connection._link = connection._tcp = connection._send = None
        chunks, connection._chunks = connection._chunks, None
        connection._buffered = 0
        self.data = b"".join(chunk for chunk in chunks or () if isinstance(chunk, bytes))

    def finish(self) -> None:
        """It has arrived: here it is over."""
        connection, link = self._connection, self._link
        connection._bytes_read, connection._bytes_sent = link.bytesRead, link.bytesSent
        link.close()
        connection.destroy()

    def undo(self) -> None:
        """It did not arrive: all is as it was, unless it was destroyed meanwhile."""
        connection, link = self._connection, self._link
        if connection.destroyed:
            link.close()
            return
        connection._open(link)
        if self.data:
            connection.unshift(self.data)
        if self._was_reading or connection._read_waits:
            connection._read_waits = False
            link.startReading()
        if connection.writableFinished:
            self._shut_down()

    def _shut_down(self) -> None:
        """It was ended meanwhile, when there was nothing to end."""
        try:
            self._link.shutdown()
        except OSError as error:
            self._connection.destroy(error)


def checked(connection: Socket) -> TCPTransport | UNIXTransport:
    """The transport of a connection that can be passed on. Raises as `Passage` does."""
    link = connection._link
    if not isinstance(link, TCPTransport | UNIXTransport) or link._tls is not None:
        raise ERR_INVALID_HANDLE_TYPE()
    link.sendHeld()
    if connection._final_waits is not None and not link.queued:
        connection._flushed()  # the FIN leaves first, too
    if connection.writableLength:
        raise ERR_INVALID_STATE("bytes of the socket wait to be sent")
    if connection._decoder is not None and connection.readableLength:
        raise ERR_INVALID_STATE("text of the socket waits to be read")
    return link
