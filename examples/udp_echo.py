import nodenet
from nodenet import dgram


def main():
    socket = dgram.createSocket("udp4")

    @socket.on("message")
    def answer(message, rinfo):
        socket.send(message, rinfo.port, rinfo.address)

    socket.bind(41234, "127.0.0.1", lambda: print("listening on", socket.address()))


nodenet.run(main)
