"""What has a descriptor.

Law: a Handle is open from construction to `closeDescriptor`, and it is unregistered before it
is closed (a duplicate of the descriptor elsewhere would keep firing).

A Handle keeps :func:`nodenet.run` going while it waits for something, as in Node: to be read or
connected to while it is ref'd, to be written to or to have connected in any case. One that waits
for nothing, such as a socket that is paused, is waiting for the program, and the program for it.
"""

from __future__ import annotations

import socket

from twisted.python.failure import Failure

from nodenet.loop.poller import READ, WRITE, Poller


class Handle:
    """A non-blocking socket that its Poller watches.

    Subclasses define :meth:`doRead` and :meth:`doWrite`, which may be called once in vain
    (the descriptor number was used again within a batch): they take ``EAGAIN`` calmly.
    """

    # Slots, here and in what a stream is made of: what is first set late in a life would cost each
    # instance a dict of its own, and a default on the class is looked up anew at each access.
    __slots__ = (
        "__weakref__",
        "_counted",
        "_descriptor",
        "_open",
        "_referenced",
        "_socket",
        "interest",
        "poller",
    )

    def __init__(self, poller: Poller, skt: socket.socket) -> None:
        skt.setblocking(False)
        self.poller = poller
        self.interest = 0
        self._socket = skt
        self._descriptor = skt.fileno()
        self._referenced = True
        self._counted = False
        self._open = True
        poller.opened(self)

    # -- interest ---------------------------------------------------------------------------

    def startReading(self) -> None:
        """Have :meth:`doRead` called whenever there is something to read."""
        if self._open:
            self.poller.watch(self, self.interest | READ)
            self._count()

    def stopReading(self) -> None:
        """Have it called no more until `startReading`."""
        if self.interest & READ:
            self.poller.watch(self, self.interest & ~READ)
            self._count()

    def startWriting(self) -> None:
        """Have :meth:`doWrite` called whenever the kernel takes more."""
        if self._open:
            self.poller.watch(self, self.interest | WRITE)
            self._count()

    def stopWriting(self) -> None:
        """Have it called no more until `startWriting`."""
        if self.interest & WRITE:
            self.poller.watch(self, self.interest & ~WRITE)
            self._count()

    @property
    def reading(self) -> bool:
        """Whether :meth:`doRead` is called."""
        return bool(self.interest & READ)

    @property
    def writing(self) -> bool:
        """Whether :meth:`doWrite` is called."""
        return bool(self.interest & WRITE)

    # -- from the Poller --------------------------------------------------------------------

    def doRead(self) -> None:
        """There is something to read; see the class."""
        raise NotImplementedError

    def doWrite(self) -> None:
        """There is room to write; see the class."""
        raise NotImplementedError

    def handlerFailed(self, failure: Failure) -> None:
        """A handler of this handle raised: by default it is reported and the handle stays.

        Args:
            failure: What was raised.
        """
        self.poller.uncaught(failure, self)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor stops: close now.

        Args:
            reason: Why.
        """
        self.closeDescriptor()

    # -- life -------------------------------------------------------------------------------

    def closeDescriptor(self) -> None:
        """Unregister, close, leave the list of open handles. Does nothing the second time."""
        if self._open:
            self.detachDescriptor().close()

    def detachDescriptor(self) -> socket.socket:
        """Give the socket away, open: it is somebody else's from now on."""
        if self._open:
            if self.interest:
                self.poller.watch(self, 0)
            self.poller.closed(self)
            self._open = False
            self._count()
        return self._socket

    def inherited(self) -> None:
        """This is a forked child: the parent watches and counts it, here it can be closed."""
        self.interest = 0
        self._counted = False

    def ref(self) -> None:
        """Keep :func:`nodenet.run` going while this waits to be read (the default)."""
        self._referenced = True
        self._count()

    def unref(self) -> None:
        """Let :func:`nodenet.run` end although this waits to be read."""
        self._referenced = False
        self._count()

    def hasRef(self) -> bool:
        """Whether `ref` holds: the default."""
        return self._referenced

    def fileno(self) -> int:
        """The descriptor, or -1 when closed."""
        return self._descriptor if self._open else -1

    def describe(self) -> str:
        """Its state and addresses, for `repr` and `openHandles`."""
        return f"fd={self._descriptor}" if self._open else "closed"

    def _count(self) -> None:
        """See to it that this is counted exactly while it keeps a program going."""
        interest = self.interest
        counts = bool(interest & WRITE or (interest and self._referenced))
        if counts != self._counted:
            self._counted = counts
            if counts:
                self.poller.reference()
            else:
                self.poller.unreference()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.describe()}>"
