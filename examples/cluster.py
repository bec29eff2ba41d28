"""An echo on every core: each worker listens on the same port, and who dies is replaced."""

import os

import nodenet
from nodenet import cluster, net
from nodenet.loop import pollerOf


def primary():
    for _ in range(os.cpu_count() or 1):
        cluster.fork()

    @cluster.on("exit")
    def ended(worker, code, signal):
        if not worker.exitedAfterDisconnect:
            print(f"worker {worker.id} ended ({signal or code})")
            pollerOf().callLater(1, cluster.fork)  # not at once: it may die again


def worker():
    server = net.createServer(lambda socket: socket.pipe(socket))
    server.listen(8124, "127.0.0.1", lambda: print("listening on", server.address()))


nodenet.run(primary if cluster.isPrimary else worker)
