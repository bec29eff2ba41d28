"""Everybody hears what somebody says; who listens slowly does not hold up the others."""

import nodenet
from nodenet import net

LONGEST_BACKLOG = 1_000_000
members = {}


def tell(words, but=None):
    for name, member in members.items():
        if name == but:
            continue
        if member.writableLength > LONGEST_BACKLOG:
            member.destroy()
        else:
            member.write(words)


def joined(socket):
    name = f"{socket.remoteAddress}:{socket.remotePort}"
    members[name] = socket
    tell(f"* {name} joined\n".encode(), but=name)

    @socket.on("data")
    def said(words):
        tell(name.encode() + b": " + words, but=name)

    @socket.on("error")
    def failed(error):
        print(name, error)

    @socket.on("close")
    def left(had_error):
        del members[name]
        tell(f"* {name} left\n".encode())


def main():
    server = net.createServer(joined)
    server.listen(8124, "127.0.0.1", lambda: print("listening on", server.address()))


nodenet.run(main)
