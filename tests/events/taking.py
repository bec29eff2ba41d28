"""Taking what `events.on` has, in both languages."""

from __future__ import annotations

from typing import Any

from oracle import Tracer
from twisted.internet.defer import Deferred

from nodenet.events import EventIterator

TAKE_JS = """
const e = new events.EventEmitter();
const taken = async (promise) => {
  try { const { value, done } = await promise; return done ? 'done' : value; }
  catch (error) { return error; }
};
const take = async (iterator, n) => {
  for (let i = 0; i < n; i++) t('taken', await taken(iterator.next()));
};
"""


def taking(body: str) -> str:
    """A scenario for Node."""
    return TAKE_JS + body


async def taken(deferred: Deferred[Any]) -> Any:
    try:
        return await deferred
    except StopAsyncIteration:
        return "done"
    except Exception as error:
        return error


async def take(t: Tracer, iterator: EventIterator, n: int) -> None:
    for _ in range(n):
        t("taken", await taken(iterator.__anext__()))
