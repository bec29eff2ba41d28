"""TCP echo by a cluster: ``WORKERS dealt|accept|reuse`` says how connections are spread."""

from __future__ import annotations

import sys

from nodenet import cluster, net, run

_WORKERS, _HOW = int(sys.argv[1]), sys.argv[2]


def main() -> None:
    """Be the primary, which says the port and the workers' processes, or a worker."""
    if cluster.isWorker:
        cluster.worker.once("message", _serve)
        return
    if _HOW == "accept":
        cluster.schedulingPolicy = cluster.SCHED_NONE
    _fork(0)


def _fork(port: int) -> None:
    """Start a worker on `port`; when it serves, the next one, or say so when all do."""
    worker = cluster.fork()
    worker.once("online", lambda: worker.send(port if _HOW == "reuse" else 0))
    worker.once("message", lambda port, handle: _served(port))


def _served(port: int) -> None:
    if len(cluster.workers) < _WORKERS:
        _fork(port)
    else:
        print(port, *(worker.process.pid for worker in cluster.workers.values()), flush=True)


def _serve(port: int, handle: object) -> None:
    def connected(socket: net.Socket) -> None:
        socket.on("data", socket.write)
        socket.on("error", lambda error: None)

    def listening() -> None:
        address = server.address()
        assert isinstance(address, net.AddressInfo)
        cluster.worker.send(address.port)

    server = net.createServer(connected)
    server.listen({"port": port, "host": "127.0.0.1", "reusePort": _HOW == "reuse"}, listening)


run(main)
