"""Services for ``twisted.application``, as ``twistd nodenet`` runs them.

Law: a service opens nothing before it is started, and has closed everything when it has stopped.
"""

from __future__ import annotations

from nodenet.services._failure import CannotStart
from nodenet.services._program import ProgramError
from nodenet.services._service import SocketService
from nodenet.services.echo import EchoService
from nodenet.services.relay import RelayService
from nodenet.services.run import RunService
from nodenet.services.workers import WorkersService

__all__ = [
    "CannotStart",
    "EchoService",
    "ProgramError",
    "RelayService",
    "RunService",
    "SocketService",
    "WorkersService",
]
