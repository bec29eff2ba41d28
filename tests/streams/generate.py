"""Makes random programs for `programs`: the same ones for the same seed.

Law: nothing a program does depends on anything but the program.
"""

from __future__ import annotations

from random import Random
from typing import Any

from streams.programs import Operation, Program

_MARKS = (None, None, 0, 1, 3, 5, 16)
_CHUNKS = ("a", "bc", "def", "ghijk", "", "lmnopqrst")
_ALONE = ("Readable", "Writable", "Duplex")
_SIZES: tuple[tuple[int, ...], ...] = ((), (), (0,), (1,), (2,), (4,), (20,))
_WAYS = ("sync", "sync", "sync", "tick", "hold", "hold")


class Generator:
    """Makes programs of one kind.

    Args:
        kind: ``'Readable'``, ``'Writable'``, ``'Duplex'``, ``'pipe'`` or ``'pipeline'``.
        seed: Decides all the rest.
        writev: Whether the writables have `_writev`; None: chance decides.
        pushes: Whether the sources push without being asked, as a socket's does.
    """

    def __init__(
        self, kind: str, seed: int, writev: bool | None = None, pushes: bool = False
    ) -> None:
        self.random = Random(f"{kind} {seed}")
        self.kind = kind
        self.writev = writev
        self.pushes = pushes
        self.encodes = self.random.random() < 0.2

    def program(self) -> Program:
        """The program."""
        streams = {"a": self.stream(self.kind if self.kind in _ALONE else "Readable")}
        if self.kind not in _ALONE:
            streams["b"] = self.stream("Writable" if self.kind == "pipe" else "Duplex")
            streams["c"] = self.stream("Writable")
        steps = [self.operations(6) for _ in range(self.random.randint(1, 6))]
        if self.pushes and self.kind in ("Readable", "Duplex") and self.random.random() < 0.8:
            steps.insert(0, [["a", "on", "data"]])
        if self.kind == "pipeline":
            row = self.random.choice((("c",), ("b",), ("b", "c")))
            steps.insert(self.random.randint(0, 1), [["a", "pipeline", *row]])
        writev = self.random.random() < 0.5 if self.writev is None else self.writev
        return {"streams": streams, "steps": steps, "writev": writev, "pushes": self.pushes}

    def stream(self, kind: str) -> dict[str, Any]:
        random = self.random
        options = self.options()
        made: dict[str, Any] = {"kind": kind, "options": options}
        if kind != "Writable":
            if not self.pushes:
                made["reads"] = [self.source() for _ in range(random.randint(0, 6))]
            if self.encodes and random.random() < 0.5:
                options["encoding"] = random.choice(("utf8", "hex", "base64", "utf16le"))
        if kind != "Readable":
            made["writes"] = [self.way() for _ in range(random.randint(0, 8))]
            if random.random() < 0.2:
                options["final"] = True
        if kind == "Duplex" and random.random() < 0.4:
            options["allowHalfOpen"] = False
        if self.kind == "Duplex" and random.random() < 0.1:
            options[random.choice(("readable", "writable"))] = False
        made["reactions"] = self.reactions()
        return made

    def options(self) -> dict[str, Any]:
        """What every kind of stream may be given."""
        chance = self.random.random
        options: dict[str, Any] = {}
        mark = self.random.choice(_MARKS)
        if mark is not None:
            options["highWaterMark"] = mark
        for name in ("autoDestroy", "emitClose"):
            if chance() < 0.1:
                options[name] = False
        if chance() < 0.1:
            options["construct"] = True
        if chance() < 0.2:
            options["destroy"] = self.random.choice(("sync", "tick", "destroy failed"))
        return options

    def reactions(self) -> dict[str, list[list[Operation]]]:
        events = ("data", "readable", "end", "drain", "finish", "error", "close", "pause", "resume")
        found = {}
        for event in events:
            # A pipe that is undone inside 'pause' leaves Node's source paused for good.
            if self.random.random() < 0.2 and (event != "pause" or self.kind != "pipe"):
                found[event] = [self.operations(2, 0) for _ in range(self.random.randint(1, 3))]
        return found

    def way(self) -> str:
        fails = self.random.random() < 0.05 and self.kind != "pipe"
        return "write failed" if fails else self.random.choice(_WAYS)

    def source(self) -> list[Operation]:
        """What one `_read` does."""
        name = self.random.choice(("push", "push", "push", "tick", "end", "nothing"))
        match name:
            case "push":
                return [self.push() for _ in range(self.random.randint(1, 2))]
            case "tick":
                return [["a", "tick", self.push()]]
            case "end":
                return [["a", "push", None]] if self.random.random() < 0.3 else []
        return []

    def push(self) -> Operation:
        return ["a", "push", self.random.choice(_CHUNKS)]

    def operations(self, most: int, fewest: int = 1) -> list[Operation]:
        return [self.operation() for _ in range(self.random.randint(fewest, most))]

    def operation(self) -> Operation:
        chance = self.random.random()
        if chance < 0.07:
            return ["a", "tick", *self.operations(2)]
        if self.pushes and self.kind != "Writable" and self.random.random() < 0.4:
            return ["a", "pushBytes", self.random.choice(_CHUNKS)]
        if chance < 0.11 and self.kind != "pipe":
            return self.watch()
        if self.kind == "pipe":
            return self.piping()
        if self.kind == "pipeline":
            name = self.random.choice("abc")
            if name == "c" or (name == "b" and self.random.random() < 0.5):
                return self.writing(name)
            return self.reading(name)
        if self.kind == "Duplex":
            return self.reading("a") if chance < 0.55 else self.writing("a")
        return self.reading("a") if self.kind == "Readable" else self.writing("a")

    def watch(self) -> Operation:
        """Wait for the end of a stream."""
        options = {}
        for name in ("readable", "writable", "error"):
            if self.random.random() < 0.25:
                options[name] = self.random.random() < 0.5
        name = self.random.choice("abc") if self.kind == "pipeline" else "a"
        return [name, "watch", options]

    def piping(self) -> Operation:
        chance = self.random.random()
        if chance < 0.25:
            return ["a", "pipe", self.random.choice("bc"), self.random.random() < 0.7]
        if chance < 0.35:
            return ["a", "unpipe", self.random.choice("bc")]
        if chance < 0.65:
            return [self.random.choice("bc"), "settle"]
        if chance < 0.85:
            return self.push()
        if chance < 0.93:
            # Only the pipes listen: Node resumes a source that others listen to after unpipe().
            return ["a", self.random.choice(("pause", "resume", "isPaused", "read"))]
        return self.writing(self.random.choice("bc"))

    def reading(self, name: str) -> Operation:
        random = self.random
        chance = random.random()
        event = random.choice(("data", "readable"))
        if chance < 0.25:
            return [name, random.choice(("push", "push", "pushBytes")), random.choice(_CHUNKS)]
        if chance < 0.29:
            # A source that pushes by itself looks, as a socket does, whether all was read.
            return [name, "endPush"] if self.pushes else [name, "push", None]
        if chance < 0.34:
            return [name, "unshift", random.choice(("XY", "Z"))]
        if chance < 0.48:
            # After setEncoding(), Node's read(n) loses count where n spans several chunks.
            sizes = ((), (), (0,), (1,)) if self.encodes else _SIZES
            return [name, "read", *random.choice(sizes)]
        if chance < 0.66:
            return [name, random.choice(("on", "on", "on", "once", "prepend")), event]
        if chance < 0.74:
            return [name, random.choice(("off", "off", "removeAll")), event]
        if chance < 0.94:
            return [name, random.choice(("pause", "resume", "resume", "isPaused"))]
        if chance < 0.96 and self.encodes:
            return [name, "setEncoding", random.choice(("utf8", "hex", "latin1"))]
        return [name, "destroy", *random.choice(((), ("destroyed",)))]

    def writing(self, name: str) -> Operation:
        random = self.random
        chance = random.random()
        chunk = random.choice(_CHUNKS)
        if chance < 0.45:
            ways = ("write", "writeBytes", "writeBytes", "writeCall", "writeSame")
            return [name, random.choice(ways), chunk]
        if chance < 0.55 and self.kind != "pipe":
            return [name, random.choice(("end", "endCall")), *random.choice(((), (chunk,)))]
        if chance < 0.70:
            return [name, random.choice(("cork", "uncork", "uncork"))]
        if self.kind == "pipe":
            # Node stalls where one of several destinations fails or is ended by others.
            return [name, "settle"]
        if chance < 0.96:
            return [name, "settle", *random.choice(((), (), (), (), (), ("settled badly",)))]
        return [name, "destroy", *random.choice(((), ("destroyed",)))]
