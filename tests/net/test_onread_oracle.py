"""Reading into the caller's own buffer, compared with real Node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from net_tools import failure, happens, listening, portOf
from oracle import Oracle, Tracer
from twisted.python.failure import Failure

from nodenet import net
from nodenet.errors import ERR_INVALID_ARG_TYPE
from nodenet.loop import pollerOf

_JS = """
const server = net.createServer(socket => {
  server.close()
  socket.write('hello')
  socket.once('data', () => socket.end(' world, good night'))
})
server.listen(0, '127.0.0.1', () => {
  const listen = onread => {
    const { callback } = onread
    let heard = 0
    onread.callback = (size, got) => {
      if ((heard += size) === 5) client.write('go on')
      return callback(size, got)
    }
    const client = net.connect({ port: server.address().port, host: '127.0.0.1', onread })
    for (const event of ['data', 'readable', 'end', 'close']) {
      client.on(event, (...args) => t(event, ...args, client.bytesRead))
    }
    return client
  }
  %s
})
"""


async def same(oracle: Oracle, js: str, listen: Callable[[Tracer, Any], None]) -> None:
    """Run a client on both sides; `listen` gets a function that makes one from `onread`."""

    def scenario(t: Tracer) -> None:
        def connection(socket: net.Socket) -> None:
            server.close()
            socket.write("hello")
            socket.once("data", lambda _: socket.end(" world, good night"))

        def make(onread: dict[str, Any]) -> net.Socket:
            heard = 0

            def callback(size: int, got: Any) -> Any:
                nonlocal heard
                heard += size
                if heard == 5:
                    client.write("go on")
                return onread["callback"](size, got)

            both = {**onread, "callback": callback}
            client = net.connect(portOf(server), "127.0.0.1", onread=both)
            for event in ("data", "readable", "end", "close"):
                client.on(event, lambda *args, event=event: t(event, *args, client.bytesRead))
            return client

        server = net.createServer(connection)
        server.listen(0, "127.0.0.1", lambda: listen(t, make))

    await oracle.compare(_JS % js, scenario)


async def test_the_bytes_stand_in_the_buffer(oracle: Oracle) -> None:
    js = """
      const buffer = Buffer.alloc(64)
      listen({ buffer, callback: (size, got) => {
        t('read', size, got === buffer, got.toString('latin1', 0, size))
      } })
    """

    def listen(t: Tracer, make: Any) -> None:
        buffer = bytearray(64)

        def callback(size: int, got: bytearray) -> None:
            t("read", size, got is buffer, got[:size].decode("latin1"))

        make({"buffer": buffer, "callback": callback})

    await same(oracle, js, listen)


async def test_a_small_buffer_is_filled_again_and_again(oracle: Oracle) -> None:
    js = """
      let text = ''
      const client = listen({ buffer: Buffer.alloc(4), callback: (size, got) => {
        text += got.toString('latin1', 0, size)
      } })
      client.on('close', () => t('text', text))
    """

    def listen(t: Tracer, make: Any) -> None:
        text = ""

        def callback(size: int, got: bytearray) -> None:
            nonlocal text
            text += got[:size].decode("latin1")

        client = make({"buffer": bytearray(4), "callback": callback})
        client.on("close", lambda _: t("text", text))

    await same(oracle, js, listen)


async def test_a_function_gives_a_buffer_for_each_read(oracle: Oracle) -> None:
    js = """
      let made = 0
      listen({
        buffer: () => { t('buffer', ++made); return Buffer.alloc(32) },
        callback: (size, got) => { t('read', size, got.length) },
      })
    """

    def listen(t: Tracer, make: Any) -> None:
        made = 0

        def buffer() -> bytearray:
            nonlocal made
            made += 1
            t("buffer", made)
            return bytearray(32)

        make({"buffer": buffer, "callback": lambda size, got: t("read", size, len(got))})

    await same(oracle, js, listen)


async def test_false_pauses(oracle: Oracle) -> None:
    js = """
      const client = listen({ buffer: Buffer.alloc(64), callback: (size, got) => {
        t('read', size, got.toString('latin1', 0, size))
        if (size === 5) setTimeout(() => { t('resume'); client.resume() }, 50)
        return size !== 5
      } })
    """

    def listen(t: Tracer, make: Any) -> None:
        def go_on() -> None:
            t("resume")
            client.resume()

        def callback(size: int, got: bytearray) -> bool:
            t("read", size, got[:size].decode("latin1"))
            if size == 5:
                pollerOf().callLater(0.05, go_on)
            return size != 5

        client = make({"buffer": bytearray(64), "callback": callback})

    await same(oracle, js, listen)


async def test_pause_and_resume_hold_for_the_buffer_too(oracle: Oracle) -> None:
    js = """
      const client = listen({ buffer: Buffer.alloc(64), callback: (size, got) => {
        t('read', size)
        client.pause()
        setTimeout(() => { t('resume'); client.resume() }, 50)
      } })
    """

    def listen(t: Tracer, make: Any) -> None:
        def go_on() -> None:
            t("resume")
            client.resume()

        def callback(size: int, got: bytearray) -> None:
            t("read", size)
            client.pause()
            pollerOf().callLater(0.05, go_on)

        client = make({"buffer": bytearray(64), "callback": callback})

    await same(oracle, js, listen)


async def test_nothing_can_be_read_into_an_empty_buffer(oracle: Oracle) -> None:
    def listen(t: Tracer, make: Any) -> None:
        client = make({"buffer": bytearray(), "callback": lambda *_: t("never")})
        client.on("error", lambda error: t("error", error))

    js = """
      const client = listen({ buffer: Buffer.alloc(0), callback: () => t('never') })
      client.on('error', error => t('error', error))
    """
    await same(oracle, js, listen)


async def test_a_callback_that_throws_is_called_again(oracle: Oracle) -> None:
    def listen(t: Tracer, make: Any) -> None:
        def callback(size: int, buffer: bytearray) -> None:
            t("callback", size)
            raise ZeroDivisionError("no")

        make({"buffer": bytearray(32), "callback": callback})

    js = """
      const callback = size => { t('callback', size); throw new Error('no') }
      listen({ buffer: Buffer.alloc(32), callback })
    """
    await same(oracle, js, listen)


async def test_a_callback_that_destroys_is_not_called_again(oracle: Oracle) -> None:
    def listen(t: Tracer, make: Any) -> None:
        def callback(size: int, buffer: bytearray) -> None:
            t("callback", size)
            client.destroy()

        client = make({"buffer": bytearray(2), "callback": callback})

    js = """
      const callback = size => { t('callback', size); client.destroy() }
      const client = listen({ buffer: Buffer.alloc(2), callback })
    """
    await same(oracle, js, listen)


async def test_a_callback_may_be_a_coroutine_function() -> None:
    server = net.createServer(lambda socket: socket.end("x"))
    port = await listening(server)

    async def callback(size: int, buffer: bytearray) -> None:
        raise KeyError(size)

    client = net.connect(port, "127.0.0.1", onread={"buffer": bytearray(9), "callback": callback})
    assert isinstance(await failure(client), KeyError)
    server.close()


async def test_a_function_that_gives_no_buffer_later_is_reported(
    flushLoggedErrors: Callable[..., list[Failure]],
) -> None:
    buffers = [bytearray(3), None, bytearray(3)]
    received = b""

    def callback(size: int, buffer: bytearray) -> None:
        nonlocal received
        received += buffer[:size]

    server = net.createServer(lambda socket: socket.end("12345"))
    port = await listening(server)
    onread = {"buffer": lambda: buffers.pop(0), "callback": callback}
    client = net.connect(port, "127.0.0.1", onread=onread)
    await happens(client, "close")
    assert received == b"12345"  # into the buffer that was there before
    assert len(flushLoggedErrors(ERR_INVALID_ARG_TYPE)) == 1
    server.close()


@pytest.mark.parametrize(
    "onread",
    [
        5,
        {"buffer": bytearray(5)},
        {"buffer": bytearray(5), "callback": "x"},
        {"callback": print},
        {"buffer": "text", "callback": print},
        {"buffer": b"not writable", "callback": print},
        {"buffer": lambda: None, "callback": print},
    ],
)
def test_what_cannot_be_read_into_is_refused(onread: Any) -> None:
    with pytest.raises(ERR_INVALID_ARG_TYPE, match="onread"):
        net.Socket(onread=onread)
