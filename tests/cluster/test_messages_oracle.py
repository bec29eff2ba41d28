"""Messages between the processes, what may be said of them, and streams, as in Node."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest
from cluster_plays import Plays
from cluster_program import say

from nodenet import cluster, dgram, net

pytestmark = pytest.mark.oracle


def attempt(label: str, what: Any, *arguments: Any) -> None:
    try:
        say(label, what(*arguments))
    except Exception as error:
        say(label, error)


def bad_messages() -> None:
    if not cluster.isPrimary:
        cluster.worker.process.on("message", lambda *values: say("got", *values))
        return
    worker: Any = cluster.fork()
    attempt("nothing", worker.send)
    attempt("a function", worker.send, lambda: None)
    handles: list[Any] = [{}, 5, "text"]
    for handle in handles:
        attempt("a bad handle", worker.send, "x", handle)
    attempt("bad options", worker.send, "x", None, 5)
    attempt("no handle", worker.send, "with None", None)
    attempt("options", worker.send, "with options", None, {"keepOpen": 5})
    attempt("a callback that is none", worker.send, "callback 5", None, None, 5)
    attempt("None", worker.send, None)
    signals: list[Any] = ["SIGFOO", -1, 1000, {}]
    for signal in signals:
        attempt("a bad signal", worker.process.kill, signal)
        if signal != {}:
            attempt("a bad signal", worker.kill, signal)
    attempt("no signal", worker.process.kill, 0)
    say("killed", worker.process.killed)
    worker.send("last", lambda *values: worker.disconnect())


def test_bad_messages_and_signals(plays: Plays) -> None:
    plays.compare(
        """
        const attempt = (label, what) => {
          try { say(label, what()); } catch (error) { say(label, error); }
        };
        if (!cluster.isPrimary) {
          process.on('message', (...values) => say('got', ...values));
        } else {
          const worker = cluster.fork();
          const send = (...values) => () => worker.send(...values);
          attempt('nothing', send());
          attempt('a function', send(() => {}));
          for (const handle of [{}, 5, 'text']) attempt('a bad handle', send('x', handle));
          attempt('bad options', send('x', undefined, 5));
          attempt('no handle', send('with None', null));
          attempt('options', send('with options', undefined, { keepOpen: 5 }));
          attempt('a callback that is none', send('callback 5', undefined, undefined, 5));
          attempt('None', send(null));
          for (const signal of ['SIGFOO', -1, 1000, {}]) {
            attempt('a bad signal', () => worker.process.kill(signal));
            if (typeof signal !== 'object') attempt('a bad signal', () => worker.kill(signal));
          }
          attempt('no signal', () => worker.process.kill(0));
          say('killed', worker.process.killed);
          worker.send('last', () => worker.disconnect());
        }
        """,
        bad_messages,
    )


def in_order() -> None:
    if cluster.isPrimary:
        worker = cluster.fork()
        for number in range(100):
            worker.send({"number": number, "text": "x" * (number * 100)})
        worker.on("message", lambda *values: say("got", *values))
        cluster.on("message", lambda _, *values: say("got in all", *values))
        worker.on("message", lambda *_: worker.disconnect())
    else:
        numbers: list[int] = []

        def take(message: Any, _: object) -> None:
            numbers.append(message["number"])
            if len(numbers) == 100:
                cluster.worker.send(numbers)

        cluster.worker.on("message", take)


def test_messages_keep_their_order(plays: Plays) -> None:
    plays.compare(
        """
        if (cluster.isPrimary) {
          const worker = cluster.fork();
          for (let number = 0; number < 100; ++number) {
            worker.send({ number, text: 'x'.repeat(number * 100) });
          }
          worker.on('message', (...values) => say('got', ...values));
          cluster.on('message', (_, ...values) => say('got in all', ...values));
          worker.on('message', () => worker.disconnect());
        } else {
          const numbers = [];
          cluster.worker.on('message', ({ number }) => {
            numbers.push(number);
            if (numbers.length === 100) process.send(numbers);
          });
        }
        """,
        in_order,
    )


def silent() -> None:
    if not cluster.isPrimary:
        os.write(1, b"said\n")
        os.write(2, os.read(0, 100))
        sys.exit(0)
    cluster.setupPrimary({"silent": True})
    worker: Any = cluster.fork()
    process = worker.process
    say("has", process.stdin, process.stdout, process.stderr)
    process.stdout.on("data", lambda data: say("stdout", data))
    process.stdout.on("data", lambda _: process.stdin.end("heard\n"))
    process.stderr.on("data", lambda data: say("stderr", data))
    process.on("close", lambda *values: say("closed", *values))


def test_the_streams_of_a_silent_worker(plays: Plays) -> None:
    plays.compare(
        r"""
        if (!cluster.isPrimary) {
          fs.writeSync(1, 'said\n');
          process.stdin.once('data', (data) => {
            fs.writeSync(2, data);
            process.exit(0);
          });
        } else {
          cluster.setupPrimary({ silent: true });
          const { process } = cluster.fork();
          say('has', process.stdin, process.stdout, process.stderr);
          process.stdout.on('data', (data) => say('stdout', data));
          process.stdout.on('data', () => process.stdin.end('heard\n'));
          process.stderr.on('data', (data) => say('stderr', data));
          process.on('close', (...values) => say('closed', ...values));
        }
        """,
        silent,
    )


def setups() -> None:
    cluster.on("setup", lambda settings: say("setup", settings["args"], settings["silent"]))
    say("at first", cluster.settings, cluster.workers, cluster.worker)
    say("policy", cluster.schedulingPolicy, cluster.SCHED_NONE, cluster.SCHED_RR)
    say("returns", cluster.setupPrimary({"args": ["a", "b"], "silent": True}))
    cluster.setupMaster({"args": ["c"]})
    cluster.setupPrimary()
    say("then", cluster.settings["args"], cluster.settings["silent"])


def test_settings(plays: Plays) -> None:
    plays.compare(
        """
        cluster.on('setup', (settings) => say('setup', settings.args, settings.silent));
        say('at first', cluster.settings, cluster.workers, cluster.worker);
        say('policy', cluster.schedulingPolicy, cluster.SCHED_NONE, cluster.SCHED_RR);
        say('returns', cluster.setupPrimary({ args: ['a', 'b'], silent: true }));
        cluster.setupMaster({ args: ['c'] });
        cluster.setupPrimary();
        say('then', cluster.settings.args, cluster.settings.silent);
        """,
        setups,
    )


def kinds_arrive() -> None:
    if cluster.isPrimary:
        worker = cluster.fork()
        server = net.createServer()
        datagrams = dgram.createSocket("udp4")

        def listens() -> None:
            worker.send("nothing in it", net.Socket())
            worker.send("nor in this", net.createServer())
            worker.send("a server", server, lambda *values: say("sent", *values))
            say("still", server.listening)
            datagrams.bind(0, "127.0.0.1", bound)

        def bound() -> None:
            worker.send("datagrams", datagrams, lambda *values: say("sent", *values))
            worker.on("message", lambda *_: (server.close(), datagrams.close()))

        server.listen(0, "127.0.0.1", listens)
    else:

        def take(message: str, handle: Any) -> None:
            about = [] if handle is None else [type(handle).__name__, handle.address().address]
            say("got", message, *about)
            if handle is not None:
                handle.close()
            if message == "datagrams":
                cluster.worker.send("enough")
                cluster.worker.disconnect()

        cluster.worker.on("message", take)


def test_servers_and_datagram_sockets_arrive(plays: Plays) -> None:
    plays.compare(
        """
        if (cluster.isPrimary) {
          const worker = cluster.fork();
          const server = net.createServer();
          const datagrams = dgram.createSocket('udp4');
          server.listen(0, '127.0.0.1', () => {
            worker.send('nothing in it', new net.Socket());
            worker.send('nor in this', net.createServer());
            worker.send('a server', server, (...values) => say('sent', ...values));
            say('still', server.listening);
            datagrams.bind(0, '127.0.0.1', () => {
              worker.send('datagrams', datagrams, (...values) => say('sent', ...values));
              worker.on('message', () => { server.close(); datagrams.close(); });
            });
          });
        } else {
          cluster.worker.on('message', (message, handle) => {
            const about = handle ? [handle.constructor.name, handle.address().address] : [];
            say('got', message, ...about);
            if (handle) handle.close();
            if (message === 'datagrams') {
              process.send('enough');
              cluster.worker.disconnect();
            }
          });
        }
        """,
        kinds_arrive,
    )


def connection_arrives() -> None:
    if cluster.isPrimary:
        worker = cluster.fork()

        def accepted(connection: net.Socket) -> None:
            sent = worker.send("a connection", connection, lambda *values: say("sent", *values))
            say("sends", sent, connection.destroyed, connection.readyState)
            server.close(lambda: say("closed"))

        server = net.createServer({"pauseOnConnect": True}, accepted)

        def connect() -> None:
            address: Any = server.address()
            client = net.connect(address.port, "127.0.0.1")
            client.write("from the client")

            def take(data: bytes) -> None:
                say("client got", data)
                client.end()

            client.on("data", take)
            client.on("close", lambda _: worker.disconnect())

        server.listen(0, "127.0.0.1", connect)
    else:

        def take(message: str, connection: Any) -> None:
            say("got", message, type(connection).__name__, connection.readyState)
            say("is", connection.isPaused(), connection.readableFlowing, connection.allowHalfOpen)
            connection.on("data", lambda data: say("data", data))
            connection.on("data", lambda _: connection.write("from the worker"))
            connection.on("end", lambda: say("end"))
            connection.on("close", lambda *values: say("close", *values))

        cluster.worker.process.on("message", take)


def test_a_connection_arrives(plays: Plays) -> None:
    plays.compare(
        """
        if (cluster.isPrimary) {
          const worker = cluster.fork();
          const server = net.createServer({ pauseOnConnect: true }, (connection) => {
            const sent = worker.send('a connection', connection, (...v) => say('sent', ...v));
            say('sends', sent, connection.destroyed, connection.readyState);
          });
          server.listen(0, '127.0.0.1', () => {
            const client = net.connect(server.address().port, '127.0.0.1', () => {
              client.write('from the client');
            });
            client.on('data', (data) => { say('client got', data); client.end(); });
            client.on('close', () => {
              worker.disconnect();
              server.close();
            });
          });
        } else {
          process.on('message', (message, connection) => {
            say('got', message, connection.constructor.name, connection.readyState);
            say('is', connection.isPaused(), connection.readableFlowing, connection.allowHalfOpen);
            connection.on('data', (data) => say('data', data));
            connection.on('data', () => connection.write('from the worker'));
            connection.on('end', () => say('end'));
            connection.on('close', (...values) => say('close', ...values));
          });
        }
        """,
        connection_arrives,
        "W1",
    )


def connection_from_a_worker() -> None:
    if cluster.isPrimary:
        worker = cluster.fork()

        def take(message: object, connection: Any) -> None:
            say("got", message, type(connection).__name__)
            connection.end("from the primary")
            worker.disconnect()

        worker.on("message", take)

        def accepted(connection: net.Socket) -> None:
            connection.on("data", lambda data: say("data", data))
            connection.on("end", server.close)

        server = net.createServer(accepted)
        address: Any = server.address
        server.listen(0, "127.0.0.1", lambda: worker.send(address().port))
    else:

        def connect(port: int, _: object) -> None:
            client = net.connect(port, "127.0.0.1")
            client.on("connect", lambda: pass_on(client))

        def pass_on(client: net.Socket) -> None:
            say("sends", cluster.worker.send("here", client, lambda *values: say("sent", *values)))

        cluster.worker.process.on("message", connect)


def test_a_connection_arrives_from_a_worker(plays: Plays) -> None:
    plays.compare(
        """
        if (cluster.isPrimary) {
          const worker = cluster.fork();
          worker.on('message', (message, connection) => {
            say('got', message, connection.constructor.name);
            connection.end('from the primary');
            worker.disconnect();
          });
          const server = net.createServer((connection) => {
            connection.on('data', (data) => say('data', data));
            connection.on('end', () => server.close());
          });
          server.listen(0, '127.0.0.1', () => worker.send(server.address().port));
        } else {
          process.on('message', (port) => {
            const client = net.connect(port, '127.0.0.1', () => {
              say('sends', process.send('here', client, (...values) => say('sent', ...values)));
            });
          });
        }
        """,
        connection_from_a_worker,
    )
