"""Random programs for sockets, and the machine that runs them; `programs.js` is the same for Node.

Law: a program is plain data. A step is a list of operations that run one after the other, in one
callback of the loop; before the next one the sockets settle.

Who takes part has a name: ``s0``, ``s1`` are servers, ``c0`` ... clients, ``a0`` ... what the
servers have accepted, in that order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from oracle import Tracer

from nodenet import abort, loop, net, streams
from nodenet.loop import pollerOf

Operation = list[Any]
Program = dict[str, Any]

# Whether a socket that connects has an address depends in Node on who has asked before.
_HIDDEN = ("address", "localAddress", "localFamily", "localPort")
_ROUNDS = {False: 3, True: 25}


_NOTHING = object()


def _hides(self_: Any, name: str, event: str) -> bool:
    """Whether a property tells of something else in Node, or by chance."""
    if name == "bytesWritten":
        return self_.errored is not None  # Node's counts what the kernel did not take, too
    connects = event == "connectionAttemptFailed" or getattr(self_, "connecting", False)
    return connects and name in _HIDDEN


class Party:
    """A server or a socket of a running program."""

    def __init__(self, name: str, self_: Any, description: dict[str, Any]) -> None:
        self.name = name
        self.self = self_
        self.port: int | None = None
        self.listens = self.closed = False
        self.callbacks = 0
        self.abort: abort.AbortController | None = None
        self.last: dict[str, Any] = {}
        self.reactions = {
            event: list(all_) for event, all_ in description.get("reactions", {}).items()
        }
        self.listeners: dict[str, Callable[..., None]] = {}

    def may_connect(self) -> bool:
        """What a second connection of one socket does in Node, the address decides."""
        socket = self.self
        if socket.connecting or not socket.pending or (socket.destroyed and not self.closed):
            return False
        return bool(socket.writableFinished or not socket.writableEnded)


class Run:
    """One program."""

    def __init__(self, t: Tracer, program: Program, done: Callable[[], None]) -> None:
        self.t = t
        self.program = program
        self.done = done
        self.parties: dict[str, Party] = {}
        self.ports: set[int] = set()
        self.accepted = self.lines = 0
        self.over = False
        self.poller = pollerOf()

    def say(self, label: str, *values: Any) -> None:
        if not self.over:
            self.lines += 1
            self.t(f"{self.program['name']}.{label}", *values)

    # -- values -----------------------------------------------------------------------------

    def given(self, party: Party, value: Any) -> Any:
        if isinstance(value, list):
            return [self.given(party, inner) for inner in value]
        if not isinstance(value, dict):
            return value
        for kind, make in _GIVEN.items():
            if kind in value:
                return make(self, party, value)
        return {key: self.given(party, inner) for key, inner in value.items()}

    def called(self, party: Party, operations: Iterable[Operation]) -> Callable[..., None]:
        party.callbacks += 1
        number = party.callbacks

        def callback(*args: Any) -> None:
            self.say(f"{party.name} callback {number}", *args)
            self.perform_all(operations)

        return callback

    def place(self, to: str) -> dict[str, Any]:
        if self.program["unix"]:
            return {
                "path": self.t.path("nobody" if to == "nobody" else f"{self.program['name']}{to}")
            }
        port = {"nobody": 1, "any": 0}.get(to)
        return {
            "port": (self.parties[to].port or 1) if port is None else port,
            "host": "127.0.0.1",
        }

    def onread(self, party: Party, option: dict[str, Any]) -> dict[str, Any]:
        left, size = list(option["answers"]), option["size"]

        def callback(count: int, buffer: bytearray) -> Any:
            self.say(f"{party.name} onread", count, bytes(buffer[:count]))
            return left.pop(0) if left else None

        buffer: Any = (lambda: bytearray(size)) if option.get("several") else bytearray(size)
        return {"buffer": buffer, "callback": callback}

    def lookup(self, option: dict[str, Any]) -> Callable[..., None]:
        answer = option["answer"]

        def lookup(host: str, options: Any, callback: Callable[..., None]) -> None:
            every = options.get("all") and isinstance(answer, list)
            if isinstance(answer, str):
                args: list[Any] = [Exception(answer)]
            elif every:
                args = [None, [{"address": one, "family": family} for one, family in answer]]
            else:
                args = [None, *answer[0]]
            if option.get("later"):
                self.poller.nextTick(callback, *args)
            else:
                callback(*args)

        return lookup

    # -- parties ----------------------------------------------------------------------------

    def follow(self, name: str, self_: Any, description: dict[str, Any]) -> Party:
        made = Party(name, self_, description)
        if name in self.parties:
            made.abort = self.parties[name].abort
        self.parties[name] = made
        events = self.program["serverEvents" if name[0] == "s" else "socketEvents"]
        for event in (*events, "data", "readable"):
            made.listeners[event] = self.listener(made, event)
        for event in events:
            if event != "error" or not description.get("silent"):
                self_.on(event, made.listeners[event])
        hears = description.get("hears")
        if hears:
            self_.on(hears, made.listeners[hears])
        return made

    def listener(self, made: Party, event: str) -> Callable[..., None]:
        large, unix = self.program.get("large"), self.program["unix"]
        silent = event == "data" and large

        def listener(*args: Any) -> None:
            if event == "connection":
                args = (self.accept(args[0]),)
            if event in ("listening", "error"):
                made.listens = False
            made.closed = event == "close" or (made.closed and event == "error")
            if event == "listening" and not unix:
                made.port = self.t.port(made.self.address().port)
                self.ports.add(made.port)
            if event == "drop" and args:
                args = (args[0]._replace(remotePort=self.known(args[0].remotePort)),)
            if event in ("pipe", "unpipe"):
                args = ()
            if not silent:
                self.say(f"{made.name} {event}", *args)
                self.look(made, event)
            self.react(made, event)

        return listener

    def accept(self, socket: net.Socket) -> str:
        if self.over:
            socket.destroy()
            return ""
        name = f"a{self.accepted}"
        self.accepted += 1
        description = self.program["accepted"].get(name, {})
        self.look(self.follow(name, socket, description))
        self.perform_all(description.get("begin", ()))
        return name

    def react(self, made: Party, event: str) -> None:
        operations = made.reactions.get(event)
        if operations:
            self.perform_all(operations.pop(0))

    def look(self, made: Party, event: str = "") -> None:
        """Trace the properties that have changed."""
        if self.over:
            return
        changed = {}
        kind = "serverProperties" if made.name[0] == "s" else "socketProperties"
        for name in self.program[kind]:
            if not _hides(made.self, name, event):
                value = self.seen(made.self, name)
                if made.last.get(name, _NOTHING) != value:
                    changed[name] = "null" if value is None else value
                made.last[name] = value
        if changed:
            self.say(f"{made.name} is", changed)

    def seen(self, self_: Any, name: str) -> Any:
        value = getattr(self_, name)
        if callable(value):
            value = value()
        if name.endswith("Port"):
            return self.known(value)
        if isinstance(value, net.AddressInfo):
            return value._replace(port=self.known(value.port))
        if isinstance(value, BaseException):
            return getattr(value, "message", None) or str(value)
        return value

    def known(self, port: int | None) -> Any:
        return port if not port or port in self.ports else "a port"

    # -- operations -------------------------------------------------------------------------

    def perform_all(self, operations: Iterable[Operation]) -> None:
        for operation in operations:
            self.perform(operation)

    def perform(self, operation: Operation) -> None:
        if self.over:
            return
        name, op, *args = operation
        if op == "make":
            self.make(name)
            return
        made = self.parties.get(name)
        if made is None:
            self.say(f"{name} {op}", "nobody")
            return
        if op == "connect" and not made.may_connect():
            return
        if op == "resetAndDestroy" and made.self.writableEnded and not made.self.writableFinished:
            return  # Node fails to, and leaves the connection open for ever
        try:
            result = self.operate(made, op, args)
        except Exception as error:
            self.say(f"{name} {op} threw", error)
        else:
            if op in ("listen", "close"):
                made.listens = op == "listen"
            self.say(f"{name} {op}", "self" if result is made.self else result)

    def make(self, name: str) -> None:
        description = self.program["parties"][name]
        party = Party(name, None, {})
        try:
            options = self.given(party, description.get("options", {}))
            if name[0] == "s":
                made: Any = net.createServer(options)
            elif "connects" in description:
                made = net.connect({**options, **self.given(party, description["connects"])})
            else:
                made = net.Socket(options)
            self.follow(name, made, description)
        except Exception as error:
            self.say(f"{name} make threw", error)
            return
        self.parties[name].abort = party.abort
        self.look(self.parties[name])

    def operate(self, made: Party, op: str, args: list[Any]) -> Any:
        operation = _OPERATIONS.get(op)
        if operation is not None:
            return operation(self, made, *args)
        return getattr(made.self, op)(*(self.given(made, arg) for arg in args))

    def read_all(self, made: Party) -> None:
        while (chunk := made.self.read()) is not None:
            self.say(f"{made.name} chunk", None if self.program["large"] else chunk)

    # -- steps ------------------------------------------------------------------------------

    def quiet(self, then: Callable[[], None]) -> None:
        """Go on when everything has settled."""
        rounds = _ROUNDS[bool(self.program.get("slow"))]
        calm = total = 0
        seen = self.progress()

        def look() -> None:
            nonlocal calm, total, seen
            total += 1
            busy = any(
                party.listens or getattr(party.self, "connecting", False)
                for party in self.parties.values()
            )
            now = self.progress()
            if (seen != now or busy) and total < 500:
                calm, seen = 0, now
            elif calm < rounds:
                calm += 1
            else:
                then()
                return
            self.poller.callLater(0.001, look)

        self.poller.callLater(0.001, look)

    def progress(self) -> int:
        read = (getattr(party.self, "bytesRead", 0) for party in self.parties.values())
        return sum(read, self.lines)

    def step(self, index: int) -> None:
        if index:
            for made in self.parties.values():
                self.look(made)
        if index == len(self.program["steps"]):
            self.end()
            return
        self.say("step", index)
        try:
            self.perform_all(self.program["steps"][index])
        except Exception as error:
            self.say("step threw", error)
        self.quiet(lambda: self.step(index + 1))

    def end(self) -> None:
        self.over = True
        for party in self.parties.values():
            party.self.on("error", lambda error: None)
            if isinstance(party.self, net.Socket):
                party.self.destroy()
        self.close()
        self.quiet(self.closed)

    def closed(self) -> None:
        self.close()  # a server that was looking up its host listens by now
        self.done()

    def close(self) -> None:
        for party in self.parties.values():
            if isinstance(party.self, net.Server):
                party.self.close()


def _block_list(rules: Iterable[tuple[str, str]]) -> net.BlockList:
    blocks = net.BlockList()
    for address, family in rules:
        blocks.addAddress(address, family)
    return blocks


def _signal(run: Run, party: Party, value: Any) -> abort.AbortSignal:
    party.abort = party.abort or abort.AbortController()
    return party.abort.signal


def _self(run: Run, name: str) -> Any:
    return run.parties[name].self if name in run.parties else None


def _object(run: Run, party: Party, value: dict[str, Any]) -> Any:
    others = {key: run.given(party, inner) for key, inner in value.items() if key != "to"}
    return {**others, **run.place(value["to"])}


_GIVEN: dict[str, Callable[[Run, Party, Any], Any]] = {
    "bytes": lambda run, party, value: value["bytes"].encode("latin-1"),
    "fill": lambda run, party, value: b"x" * value["fill"],
    "repeat": lambda run, party, value: value["repeat"] * value["times"],
    "error": lambda run, party, value: Exception(value["error"]),
    "call": lambda run, party, value: run.called(party, value["call"]),
    "list": lambda run, party, value: _block_list(value["list"]),
    "signal!": _signal,
    "onread!": lambda run, party, value: run.onread(party, value["onread!"]),
    "party": lambda run, party, value: _self(run, value["party"]),
    "lookup!": lambda run, party, value: run.lookup(value["lookup!"]),
    "to": _object,
}


def _off(run: Run, made: Party, event: str) -> None:
    made.self.removeListener(event, made.listeners[event])


def _pipe(run: Run, made: Party, to: str, options: dict[str, bool] | None) -> None:
    if to in run.parties:
        made.self.pipe(run.parties[to].self, **(options or {}))


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "tick": lambda run, made, *operations: run.poller.nextTick(run.perform_all, operations),
    "micro": lambda run, made, *operations: loop.queueMicrotask(run.perform_all, operations),
    "on": lambda run, made, event: (made.self.on(event, made.listeners[event]), None)[1],
    "off": _off,
    "set": lambda run, made, name, value: setattr(made.self, name, value),
    "get": lambda run, made, name: getattr(made.self, name),
    "abort": lambda run, made: made.abort and made.abort.abort(),
    "readAll": Run.read_all,
    "pipe": _pipe,
    "unpipe": lambda run, made, to: (made.self.unpipe(_self(run, to)), None)[1],
    "watch": lambda run, made, options: (
        streams.finished(made.self, options, run.called(made, ())),
        None,
    )[1],
}


def run(t: Tracer, programs: list[Program]) -> None:
    """Run programs one after the other."""

    def begin(index: int) -> None:
        if index < len(programs):
            Run(t, programs[index], lambda: begin(index + 1)).step(0)

    begin(0)
