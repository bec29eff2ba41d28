"""A relay: what comes in on one port goes to another host, and back.

Usage: relay.py HOST PORT
"""

import sys

import nodenet
from nodenet import net, streams


async def relayed(client):
    target = net.createConnection(int(sys.argv[2]), sys.argv[1])
    # Each direction ends when its source does; a failure of one side destroys both.
    await streams.pipeline(client, target, client)


def main():
    server = net.createServer({"allowHalfOpen": True}, relayed)
    server.listen(8124, "127.0.0.1", lambda: print("listening on", server.address()))


nodenet.run(main)
