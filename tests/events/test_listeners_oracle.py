"""Adding, removing and calling listeners, as Node does it."""

from __future__ import annotations

from typing import Any

from oracle import Oracle, Tracer

from nodenet.events import EventEmitter

WATCHED_JS = """
const e = new events.EventEmitter();
const names = new Map();
const named = (l) => names.get(l) ?? names.get(l.listener) + '*';
const adding = (n, l) => t('adding', n, named(l), e.listenerCount(n));
const removed = (n, l) => t('removed', n, named(l), e.listenerCount(n));
names.set(adding, 'nl').set(removed, 'rl');
e.on('newListener', adding).on('removeListener', removed);
const make = (name) => { const f = (...args) => t(name, ...args); names.set(f, name); return f; };
const [a, b, c] = ['a', 'b', 'c'].map(make);
const show = (n) => t('has', n, e.listeners(n).map(named), e.rawListeners(n).map(named));
"""


def watched(body: str) -> str:
    """A scenario for Node."""
    return WATCHED_JS + body


class Watched:
    """The Python half of `WATCHED_JS`."""

    def __init__(self, t: Tracer) -> None:
        self.t = t
        self.e = e = EventEmitter()
        self.names: dict[Any, str] = {}
        e.on("newListener", self.adding)
        self.names[self.adding] = "nl"
        self.names[self.removed] = "rl"
        e.on("removeListener", self.removed)
        self.a, self.b, self.c = map(self.make, "abc")

    def adding(self, name: str, listener: Any) -> None:
        self.t("adding", name, self.named(listener), self.e.listenerCount(name))

    def removed(self, name: str, listener: Any) -> None:
        self.t("removed", name, self.named(listener), self.e.listenerCount(name))

    def named(self, listener: Any) -> str:
        return self.names.get(listener) or self.names[listener.listener] + "*"

    def make(self, name: str) -> Any:
        def listener(*args: Any) -> None:
            self.t(name, *args)

        self.names[listener] = name
        return listener

    def show(self, name: str) -> None:
        raw = [self.named(one) for one in self.e.rawListeners(name)]
        self.t("has", name, [self.named(one) for one in self.e.listeners(name)], raw)


def test_listeners_are_called_in_order_and_once_listeners_once(oracle: Oracle) -> None:
    js = watched("""
    e.on('x', a).once('x', b).prependListener('x', c).prependOnceListener('x', b)
      .addListener('x', a);
    show('x');
    t('count', e.listenerCount('x'), e.listenerCount('x', a), e.listenerCount('x', b));
    t('emit', e.emit('x', 1));
    t('emit', e.emit('x', 1, 2, 3));
    show('x');
    t('nobody', e.emit('y'), e.listeners('y'), e.rawListeners('y'), e.listenerCount('y'));
    """)

    def scenario(t: Tracer) -> None:
        w = Watched(t)
        e, a, b, c = w.e, w.a, w.b, w.c
        e.on("x", a).once("x", b).prependListener("x", c).prependOnceListener("x", b)
        e.addListener("x", a)
        w.show("x")
        t("count", e.listenerCount("x"), e.listenerCount("x", a), e.listenerCount("x", b))
        t("emit", e.emit("x", 1))
        t("emit", e.emit("x", 1, 2, 3))
        w.show("x")
        t("nobody", e.emit("y"), e.listeners("y"), e.rawListeners("y"), e.listenerCount("y"))

    oracle.compareSync(js, scenario)


def test_what_is_removed_was_added_last(oracle: Oracle) -> None:
    js = watched("""
    e.on('x', a).on('x', b).on('x', a).off('x', a);
    show('x');
    e.off('x', c).removeListener('y', a).removeListener('x', b).off('x', a).off('x', a);
    t('names', e.eventNames());
    """)

    def scenario(t: Tracer) -> None:
        w = Watched(t)
        e, a, b, c = w.e, w.a, w.b, w.c
        e.on("x", a).on("x", b).on("x", a).off("x", a)
        w.show("x")
        e.off("x", c).removeListener("y", a).removeListener("x", b).off("x", a).off("x", a)
        t("names", e.eventNames())

    oracle.compareSync(js, scenario)


def test_the_wrapper_of_a_once_listener_removes_it_too(oracle: Oracle) -> None:
    js = watched("""
    e.once('x', a);
    e.off('x', e.rawListeners('x')[0]);
    e.once('x', a).on('x', b);
    e.off('x', e.rawListeners('x')[0]);
    show('x');
    e.once('z', a);
    const wrapper = e.rawListeners('z')[0];
    wrapper.listener('by itself');
    show('z');
    t('called', wrapper('the wrapper'));
    t('again', wrapper('the wrapper'));
    show('z');
    """)

    def scenario(t: Tracer) -> None:
        w = Watched(t)
        e, a, b = w.e, w.a, w.b
        e.once("x", a)
        e.off("x", e.rawListeners("x")[0])
        e.once("x", a).on("x", b)
        e.off("x", e.rawListeners("x")[0])
        w.show("x")
        e.once("z", a)
        wrapper: Any = e.rawListeners("z")[0]
        wrapper.listener("by itself")
        w.show("z")
        t("called", wrapper("the wrapper"))
        t("again", wrapper("the wrapper"))
        w.show("z")

    oracle.compareSync(js, scenario)


