"""The primary: starts workers, and tells what becomes of them.

Law: a worker is in `workers` from `fork` until it has both ended and lost its channel, or was asked
to disconnect.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, ClassVar, Self

from nodenet.cluster._channel import Channel
from nodenet.cluster._fork import ChildProcess, environment
from nodenet.cluster._handles import Handles
from nodenet.cluster._settings import (
    POLICY,
    SCHED_NONE,
    SCHED_RR,
    UNIQUE_ID,
    Settings,
    ownSettings,
)
from nodenet.cluster._worker import ListeningAddress, Worker
from nodenet.errors import ERR_INVALID_ARG_TYPE
from nodenet.events import Event, EventEmitter
from nodenet.loop import Poller, pollerOf
from nodenet.options import checkOneOf, resolve

_POLICIES = {"none": SCHED_NONE, "rr": SCHED_RR}


class Primary(EventEmitter):
    """The cluster, in the process that starts the workers."""

    EVENTS: ClassVar[tuple[Event, ...]] = (
        Event("setup", ("settings: dict",), "`setupPrimary` was called; each `fork` does too."),
        Event("fork", ("worker",), "A worker was started."),
        Event("online", ("worker",), "It runs."),
        Event("listening", ("worker", "address: ListeningAddress"), "It listens."),
        Event("message", ("worker", "message", "handle"), "It has sent this."),
        Event("disconnect", ("worker",), "Its channel is closed."),
        Event("exit", ("worker", "code: int | None", "signal: str | None"), "It has ended."),
    )

    isPrimary = isMaster = True
    isWorker = False
    worker = None

    def __init__(self) -> None:
        super().__init__()
        self.workers: dict[int, Worker] = {}
        self.settings: dict[str, Any] = {}
        self._policy = _POLICIES.get(os.environ.get(POLICY, ""), SCHED_RR)
        self._fixed_policy: int | None = None
        self._ids = count(1)
        self._handles: Handles | None = None
        self._connected: set[Worker] = set()
        self._waiting: list[Callable[[], object]] = []

    # -- operations -------------------------------------------------------------------------

    def setupPrimary(self, settings: Mapping[str, Any] | None = None, **keywords: Any) -> None:
        """Set how workers are started from now on; ``'setup'`` follows.

        Args:
            settings: A mapping of `Settings`; what is left out stays as it is.
            keywords: Settings by name; they win over those of `settings`.

        Raises:
            ERR_INVALID_ARG_TYPE: A setting has the wrong type.
            ERR_INVALID_ARG_VALUE: `stdio` speaks of something else than three streams; there is a
                NUL in a text.

        Mirrors: "cluster.setupPrimary([settings])".
        """
        given = resolve(Settings, settings, keywords, "settings")
        said = {**(settings or {}), **keywords}
        if not self.settings:
            self.settings.update(ownSettings())
        self.settings.update({name: given[name] for name in given if said.get(name) is not None})
        if self._fixed_policy is None:
            self._fixed_policy = self._policy
        pollerOf().nextTick(self.emit, "setup", dict(self.settings))

    def setupMaster(self, settings: Mapping[str, Any] | None = None, **keywords: Any) -> None:
        """Do what `setupPrimary` does, by its old name."""
        self.setupPrimary(settings, **keywords)

    def fork(self, env: Mapping[str, Any] | None = None) -> Worker:
        """Start a worker.

        Args:
            env: What its environment has besides this process's; ``None`` as a value takes a name
                out.

        Returns:
            The worker; ``'fork'`` follows.

        Raises:
            ERR_MISSING_ARGS: This program was typed in: set `exec` with `setupPrimary`.
            ERR_INVALID_ARG_TYPE: `env` is no mapping.
            ERR_INVALID_ARG_VALUE: It has a name that cannot be one, or a NUL.

        A worker that cannot be started has an ``'error'``.

        Mirrors: "cluster.fork([env])".
        """
        if env is not None and not isinstance(env, Mapping):
            raise ERR_INVALID_ARG_TYPE("env", "Object", env)
        variables = environment(env)
        self.setupPrimary()
        poller = pollerOf()
        worker = _Forked(self, next(self._ids))
        variables[UNIQUE_ID] = str(worker.id)
        worker.process = ChildProcess(poller, worker._relayed, self.settings, variables)
        self.workers[worker.id] = worker
        if worker.process.channel is not None:
            self._connected.add(worker)
            worker._join(worker.process.channel, self.handlesOf(poller))
        poller.nextTick(self.emit, "fork", worker)
        if worker.process.channel is None:
            poller.nextTick(self._remove, worker)
        return worker

    def disconnect(self, callback: Callable[[], object] | None = None) -> None:
        """Disconnect every worker, see `Worker.disconnect`.

        Args:
            callback: Called when all are disconnected.

        Mirrors: "cluster.disconnect([callback])".
        """
        if callable(callback):
            self._waiting.append(callback)
        for worker in list(self.workers.values()):
            if worker in self._connected:
                worker.disconnect()
        pollerOf().nextTick(self._look_whether_all)

    # -- properties -------------------------------------------------------------------------

    @property
    def schedulingPolicy(self) -> int:
        """Who accepts connections: the primary, which deals them out (`SCHED_RR`, the default),
        or the workers themselves (`SCHED_NONE`). To be set before the first worker is forked; the
        environment variable ``NODENET_CLUSTER_SCHED_POLICY`` sets it too, to ``rr`` or ``none``."""
        return self._policy

    @schedulingPolicy.setter
    def schedulingPolicy(self, policy: int) -> None:
        self._policy = checkOneOf(policy, "schedulingPolicy", (SCHED_NONE, SCHED_RR))

    # -- from the workers -------------------------------------------------------------------

    def handlesOf(self, poller: Poller) -> Handles:
        """The sockets that are held for the workers."""
        if self._handles is None:
            self._handles = Handles(poller, lambda: self._fixed_policy == SCHED_RR)
        return self._handles

    def _remove(self, worker: Worker) -> None:
        self.workers.pop(worker.id, None)

    def _disconnected(self, worker: Worker) -> None:
        self._connected.discard(worker)
        pollerOf().nextTick(self._look_whether_all)

    def _look_whether_all(self) -> None:
        """Tell those who wait for the disconnection of all."""
        if not self._connected:
            waiting, self._waiting = self._waiting, []
            for callback in waiting:
                callback()


class _Forked(Worker):
    """A worker, in the primary."""

    process: ChildProcess

    def __init__(self, cluster: Primary, id: int) -> None:
        super().__init__(id, "none")
        self._cluster = cluster

    # -- operations -------------------------------------------------------------------------

    def kill(self, signal: str | int | None = None) -> None:
        self.process.kill(signal)

    def disconnect(self) -> Self:
        self.exitedAfterDisconnect = True
        channel = self.process.channel
        if channel is not None and channel.connected:
            channel.tell({"act": "disconnect"})
            self._handles.forget(channel)
        self._cluster._remove(self)
        return self

    def isDead(self) -> bool:
        return self.process.exitCode is not None or self.process.signalCode is not None

    # -- from its process -------------------------------------------------------------------

    def _join(self, channel: Channel, handles: Handles) -> None:
        self._handles = handles
        self._channel = channel
        handles.attach(channel)
        channel.hear("online", self._online)
        channel.hear("listening", self._listening)
        channel.serve("exitedAfterDisconnect", self._leaves)

    def _relayed(self, event: str, *args: Any) -> bool:
        """Its process emits `event` next."""
        if event == "message":
            heard = self._cluster.emit("message", self, *args)
            return self.emit("message", *args) or heard
        if event == "disconnect":
            self._cluster._disconnected(self)
            self._now("disconnected", self.isDead())
        elif event == "exit":
            self._now("dead", not self.isConnected())
        heard = self.emit(event, *args)
        if event != "error":
            self._cluster.emit(event, self, *args)
        return heard

    def _now(self, state: str, leaves: bool) -> None:
        """It has ended, or lost its channel; `leaves`: and the other thing before."""
        self._handles.forget(self._channel)
        if leaves:
            self._cluster._remove(self)
        self.state = state
        self.exitedAfterDisconnect = bool(self.exitedAfterDisconnect)

    def _online(self, note: object, _: object) -> None:
        self.state = "online"
        self.emit("online")
        self._cluster.emit("online", self)

    def _listening(self, note: dict[str, Any], _: object) -> None:
        address = ListeningAddress(*(note.get(name) for name in ListeningAddress._fields))
        self.state = "listening"
        self.emit("listening", address)
        self._cluster.emit("listening", self, address)

    def _leaves(self, query: object, _: object) -> tuple[dict[str, Any], None]:
        """The worker disconnects by itself."""
        self.exitedAfterDisconnect = True
        return {}, None
