"""Locks: taken while they are free, and two threads that wait for each other, with `--locks` and without a session."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from recorded import recorded
from rounds import Case, loop

from tracekit.options import HOOKS, ON_REQUEST

_HOPS = 4000

# Keys of the cases: "name: variant".
OFF, ON = "no session", "session, --locks"
# How each is made: asked for anew each time, since the core in Python sees only what is made in the session.
_FREE: dict[str, tuple[str, Callable[[], Any]]] = {
    "with Lock": ("with it: pass", lambda: threading.Lock()),
    "with RLock": ("with it: pass", lambda: threading.RLock()),
    "with Condition": ("with it: pass", lambda: threading.Condition()),
    "queue.Queue, put and get": ("it.put(1); it.get()", lambda: queue.Queue()),
    "queue.SimpleQueue, put and get": ("it.put(1); it.get()", lambda: queue.SimpleQueue()),
}
PING_PONG = "ping-pong over two locks"
NAMES = (*_FREE, PING_PONG)


def cases() -> list[Case]:
    """ns for taking and releasing a lock, for an item, for a hop between threads."""
    found = []
    for name in _FREE:
        found += [Case(f"{name}: {OFF}", partial(_free, name)), Case(f"{name}: {ON}", partial(_free, name), _watched)]
    found += [Case(f"{PING_PONG}: {OFF}", _hop, turns=_HOPS), Case(f"{PING_PONG}: {ON}", _hop, _watched, turns=_HOPS)]
    return found


def _watched() -> Any:
    return recorded(hooks=HOOKS + ON_REQUEST)


def _free(name: str, turns: int) -> float:
    statement, make = _FREE[name]
    return loop(statement, {"it": make()})(turns)


def _hop(turns: int) -> float:
    there, back = threading.Lock(), threading.Lock()
    there.acquire()
    back.acquire()
    each = max(turns // 2, 1)

    def answer() -> None:
        for _ in range(each):
            there.acquire()
            back.release()

    thread = threading.Thread(target=answer)
    thread.start()
    start = time.perf_counter_ns()
    for _ in range(each):
        there.release()
        back.acquire()
    taken = time.perf_counter_ns() - start
    thread.join()
    return taken / (2 * each)