def test_all_listeners_are_removed_from_the_last_to_the_first(oracle: Oracle) -> None:
    js = watched("""
    e.on('x', a).once('x', b).on('x', c).on('y', a).once('z', b);
    e.removeAllListeners('x').removeAllListeners('nothing');
    t('names', e.eventNames());
    e.on('x', a);
    t('all', e.removeAllListeners() === e, e.eventNames());
    e.on('x', a).on('x', b).on('y', a).removeAllListeners('x');
    t('names', e.eventNames());
    e.removeAllListeners();
    t('names', e.eventNames());
    """)

    def scenario(t: Tracer) -> None:
        w = Watched(t)
        e, a, b, c = w.e, w.a, w.b, w.c
        e.on("x", a).once("x", b).on("x", c).on("y", a).once("z", b)
        e.removeAllListeners("x").removeAllListeners("nothing")
        t("names", e.eventNames())
        e.on("x", a)
        t("all", e.removeAllListeners() is e, e.eventNames())
        e.on("x", a).on("x", b).on("y", a).removeAllListeners("x")
        t("names", e.eventNames())
        e.removeAllListeners()
        t("names", e.eventNames())

    oracle.compareSync(js, scenario)


def test_the_watchers_of_listeners_are_watched_too(oracle: Oracle) -> None:
    js = watched("""
    e.on('newListener', a);
    e.on('removeListener', b);
    e.off('removeListener', b);
    e.off('newListener', a);
    e.removeAllListeners('removeListener');
    e.on('x', c).off('x', c);
    """)

    def scenario(t: Tracer) -> None:
        w = Watched(t)
        e = w.e
        e.on("newListener", w.a)
        e.on("removeListener", w.b)
        e.off("removeListener", w.b)
        e.off("newListener", w.a)
        e.removeAllListeners("removeListener")
        e.on("x", w.c).off("x", w.c)

    oracle.compareSync(js, scenario)


def test_a_listener_added_by_newListener_comes_first(oracle: Oracle) -> None:
    js = """
    const e = new events.EventEmitter();
    e.once('newListener', (name) => e.on(name, () => t('B')));
    e.on('x', () => t('A'));
    e.emit('x');
    """

    def scenario(t: Tracer) -> None:
        e = EventEmitter()
        e.once("newListener", lambda name, _: e.on(name, lambda: t("B")))
        e.on("x", lambda: t("A"))
        e.emit("x")

    oracle.compareSync(js, scenario)


def test_changes_while_emitting_are_for_the_next_time(oracle: Oracle) -> None:
    js = """
    const e = new events.EventEmitter();
    const third = () => t('third');
    e.on('x', () => { t('first'); e.off('x', third); e.on('x', () => t('late')); });
    e.on('x', () => t('second'));
    e.on('x', third);
    t('emitted', e.emit('x'));
    t('emitted', e.emit('x'));
    e.removeAllListeners();
    e.on('y', () => { t('y'); e.removeAllListeners('y'); });
    e.on('y', () => t('still'));
    t('emitted', e.emit('y'), e.emit('y'));
    e.once('z', () => { t('z'); t('inside', e.emit('z')); });
    t('emitted', e.emit('z'));
    """

    def scenario(t: Tracer) -> None:
        e = EventEmitter()

        def third() -> None:
            t("third")

        def first() -> None:
            t("first")
            e.off("x", third)
            e.on("x", lambda: t("late"))

        e.on("x", first)
        e.on("x", lambda: t("second"))
        e.on("x", third)
        t("emitted", e.emit("x"))
        t("emitted", e.emit("x"))
        e.removeAllListeners()

        @e.on("y")
        def y() -> None:
            t("y")
            e.removeAllListeners("y")

        e.on("y", lambda: t("still"))
        t("emitted", e.emit("y"), e.emit("y"))

        @e.once("z")
        def z() -> None:
            t("z")
            t("inside", e.emit("z"))

        t("emitted", e.emit("z"))

    oracle.compareSync(js, scenario)


def test_what_a_listener_raises_is_raised_by_emit(oracle: Oracle) -> None:
    js = """
    const e = new events.EventEmitter();
    e.on('x', () => { throw new TypeError('boom'); });
    e.on('x', () => t('never'));
    try { e.emit('x'); } catch (error) { t('raised', error); }
    """

    def scenario(t: Tracer) -> None:
        e = EventEmitter()

        @e.on("x")
        def fail() -> None:
            raise TypeError("boom")

        e.on("x", lambda: t("never"))
        try:
            e.emit("x")
        except TypeError as error:
            t("raised", error)

    oracle.compareSync(js, scenario)


def test_bad_listeners_are_refused(oracle: Oracle) -> None:
    js = """
    const e = new events.EventEmitter();
    const methods = ['on', 'addListener', 'once', 'prependListener', 'prependOnceListener',
                     'off', 'removeListener'];
    for (const method of methods)
      for (const value of [null, 5, 'x', {}])
        try { e[method]('x', value); } catch (error) { t(method, error); }
    t('names', e.eventNames());
    """

    def scenario(t: Tracer) -> None:
        e = EventEmitter()
        methods = ["on", "addListener", "once", "prependListener", "prependOnceListener"]
        value: Any
        for method in [*methods, "off", "removeListener"]:
            for value in (None, 5, "x", {}):
                try:
                    getattr(e, method)("x", value)
                except TypeError as error:
                    t(method, error)
        t("names", e.eventNames())

    oracle.compareSync(js, scenario)
