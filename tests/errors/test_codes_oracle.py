"""The messages of the error codes are Node's."""

from __future__ import annotations

import json
from typing import Any

from oracle import Oracle, Tracer

from nodenet import errors

NAMES = ("x", "options.port", "a.b.c", "first argument")
EXPECTED: tuple[str | list[str], ...] = (
    "string",
    "Function",
    "Object",
    "AbortSignal",
    "ISO date",
    "unix timestamp",
    ["string", "number"],
    ["string", "number", "boolean"],
    ["string", "Buffer"],
    ["string", "Buffer", "TypedArray", "DataView"],
    ["object", "Foo"],
    ["object", "string", "Foo", "bar baz"],
    ["integer", "object"],
    ["string", "null"],
    ["string", "undefined", "null"],
    ["string", "ISO date"],
    ["a b", "c d", "e f"],
    ["Stream", "ReadableStream", "WritableStream"],
)
TOGETHER: list[list[Any]] = [
    *(["ERR_INVALID_ARG_TYPE", name, "string", 5] for name in NAMES),
    *(["ERR_INVALID_ARG_TYPE", "x", expected, 5] for expected in EXPECTED),
    *(["ERR_INVALID_ARG_VALUE", name, 5] for name in NAMES),
    ["ERR_INVALID_ARG_VALUE", "options.family", 5, "must be one of: 0, 4, 6"],
    ["ERR_OUT_OF_RANGE", "x", ">= 0 && <= 255", 300],
    ["ERR_MISSING_ARGS", "a"],
    ["ERR_MISSING_ARGS", "a", "b"],
    ["ERR_MISSING_ARGS", "a", "b", "c"],
    ["ERR_MISSING_ARGS", ["options", "port", "path"]],
    ["ERR_MISSING_ARGS", ["a", "b"], "c"],
    ["ERR_UNKNOWN_ENCODING", "nope"],
    ["ERR_BUFFER_OUT_OF_BOUNDS"],
    ["ERR_BUFFER_OUT_OF_BOUNDS", "offset"],
    ["ERR_METHOD_NOT_IMPLEMENTED", "_write()"],
    ["ERR_SOCKET_BAD_PORT", "Port", 70000],
    ["ERR_SOCKET_BAD_PORT", "Port", 70000, True],
    ["ERR_SOCKET_BAD_PORT", "Port", 0, False],
    ["ERR_INVALID_ADDRESS_FAMILY", 5, "host", 80],
    ["ERR_INVALID_IP_ADDRESS", "1.2.3"],
    ["ERR_IP_BLOCKED", "1.2.3.4"],
    ["ERR_INVALID_FD", -1],
    ["ERR_INVALID_FD_TYPE", "FILE"],
    ["ERR_STREAM_ALREADY_FINISHED", "end"],
    ["ERR_STREAM_DESTROYED", "write"],
    ["ERR_EVENT_RECURSION", "abort"],
    ["ERR_INVALID_STATE", "closed"],
    ["ERR_INVALID_THIS", "AbortSignal"],
    ["ERR_UNKNOWN_SIGNAL", "SIGNOPE"],
    ["ERR_SOCKET_ALREADY_BOUND"],
    ["ERR_SOCKET_BAD_BUFFER_SIZE"],
    ["ERR_SOCKET_BAD_TYPE"],
    ["ERR_SOCKET_CLOSED"],
    ["ERR_SOCKET_CLOSED_BEFORE_CONNECTION"],
    ["ERR_SOCKET_CONNECTION_TIMEOUT"],
    ["ERR_SOCKET_DGRAM_IS_CONNECTED"],
    ["ERR_TLS_HANDSHAKE_TIMEOUT"],
    ["ERR_SOCKET_DGRAM_NOT_CONNECTED"],
    ["ERR_SOCKET_DGRAM_NOT_RUNNING"],
    ["ERR_SERVER_ALREADY_LISTEN"],
    ["ERR_SERVER_NOT_RUNNING"],
    ["ERR_INVALID_HANDLE_TYPE"],
    ["ERR_STREAM_CANNOT_PIPE"],
    ["ERR_STREAM_NULL_VALUES"],
    ["ERR_STREAM_PREMATURE_CLOSE"],
    ["ERR_STREAM_PUSH_AFTER_EOF"],
    ["ERR_STREAM_UNABLE_TO_PIPE"],
    ["ERR_STREAM_UNSHIFT_AFTER_END_EVENT"],
    ["ERR_STREAM_WRITE_AFTER_END"],
    ["ERR_MULTIPLE_CALLBACK"],
    ["ERR_ILLEGAL_CONSTRUCTOR"],
    ["ERR_CHILD_CLOSED_BEFORE_REPLY"],
    ["ERR_IPC_CHANNEL_CLOSED"],
    ["ERR_IPC_DISCONNECTED"],
]
#: What Node throws from elsewhere, or words where it throws: by public means, below.
ELSEWHERE = {
    "ERR_INVALID_ADDRESS",
    "ERR_INVALID_RETURN_VALUE",
    "ERR_SOCKET_BUFFER_SIZE",
    "ERR_UNHANDLED_ERROR",
}

# The constructors are Node's own internals, which only a child process with a flag gets to see.
CONSTRUCT = """
const made = require('child_process').execFileSync(process.execPath, ['--expose-internals', '-e', `
  const { codes } = require('internal/errors');
  console.log(JSON.stringify(JSON.parse(process.argv[1]).map(([code, ...args]) => {
    const { name, message } = new codes[code](...args);
    return { code, name, message };
  })));
`, JSON.stringify(CASES)]);
for (const { code, name, message } of JSON.parse(made)) t(code, name, message);
"""


def test_every_message_is_nodes(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        for code, *args in TOGETHER:
            error = getattr(errors, code)(*args)
            t(code, error.name, error.message)

    oracle.compareSync(CONSTRUCT.replace("CASES", json.dumps(TOGETHER)), scenario)


def test_no_code_is_left_out() -> None:
    asked = {case[0] for case in TOGETHER} | ELSEWHERE
    assert asked == {code for code in errors.codes.__all__ if code.startswith("ERR_")}


def test_an_address_that_is_none(oracle: Oracle) -> None:
    oracle.compareSync(
        """
        try { new net.SocketAddress({ address: 'x' }) } catch (e) { t('caught', e) }
        """,
        lambda t: t("caught", errors.ERR_INVALID_ADDRESS()),
    )


def test_an_error_event_without_an_error(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        for value in (5, "abc"):
            error = errors.ERR_UNHANDLED_ERROR(value)
            t("caught", error, error.context)

    oracle.compareSync(
        """
        for (const value of [5, 'abc']) {
          try { new events().emit('error', value) } catch (e) { t('caught', e, e.context) }
        }
        """,
        scenario,
    )


def test_a_buffer_size_that_cannot_be_read(oracle: Oracle) -> None:
    def scenario(t: Tracer) -> None:
        error = errors.ERR_SOCKET_BUFFER_SIZE(errors.systemErrorInfo(9, "uv_send_buffer_size"))
        t("caught", error, error.name, error.info.code, error.info.message, error.info.syscall)

    oracle.compareSync(
        """
        const socket = dgram.createSocket('udp4');
        try { socket.getSendBufferSize() } catch (e) {
          t('caught', e, e.name, e.info.code, e.info.message, e.info.syscall)
        }
        socket.close()
        """,
        scenario,
    )
