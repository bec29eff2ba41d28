import nodenet
from nodenet import net


def connected(socket):
    socket.pipe(socket)


def main():
    server = net.createServer(connected)
    server.listen(8124, "127.0.0.1", lambda: print("listening on", server.address()))


nodenet.run(main)
