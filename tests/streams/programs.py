"""Random programs for streams, and the machine that runs them; `programs.js` is the same for Node.

Law: a program is plain data. A step is a list of operations that run one after the other, in one
callback of the loop; between two steps everything settles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from oracle import Tracer

from nodenet import streams
from nodenet.loop import pollerOf

Operation = list[Any]
Program = dict[str, Any]

_READABLE = (
    "readable",
    "readableAborted",
    "readableDidRead",
    "readableEnded",
    "readableFlowing",
    "readableLength",
    "readableHighWaterMark",
    "readableEncoding",
)
_WRITABLE = (
    "writable",
    "writableEnded",
    "writableFinished",
    "writableLength",
    "writableNeedDrain",
    "writableCorked",
    "writableHighWaterMark",
)
_EVENTS = (
    "close",
    "drain",
    "end",
    "error",
    "finish",
    "pause",
    "resume",
    "prefinish",
    "pipe",
    "unpipe",
)


def text(chunk: Any) -> Any:
    return chunk.decode("latin-1") if isinstance(chunk, bytes) else chunk


class Made:
    """A stream of a running program."""

    def __init__(self, run: Run, name: str, description: dict[str, Any], sends: bool) -> None:
        self.run = run
        self.name = name
        self.held: list[Callable[..., object]] = []
        self.reads = list(description.get("reads", ()))
        self.writes = list(description.get("writes", ()))
        self.reactions = {
            event: list(ops) for event, ops in description.get("reactions", {}).items()
        }
        self.same: Callable[..., object] | None = None
        self.stream: Any = self._make(description, sends)
        self.stream.setMaxListeners(0)
        for event in _EVENTS:
            if event != "error" or not description.get("silent"):
                self.stream.on(event, self._listener(event))

    def _make(self, description: dict[str, Any], sends: bool) -> streams.Stream:
        kind, options = description["kind"], dict(description["options"])
        if kind != "Writable":
            options["read"] = self._read
        if kind != "Readable":
            options["write"] = self._write
            if self.run.program["writev"]:
                options["writev"] = self._writev
            if options.get("final"):
                options["final"] = lambda callback: self._take("_final", None, callback)
        if options.get("construct"):
            options["construct"] = lambda callback: self._take("_construct", None, callback)
        if options.get("destroy"):
            way = options["destroy"]
            options["destroy"] = lambda error, callback: self._destroy(way, error, callback)
        classes = _PUSHED if self.run.program["pushes"] else vars(streams)
        made: streams.Stream = classes[kind](options)
        if sends and kind != "Readable":
            made._send = self._send  # type: ignore[attr-defined]  # a Writable
        return made

    def _read(self, size: int) -> None:
        operations = self.reads.pop(0) if self.reads else []
        if not self.stream._keeps_pushing:
            self.run.t(f"{self.name} _read")
        for operation in operations:
            self.run.perform(operation)

    def _write(self, chunk: bytes, encoding: str, callback: Callable[..., object]) -> None:
        self._take("_write", text(chunk), callback)

    def _writev(self, chunks: list[bytes], callback: Callable[..., object]) -> None:
        self._take("_write", text(b"".join(chunks)), callback)

    def _take(self, label: str, chunk: str | None, callback: Callable[..., object]) -> None:
        way = self.writes.pop(0) if self.writes else "sync"
        self.run.t(f"{self.name} {label}", chunk, way)
        if way == "sync":
            callback()
        elif way == "tick":
            pollerOf().nextTick(callback)
        elif way == "hold":
            self.held.append(callback)
        else:
            callback(Exception(way))

    def _send(self, chunk: bytes) -> bool:
        way = self.writes.pop(0) if self.writes else "sync"
        self.run.t(f"{self.name} _write", text(chunk), way)
        if way == "sync":
            return True
        if way == "tick":
            pollerOf().nextTick(self.stream._sent)
        elif way == "hold":
            self.held.append(self.stream._sent)
        else:
            raise OSError(way)
        return False

    def _destroy(
        self, way: str, error: BaseException | None, callback: Callable[..., object]
    ) -> None:
        self.run.t(f"{self.name} _destroy", error)
        if way == "tick":
            pollerOf().nextTick(callback, error)
        elif way == "sync":
            callback(error)
        else:
            callback(Exception(way))

    def _listener(self, event: str) -> Callable[..., None]:
        def listener(value: object = None, *_: object) -> None:
            self.run.t(f"{self.name} {event}", value if event == "error" else None)
            self.react(event)

        return listener

    def data(self, chunk: Any) -> None:
        self.run.t(f"{self.name} data", text(chunk))
        self.react("data")

    def readable(self) -> None:
        self.run.t(f"{self.name} readable")
        self.react("readable")

    def react(self, event: str) -> None:
        operations = self.reactions.get(event)
        for operation in operations.pop(0) if operations else ():
            self.run.perform(operation)

    def snapshot(self) -> None:
        stream = self.stream
        values = [stream.destroyed, stream.closed, stream.errored]
        if isinstance(stream, streams.Readable):
            values += [getattr(stream, name) for name in _READABLE]
        if isinstance(stream, streams.Writable):
            values += [getattr(stream, name) for name in _WRITABLE]
        self.run.t(f"{self.name} is", values)


class Run:
    """One program."""

    def __init__(self, t: Tracer, program: Program, sends: bool) -> None:
        self.t = t
        self.program = program
        self.callbacks = 0
        self.made = {}
        for name, description in program["streams"].items():
            self.made[name] = Made(self, name, description, sends)

    def perform(self, operation: Operation) -> None:
        name, op, *args = operation
        made = self.made[name]
        try:
            result = self._operate(made, op, args)
        except Exception as error:
            self.t(f"{name} {op} threw", error)
        else:
            if result is not _NOTHING:
                self.t(f"{name} {op}", result)

    def _operate(self, made: Made, op: str, args: list[Any]) -> Any:
        if op == "tick":
            pollerOf().nextTick(self._all, args)
        elif op in ("pipe", "unpipe"):
            to = self.made[args[0]].stream
            if op == "pipe":
                made.stream.pipe(to, end=args[1])
            else:
                made.stream.unpipe(to)
        elif op in _SILENT:
            _SILENT[op](self, made, *args)
        elif op in _TELLING:
            return _TELLING[op](self, made, *args)
        else:
            getattr(made.stream, op)(*args)
        return _NOTHING

    def called(self) -> Callable[..., None]:
        self.callbacks += 1
        number = self.callbacks
        return lambda error: self.t(f"callback {number}", error)

    def _all(self, operations: Iterable[Operation]) -> None:
        for operation in operations:
            self.perform(operation)

    def snapshot(self) -> None:
        for made in self.made.values():
            made.snapshot()


class PushedReadable(streams.Readable):
    """A Readable whose source goes on by itself, as a socket's."""

    _keeps_pushing = True


