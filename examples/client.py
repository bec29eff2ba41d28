import nodenet
from nodenet import net


async def main():
    socket = net.createConnection(8124, "127.0.0.1")
    socket.end(b"hello\n")
    async for chunk in socket:
        print("received", chunk)


nodenet.run(main)
