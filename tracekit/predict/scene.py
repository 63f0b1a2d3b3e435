"""Scene: some work on a simulated machine: who has ended, what each strand did, how late polls were. Knows no model."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from tracekit.predict.engine import Box, Compute, Engine, Gil, Life, Pause
from tracekit.predict.machine import Machine, process_ns
from tracekit.predict.parts import (
    A_CORE,
    COMPUTING,
    COMPUTING_FREE,
    OUTSIDE,
    THE_GIL,
    TIMER,
    Kind,
    Piece,
    Strand,
    Work,
)

_WORDS = {Kind.IO: OUTSIDE, Kind.TIMER: TIMER}


@dataclass(frozen=True, slots=True)
class Spell:
    """What a strand did from one time to another; `parts` are the ns by what bounds it."""

    begin: float
    end: float
    parts: dict[str, float]


class Scene:
    """Work under way.

    Args:
        workers: how many the model's pool may have, if it has one; 0: as many as it has when nobody says.

    Attributes:
        ends: by strand, when it ended; those that have not are missing.
        freed_by: by strand, which other's end let it begin; -1: none.
        late: how late each turn of a poll was.
        due: when each poll is due.
        process_ns: what a forked process costs by itself.
    """

    def __init__(self, work: Work, machine: Machine, workers: int = 0) -> None:
        self.work, self.machine, self._workers = work, machine, workers
        speeds = machine.together, machine.unlocked
        self.engine = Engine(machine.cores, speeds, machine.switch_interval_ns, machine.switch_ns, self._watch)
        self.process_ns = process_ns(machine, work.memory_bytes)
        self.gil = Gil()  # of the process in which it all begins
        self.spells: list[list[Spell]] = [[] for _ in work.strands]
        self.ends: dict[int, float] = {}
        self.freed_by: dict[int, int] = {}
        self.late: list[float] = []
        self.due = dict.fromkeys((index for index, strand in enumerate(work.strands) if strand.every_ns), 0.0)
        self.over = False  # the model has all results
        self.tasks = [index for index, strand in enumerate(work.strands) if not strand.every_ns]
        self._missing = {index: set(self._after(index)) for index in self.tasks}
        self._later: dict[int, list[int]] = {}
        for index, others in self._missing.items():
            for other in sorted(others):
                self._later.setdefault(other, []).append(index)

    @property
    def done(self) -> bool:
        """Whether all strands but the polls have ended."""
        return len(self.ends) >= len(self.tasks)

    def limit(self, usual: int) -> int:
        """How many workers the model's pool may have."""
        return self._workers or usual

    def box(self) -> Box:
        """A new box, for what threads hand each other."""
        return Box(self.engine)

    def go(self, life: Life, gil: Gil | None = None) -> None:
        """Begin a thread, in the first process or in that of a GIL."""
        self.engine.start(gil or self.gil, life)

    def strand(self, index: int) -> Strand:
        """A strand by its index."""
        return self.work.strands[index]

    def do(self, index: int, piece: Piece) -> Life:
        """A piece of a strand, done by the thread that asks for it."""
        if piece.kind in (Kind.GIL, Kind.FREE):
            yield Compute(piece.ns, piece.kind == Kind.FREE, index)
        else:
            yield Pause(piece.ns, _WORDS[piece.kind], index)

    def do_all(self, index: int) -> Life:
        """All pieces of a strand."""
        for piece in self.strand(index).pieces:
            yield from self.do(index, piece)

    def look(self) -> Life:
        """Each poll that is due takes its turn, by the thread that asks for it."""
        for index in self.due:
            if self.engine.now >= self.due[index]:
                yield from self.turn(index)

    def turn(self, index: int) -> Life:
        """A poll takes its turn, and is due again some time after."""
        self.late.append(self.engine.now - self.due[index])
        yield from self.do_all(index)
        self.due[index] = self.engine.now + self.strand(index).every_ns

    def waited(self, index: int, word: str, begin: float) -> None:
        """A strand waited for something that is no thread's doing from then until now."""
        if self.engine.now > begin:
            self.spells[index].append(Spell(begin, self.engine.now, {word: self.engine.now - begin}))

    def first(self) -> list[int]:
        """The strands, but for polls, that come after no other."""
        return [index for index in self.tasks if not self._missing[index]]

    def ended(self, index: int) -> list[int]:
        """A strand has ended, and its result is there: those that may begin now."""
        self.ends[index] = self.engine.now
        freed = []
        for other in self._later.get(index, ()):
            self._missing[other].discard(index)
            if not self._missing[other]:
                self.freed_by[other] = index
                freed.append(other)
        return freed

    def in_order(self) -> Iterator[int]:
        """The strands that are no polls, each after those that it comes after, else as they stand."""
        missing = {index: set(others) for index, others in self._missing.items()}
        ready = [index for index in self.tasks if not missing[index]]
        while ready:
            index = heapq.heappop(ready)
            yield index
            for other in self._later.get(index, ()):
                missing[other].discard(index)
                if not missing[other]:
                    heapq.heappush(ready, other)

    def _after(self, index: int) -> list[int]:
        return [other for other in self.strand(index).after if not self.strand(other).every_ns and other != index]

    def _watch(self, strand: int, word: str, begin: float, end: float, computed: float) -> None:
        if strand < 0 or end <= begin:
            return
        if word in ("gil", "free"):
            parts = {COMPUTING if word == "gil" else COMPUTING_FREE: computed, A_CORE: end - begin - computed}
        else:
            parts = {THE_GIL if word == "waiting" else word: end - begin}
        self.spells[strand].append(Spell(begin, end, parts))
