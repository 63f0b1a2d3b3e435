"""Parts: what a simulation takes and gives, as plain rows. Knows neither a trace nor how anything is simulated.

Times are in ns, but for a Prediction, which is for people and in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class Kind(IntEnum):
    """What a piece of work needs in order to go on."""

    GIL = 1  # a core and its process's GIL
    FREE = 2  # a core
    IO = 3  # the outside
    TIMER = 4  # time


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of work, as long as it takes when nobody is in its way; `step` is an index into its strand's steps."""

    kind: Kind
    ns: int
    step: int = 0


@dataclass(frozen=True, slots=True)
class Passing:
    """What is passed to another process: pickled here, moved, unpickled there. ns of -1 are not known."""

    bytes: int = 0
    pack_ns: int = -1
    unpack_ns: int = -1


NOTHING = Passing(0, 0, 0)


@dataclass(frozen=True, slots=True)
class StepOf:
    """A step of a strand, as the user knows it.

    Attributes:
        kind: "compute", "io", "sleep", "poll"; "mixed" or "" where nobody said.
        awaitable: whether it can wait without blocking its thread: a timer, or I/O that has an async twin.
        given, result: what would be passed, if another process did it.
    """

    name: str
    file: str = ""
    line: int = 0
    kind: str = ""
    awaitable: bool = False
    given: Passing = NOTHING
    result: Passing = NOTHING


@dataclass(frozen=True, slots=True)
class Strand:
    """Work in a fixed order, which might go on beside other strands: a task, a job, a thread, a call among alike ones.

    Attributes:
        after: indices of the strands that must have ended before it begins.
        every_ns: of a poll, which is due again so long after it ran, until all that are none have ended; `pieces` are one turn.
        group: alike strands share it: the name of what they run.
    """

    name: str
    pieces: tuple[Piece, ...]
    after: tuple[int, ...] = ()
    every_ns: int = 0
    steps: tuple[StepOf, ...] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """The work of a program, apart from the model that it ran under.

    Attributes:
        cores: that the program might use; 0: not known.
        traced_model: the model that it ran under, one of those that are predicted, or "" where it was none of them.
        wall_ns: what it took, as traced.
        head_ns, tail_ns: what ran alone before and after, under any model.
        late_ns: the worst lateness of a poll, as traced; None: there was no poll, or nobody said.
        notes: what could not be told; a sentence each.
        exact: whether the program itself said what its strands and steps are.
        spread: how uncertain the lengths of the pieces are, as a share of them.
        memory_bytes: of its first process, at most; 0: not known.
        workers: how many the pool of the traced model may have, that of processes where it has both; 0: not known, or no pool.
    """

    program: str
    strands: tuple[Strand, ...]
    cores: int = 0
    traced_model: str = ""
    wall_ns: int = 0
    head_ns: int = 0
    tail_ns: int = 0
    late_ns: int | None = None
    notes: tuple[str, ...] = ()
    exact: bool = False
    spread: float = 0.05
    memory_bytes: int = 0
    workers: int = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the critical path: what a strand did, or waited for, and for how long.

    Attributes:
        strand: an index; -1 for what runs alone before and after.
        waited_for: what bounds it, one of BOUNDS.
    """

    strand: int
    waited_for: str
    ns: int


COMPUTING = "computing under the GIL"
COMPUTING_FREE = "computing without the GIL"
OUTSIDE = "the outside"
TIMER = "a timer"
THE_GIL = "the GIL"
A_CORE = "a core"
THE_LOOP = "the loop"
A_WORKER = "a worker of the pool"
STARTING = "starting and passing on"
HEAD_TAIL = "what runs alone"
BOUNDS = (COMPUTING, COMPUTING_FREE, OUTSIDE, TIMER, THE_GIL, A_CORE, THE_LOOP, A_WORKER, STARTING, HEAD_TAIL)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a simulation of some work under a model gave.

    Attributes:
        late_ns: the worst lateness of a poll; None where there is none.
        path: the critical path, from the begin to the end; its lengths add up to `wall_ns`.
        busy: how many strands went on at a time, on average (waiting for the outside or a timer is going on).
        ends: when each strand ended.
    """

    model: str
    wall_ns: int
    late_ns: int | None
    path: tuple[Stretch, ...]
    busy: float
    ends: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model would give; seconds. `low_s` and `high_s` are about the 5th and the 95th percentile of what is likely.

    Attributes:
        bound: the critical path: seconds by what bounds it, the longest first.
        why: one sentence on what bounds it.
    """

    model: str
    wall_s: float
    low_s: float
    high_s: float
    worst_late_s: float | None
    late_low_s: float | None
    late_high_s: float | None
    bound: dict[str, float] = field(default_factory=dict)
    why: str = ""
