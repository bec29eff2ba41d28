"""A relay: what comes in on one port goes to another host, and back.

Usage: relay.py HOST PORT
"""

import sys

import nodenet
from nodenet import net, streams


async def relayed(client):
    target = net.createConnection(port=PORT, host=HOST, allowHalfOpen=True)
    try:
        # Each direction ends when its source does; a failure of one side destroys both.
        await streams.pipeline(client, target, client)
    except OSError as error:  # or it would be an 'error' of the server, which ends the program
        print("cut off:", error)


def main():
    server = net.createServer({"allowHalfOpen": True}, relayed)
    server.listen(8124, "127.0.0.1", lambda: print("listening on", server.address()))


if len(sys.argv) != 3:
    sys.exit(__doc__)
HOST, PORT = sys.argv[1], int(sys.argv[2])
nodenet.run(main)