class PushedDuplex(streams.Duplex):
    """A Duplex whose source goes on by itself, as a socket's."""

    _keeps_pushing = True


_PUSHED = {"Readable": PushedReadable, "Duplex": PushedDuplex, "Writable": streams.Writable}

_NOTHING = object()


def _error(message: str | None) -> Exception | None:
    return None if message is None else Exception(message)


def _settle(run: Run, made: Made, message: str | None = None) -> None:
    if made.held:
        made.held.pop(0)(_error(message))


def _pipeline(run: Run, made: Made, *names: str) -> None:
    streams.pipeline(made.stream, *(run.made[name].stream for name in names), run.called())


def _write_same(run: Run, made: Made, chunk: str) -> Any:
    made.same = made.same or run.called()
    return made.stream.write(chunk, made.same)


_SILENT: dict[str, Callable[..., object]] = {
    "on": lambda run, made, event: made.stream.on(event, getattr(made, event)),
    "once": lambda run, made, event: made.stream.once(event, getattr(made, event)),
    "off": lambda run, made, event: made.stream.removeListener(event, getattr(made, event)),
    "removeAll": lambda run, made, event: made.stream.removeAllListeners(event),
    "prepend": lambda run, made, event: made.stream.prependListener(event, getattr(made, event)),
    "endCall": lambda run, made, *args: made.stream.end(*args, run.called()),
    "destroy": lambda run, made, error=None: made.stream.destroy(_error(error)),
    "settle": _settle,
    "watch": lambda run, made, options: streams.finished(made.stream, options, run.called()),
    "pipeline": _pipeline,
}

_TELLING: dict[str, Callable[..., object]] = {
    "push": lambda run, made, chunk: made.stream.push(chunk),
    "pushBytes": lambda run, made, chunk: made.stream.push(chunk.encode("latin-1")),
    "endPush": lambda run, made: (made.stream.push(None), text(made.stream.read(0)))[1],
    "unshift": lambda run, made, chunk: made.stream.unshift(chunk),
    "read": lambda run, made, *args: text(made.stream.read(*args)),
    "isPaused": lambda run, made: made.stream.isPaused(),
    "write": lambda run, made, chunk: made.stream.write(chunk),
    "writeBytes": lambda run, made, chunk: made.stream.write(chunk.encode("latin-1")),
    "writeCall": lambda run, made, chunk: made.stream.write(chunk, run.called()),
    "writeSame": _write_same,
}


async def run(t: Tracer, programs: list[Program], sends: bool = False) -> None:
    """Run programs one after the other; with `sends`, writables write by `_send`."""
    poller = pollerOf()

    def begin(index: int) -> None:
        if index < len(programs):
            t(f"program {index}")
            program = Run(t, programs[index], sends)
            poller.callLater(0, step, program, index, 0)

    def step(program: Run, index: int, number: int) -> None:
        if number:
            program.snapshot()
        steps = program.program["steps"]
        if number < len(steps):
            program._all(steps[number])
            poller.callLater(0, step, program, index, number + 1)
        else:
            begin(index + 1)

    begin(0)
