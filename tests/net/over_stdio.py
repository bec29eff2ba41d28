"""Echoes its standard input: ``python over_stdio.py``. Run by a test."""

from __future__ import annotations

from twisted.internet import stdio

import nodenet
from nodenet import net


def serve(socket: net.Socket) -> None:
    socket.pipe(socket)


nodenet.run(lambda: stdio.StandardIO(net.NodeFactory(serve).buildProtocol(None)) and None)
