"""One source, one destination: what `Readable.pipe` makes.

Law: what the source emits is written at once; when `write()` returns False the source pauses, and
goes on when every destination that it waits for (`Readable._awaiting`) has drained.

A pipe lives on listeners alone, and takes away with it all that it has added.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nodenet.streams.readable import Readable
    from nodenet.streams.writable import Writable


class UnpipeInfo:
    """Tells the pipes of one destination whether the one that was meant has gone already."""

    __slots__ = ("hasUnpiped",)

    def __init__(self) -> None:
        self.hasUnpiped = False


class Pipe:
    """The listeners between a source and a destination."""

    __slots__ = ("_at_end", "_awaits_drain", "_gone", "_write", "destination", "source")

    def __init__(self, source: Readable, destination: Writable, end: bool) -> None:
        self.source = source
        self.destination = destination
        self._write = destination.write
        self._at_end: Callable[[], object] = self._end if end else self._unpipe
        self._awaits_drain = False
        self._gone = False

    def begin(self) -> None:
        """Add the listeners, and let the source flow."""
        source, destination = self.source, self.destination
        source._pipes += (self,)
        if source.readableEnded:
            source._poller.nextTick(self._at_end)
        else:
            source.once("end", self._at_end)
        destination.on("unpipe", self._unpiped)
        source.on("data", self._data)
        destination.prependListener("error", self._error)
        destination.once("close", self._close)
        destination.once("finish", self._finish)
        destination.emit("pipe", source)
        if destination.writableNeedDrain:
            self._wait()
        elif not source._flowing:
            source.resume()

    # -- from the source --------------------------------------------------------------------------

    def _data(self, chunk: bytes | str) -> None:
        if not self._write(chunk):
            self._wait()

    def _end(self) -> None:
        self.destination.end()

    # -- from the destination ---------------------------------------------------------------------

    def _wait(self) -> None:
        """The destination is full: pause the source until it has drained."""
        if self._gone:
            return
        source, destination = self.source, self.destination
        if self in source._pipes:
            source._await(destination)
        source.pause()
        if not self._awaits_drain:
            self._awaits_drain = True
            destination.on("drain", self._drain)

    def _drain(self) -> None:
        source = self.source
        awaiting = source._awaiting
        if awaiting is not None:
            awaiting.discard(self.destination)
        if not awaiting and source._hears:
            source._awaiting = None
            source.resume()

    def _error(self, error: BaseException) -> None:
        destination = self.destination
        self._unpipe()
        destination.removeListener("error", self._error)
        if "error" not in destination._events:
            if destination._error_emitted:
                destination.emit("error", error)
            else:
                destination._fail(error)

    def _close(self, *hadError: bool) -> None:
        self.destination.removeListener("finish", self._finish)
        self._unpipe()

    def _finish(self) -> None:
        self.destination.removeListener("close", self._close)
        self._unpipe()

    def _unpiped(self, source: object, info: UnpipeInfo) -> None:
        if source is self.source and not info.hasUnpiped:
            info.hasUnpiped = True
            self._clean_up()

    # -- the end ----------------------------------------------------------------------------------

    def _unpipe(self) -> None:
        unpipe(self.source, self.destination)

    def _clean_up(self) -> None:
        source, destination = self.source, self.destination
        destination.removeListener("close", self._close)
        destination.removeListener("finish", self._finish)
        if self._awaits_drain:
            destination.removeListener("drain", self._drain)
        destination.removeListener("error", self._error)
        destination.removeListener("unpipe", self._unpiped)
        source.removeListener("end", self._end)
        source.removeListener("end", self._unpipe)
        source.removeListener("data", self._data)
        self._gone = True
        if self._awaits_drain and source._awaiting and destination._need_drain:
            self._drain()
        elif source._awaiting and not self._has_twin():
            # It will not drain for us any more: whoever is left shall not wait for it.
            source._awaiting.discard(destination)
            if source._pipes and not source._awaiting:
                self._drain()

    def _has_twin(self) -> bool:
        return any(pipe.destination is self.destination for pipe in self.source._pipes)


def unpipe(source: Readable, destination: Writable | None) -> None:
    """`Readable.unpipe`: take away the first pipe to `destination`, or all pipes."""
    pipes = source._pipes
    if not pipes:
        return
    if destination is None:
        source._pipes = ()
        source.pause()
        for pipe in pipes:
            pipe.destination.emit("unpipe", source, UnpipeInfo())
        return
    gone = next((pipe for pipe in pipes if pipe.destination is destination), None)
    if gone is None:
        return
    index = pipes.index(gone)
    source._pipes = pipes[:index] + pipes[index + 1 :]
    if not source._pipes:
        source.pause()
    destination.emit("unpipe", source, UnpipeInfo())
