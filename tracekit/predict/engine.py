"""Engine: a clock, cores and GILs that simulated threads compete for. Knows no work, no model and no trace.

A thread is a generator that yields what it wants next (Compute, Pause, Take) and is gone on with when it has got it. Time is in
ns, as floats, so that shares of a core come out even.

Cores are shared evenly by all who compute, each as fast as one core is when that many compute at once; without the GIL that is
code in C, which cores slow down more for each other. A GIL is handed on when its holder waits or ends, or a switch interval
after somebody began to wait, and then to any of those who wait: there is no queue for it, so that with many who compute one may
wait for long. Chance is seeded: the same work gives the same.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

_NOTHING_LEFT = 1e-3  # ns; what is left after many small parts were taken away


@dataclass(frozen=True, slots=True)
class Compute:
    """Wants a core, and the GIL of its process unless it is free of it, until so much is done."""

    ns: float
    free: bool = False
    strand: int = -1


@dataclass(frozen=True, slots=True)
class Pause:
    """Wants time to pass, without a core and without the GIL; `word` says what for."""

    ns: float
    word: str = ""
    strand: int = -1


@dataclass(frozen=True, slots=True)
class Take:
    """Wants the next thing that is put into a box, without a core and without the GIL."""

    box: Box


Life = Generator["Compute | Pause | Take", Any, None]


@dataclass(eq=False, slots=True)
class Gil:
    """The lock of one interpreter."""

    holder: Thread | None = None
    taken: float = 0.0
    queue: list[Thread] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Thread:
    """A simulated thread, and what it is at."""

    gil: Gil
    life: Life
    left: float = 0.0  # what it has to compute still
    wanted: float = 0.0  # of this, when it was last given the core
    since: float = 0.0  # when it began to compute, or to wait for the GIL
    free: bool = False
    strand: int = -1


@dataclass(eq=False, slots=True)
class Box:
    """What threads hand each other, first in, first out."""

    engine: Engine
    things: deque[Any] = field(default_factory=deque)
    takers: deque[Thread] = field(default_factory=deque)

    def put(self, thing: Any) -> None:
        """Give a thing to who waited longest, or to the next who wants one."""
        if self.takers:
            self.engine.go_on(self.takers.popleft(), thing)
        else:
            self.things.append(thing)


# Who watches is told what strand did what, from when to when, and how much of that was computing.
Watch = Callable[[int, str, float, float, float], None]
Speeds = tuple[float, ...]


class Engine:
    """The machine.

    Args:
        cores: how many there are.
        speeds: how fast one core is, against one alone, when 1, 2, … compute at once: under a GIL, and without.
        interval_ns: the switch interval.
        switch_ns: what it takes longer when a thread has to give the GIL away.
        watch: is told of each stretch that has ended.
    """

    def __init__(
        self, cores: int, speeds: tuple[Speeds, Speeds], interval_ns: float, switch_ns: float, watch: Watch
    ) -> None:
        self.now = 0.0
        self._cores = max(1, cores)
        self._speeds = speeds
        self._interval, self._switch_ns = interval_ns, switch_ns
        self._watch = watch
        self._paces = [1.0, 1.0]
        self._computing: dict[Thread, None] = {}
        self._gils: dict[Gil, None] = {}  # those that somebody waits for
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._chance = random.Random(0)

    def start(self, gil: Gil, life: Life) -> None:
        """Begin a thread of the process that this GIL is of."""
        self.at(self.now, lambda: self.go_on(Thread(gil, life), None))

    def at(self, time: float, act: Callable[[], None]) -> None:
        """Do something at a time; what is for the same time is done in the order of the calls."""
        self._number += 1
        heapq.heappush(self._due, (max(time, self.now), self._number, act))

    def run(self, until: Callable[[], bool]) -> None:
        """Go on until that is so, or nothing can happen any more."""
        while not until():
            self._set_paces()
            first = min(self._computing, key=self._lasts, default=None)
            finish = self.now + self._lasts(first) if first else float("inf")
            drop, gil = self._next_drop()
            due = self._due[0][0] if self._due else float("inf")
            time = min(finish, drop, due)
            if time == float("inf"):
                return
            self._advance(time)
            if first is not None and (time == finish or first.left <= _NOTHING_LEFT):
                self._done(first)
            elif time == due:
                heapq.heappop(self._due)[2]()
            elif gil is not None:
                self._switch(gil)

    def go_on(self, thread: Thread, value: Any) -> None:
        """Let a thread say what it wants next, and see to it."""
        while True:
            try:
                wish = thread.life.send(value)
            except StopIteration:
                self._release(thread)
                return
            value = None
            if isinstance(wish, Take):
                if not wish.box.things:
                    self._release(thread)
                    wish.box.takers.append(thread)
                    return
                value = wish.box.things.popleft()
            elif wish.ns > 0:
                self._see_to(thread, wish)
                return

    def _see_to(self, thread: Thread, wish: Compute | Pause) -> None:
        thread.strand, thread.since = wish.strand, self.now
        if isinstance(wish, Pause):
            self._release(thread)
            begun = self.now
            self.at(begun + wish.ns, lambda: self._paused(thread, wish, begun))
            return
        thread.left, thread.free = wish.ns, wish.free
        if wish.free:
            self._release(thread)
        elif thread.gil.holder not in (None, thread):
            thread.gil.queue.append(thread)
            self._gils[thread.gil] = None
            return
        elif thread.gil.holder is None:
            thread.gil.holder, thread.gil.taken = thread, self.now
        self._compute(thread)

    def _paused(self, thread: Thread, wish: Pause, begun: float) -> None:
        self._watch(wish.strand, wish.word, begun, self.now, 0.0)
        self.go_on(thread, None)

    def _compute(self, thread: Thread) -> None:
        thread.since, thread.wanted = self.now, thread.left
        self._computing[thread] = None

    def _done(self, thread: Thread) -> None:
        self._stop(thread)
        self.go_on(thread, None)

    def _stop(self, thread: Thread) -> None:
        del self._computing[thread]
        if thread.left <= _NOTHING_LEFT:
            thread.left = 0.0
        word = "free" if thread.free else "gil"
        self._watch(thread.strand, word, thread.since, self.now, thread.wanted - thread.left)

    def _release(self, thread: Thread) -> None:
        if thread.gil.holder is thread:
            thread.gil.holder = None
            self._hand_on(thread.gil, 0.0)

    def _hand_on(self, gil: Gil, cost: float) -> None:
        """Give a GIL that nobody holds to one of those who wait: whom the system wakes first, which is nobody's turn."""
        if not gil.queue:
            return
        following = gil.queue.pop(self._chance.randrange(len(gil.queue)))
        if not gil.queue:
            self._gils.pop(gil, None)
        gil.holder, gil.taken = following, self.now
        following.left += cost
        self._watch(following.strand, "waiting", following.since, self.now, 0.0)
        self._compute(following)

    def _switch(self, gil: Gil) -> None:
        holder = gil.holder
        if holder is None:
            return
        self._stop(holder)
        holder.since = self.now
        gil.holder = None
        self._hand_on(gil, self._switch_ns)
        gil.queue.append(holder)
        self._gils[gil] = None

    def _next_drop(self) -> tuple[float, Gil | None]:
        best, found = float("inf"), None
        for gil in self._gils:
            time = max(gil.taken, gil.queue[0].since) + self._interval
            if time < best:
                best, found = time, gil
        return best, found

    def _set_paces(self) -> None:
        """How much who computes, under a GIL and without, gets done in a time, as many as there are now."""
        count = len(self._computing)
        if count:
            used = min(count, self._cores)
            self._paces = [speeds[min(used, len(speeds)) - 1] * used / count for speeds in self._speeds]

    def _lasts(self, thread: Thread) -> float:
        """How long it computes still, if nothing changes."""
        return thread.left / self._paces[thread.free]

    def _advance(self, time: float) -> None:
        passed = time - self.now
        for thread in self._computing:
            thread.left -= passed * self._paces[thread.free]
        self.now = time
