"""Trace: everything that a recording says, as plain rows and numpy columns. Knows neither where it came from nor where it goes.

Times are integers, nanoseconds since the start of the trace. Strings stand once, in `Trace.strings`; columns hold their
index. Rows refer to each other by index too: `Task.process` is an index into `Trace.processes`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

import numpy as np
from numpy.typing import NDArray

Int8 = NDArray[np.uint8]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

Scalar = int | float | str | bool | None
Args = dict[str, Any]


class Category(IntEnum):
    """What kind of thing a slice shows."""

    THREAD = 1  # the life of a thread; one on each thread's track, everything else on the track lies on it
    LOOP = 2  # one run of an event loop, on its thread
    STEP = 3  # a task running, on its loop's thread
    CALLBACK = 4  # a callback of the loop that is no step
    SPAN = 5  # a span, whole: on its thread, on its task's track, or on a lane
    PART = 6  # on a thread: the piece of a span inside one step or between resume and suspend; the whole lies elsewhere
    JOB = 7  # a job of an executor running on its worker
    GC = 8  # a garbage collection
    TASK = 9  # the life of a task; one on each task's track, else on a lane of tasks
    # On a task's track: scheduled, waiting for the loop; from when a timer was due, though the loop may have seen that late,
    # so that the arrow from whoever woke the task may begin later than this.
    READY = 10
    RUNNING = 11  # on a task's track: a step
    AWAITING = 12  # on a task's track: waiting for something
    SAMPLE = 13
    STATE = 14  # on a track of states: what a thread was seen to do from outside
    OTHER = 15  # from other people's traces
    SELECT = 16  # on a loop's thread: the loop had nothing to run and waited
    WAIT = 17  # on a thread: it waited for a lock that others held
    PICKLE = 18  # on a thread: a job or its result was pickled for another process, or read from there
    ACQUIRED = 19  # on a thread, of no length: a wait ends here, because somebody released what it was for; the arrow leads here
    RESULT = 20  # on a thread, of no length: it goes on with a job's result that it had waited for; the job's arrow ends here
    CALL = 21  # a call of a function, as a recorder of all calls saw it; on its thread, and again on its task's track


class Flag(IntFlag):
    """What must be known about a slice so that the trace does not lie."""

    UNFINISHED = 1  # no end was recorded; the slice is drawn up to the last thing that was seen of its process
    BEGUN_BEFORE = 2  # it had begun before the recording did
    ERROR = 4  # it ended by an exception; the argument "error" names its class
    MOVED = 8  # it ended on another thread than the one it began on
    GOES_ON = 16  # it went on after the trace, which is a part of a longer one


class TrackKind(IntEnum):
    """Whose track it is; `Track.owner` is an index into the list of that kind."""

    THREAD = 1  # owner: a thread
    TASK = 2  # owner: a task
    LANE = 3  # owner: a thread; whole spans that cannot lie on the thread's own track (generators, overlaps)
    PROCESS = 4  # owner: a process
    TASKS = 5  # owner: a process; many tasks, one after another
    STATES = 6  # owner: a thread; what it was seen to do from outside
    NAMED = 7  # owner: a process; a line of other people's traces that is neither a thread's nor a task's


class FlowKind(IntEnum):
    """Why an arrow is drawn."""

    CREATE = 1  # who created a task -> its first step
    WAKE = 2  # who scheduled a step -> the step
    START = 3  # who started a thread -> its life
    SUBMIT = 4  # who submitted a job -> its run
    RESULT = 5  # the end of a job -> who was woken by it
    SPAWN = 6  # who started a process -> its main thread's life
    OTHER = 7
    RELEASE = 8  # who released a lock -> who had waited for it


class SampleState(IntEnum):
    """What the thread did whose stack was sampled, as far as the sampler could tell."""

    UNKNOWN = 0
    GIL = 1  # it held the GIL
    ACTIVE = 2  # it ran, or could have, without the GIL
    IDLE = 3  # it waited


class SampleSource(IntEnum):
    """Who sampled a stack, and so how often."""

    OBSERVER = 1  # ours, only while a loop was blocked, or when attached; at growing intervals
    SAMPLER = 2  # a sampling profiler that ran alongside, at a fixed rate
    OTHER = 3  # other people's traces


@dataclass(slots=True)
class Process:
    """A process. One that was not traced has only what its parent knew of it, and `untraced` says why."""

    pid: int
    name: str
    command: str = ""
    parent: int | None = None  # index of the process that started it, where it is in the trace
    started: int = 0
    ended: int | None = None  # None: its end was not seen (killed, os._exit, or still running)
    untraced: str = ""
    python: str = ""  # version, as "3.11.7"
    ppid: int = 0
    status: int | None = None  # exit code, or -signal; None: not known
    starting: int | None = None  # ns from when it was asked for to its first own line; None: not known
    peak_rss: int = 0  # bytes; 0: not sampled, as the next two
    pss: int = 0  # the largest that was seen
    shared: int = 0  # of its memory others map as well, at that time
    dismissed: bool = False  # a worker that its own pool ended with SIGTERM, as pools do when they are over
    started_at: str = ""  # the program's line that forked or spawned it, as "function (file:line)"; "" where not seen


@dataclass(slots=True)
class Thread:
    """A thread of a process, by its kernel thread id."""

    process: int
    tid: int
    name: str
    started: int = 0
    ended: int | None = None  # None: its end was not seen
    begun_before: bool = False
    main: bool = False
    starter: int | None = None  # index of the thread that started it


@dataclass(slots=True)
class States:
    """How long a thread was seen in each state from outside, in ns; of threads that were sampled.

    `running` (on a processor) and `runnable` (waiting for one) are the scheduler's own figures; what it waited for in the rest
    of the time is divided as its samples are. These are the sums of the slices on the thread's track of states. `unlocked` is the
    part of `running` in which it did not have the GIL, as looks at who holds that tell.
    """

    thread: int
    running: int = 0
    runnable: int = 0
    gil: int = 0
    lock: int = 0
    poll: int = 0
    io: int = 0
    sleep: int = 0
    other: int = 0
    switches: int = 0  # how often it was given a processor
    preempted: int = 0  # how often one was taken from it, between the first and the last time that somebody asked
    longest_ready: int = (
        0  # the longest time in a row that it could have run and did not: runnable, or waiting for the GIL
    )
    unlocked: int = -1  # of `running`; -1 where that is not told: then the slices say so of a part of it at most


@dataclass(slots=True)
class Pool:
    """An executor: the argument `pool` of its jobs' slices is its index.

    A job in pieces (a chunk of a map each) is one that was submitted, and several that ran.
    """

    process: int  # that made it
    name: str  # its class
    number: int = 1  # which one of this class in its process
    limit: int = 0  # how many workers it may have; 0: not known
    started: int = 0  # workers that were started, those that replaced others as well; 0: threads
    used: int = 0  # workers that ran at least one job
    submitted: int = 0  # jobs
    waiting: int = 0  # of these, those that nobody began when the trace ended
    nested: int = 0  # of these, those that were submitted by a job of the same pool


UNLOCKED = "running without the GIL"
# What a slice of a state is called, and which field of States counts it; `unlocked` counts the second one once more.
STATE_FIELDS = {
    "running": "running",
    UNLOCKED: "running",
    "runnable": "runnable",
    "waiting for the GIL": "gil",
    "waiting for a lock": "lock",
    "polling": "poll",
    "reading or writing": "io",
    "sleeping": "sleep",
    "waiting for a child": "other",
    "in a system call": "other",
    "not told": "other",
}


@dataclass(slots=True)
class Loop:
    """An event loop; `running` is the time in steps and callbacks, `open` the time between its begins and ends."""

    process: int
    thread: int
    name: str
    running: int = 0
    open: int = 0


@dataclass(slots=True)
class Task:
    """An asyncio task: its life, and how its time divides into running, ready and awaiting (ns)."""

    process: int
    loop: int | None
    name: str
    coroutine: str = ""  # qualified name of the coroutine function
    file: str = ""
    line: int = 0  # where that function is defined
    created: int = 0
    ended: int | None = None  # None: pending when the trace ended
    outcome: str = "pending"  # done, failed, cancelled, pending
    error: str = ""  # the name of the exception's class
    creator: str = ""  # what created it: a task's or thread's name; "" where that was not seen
    begun_before: bool = False
    steps: int = 0
    running: int = 0
    ready: int = 0
    awaiting: int = 0
    created_at: str = ""  # the user's line that created it, as "function (file:line)"
    cancelled_by: str = ""  # who cancelled it: "task X", "callback Y" or "thread Z"; "" where that was not seen
    awaits: str = ""  # what it awaited when the trace ended, where it was pending then


@dataclass(slots=True)
class Track:
    """A line of the picture that slices and instants lie on."""

    kind: TrackKind
    owner: int
    process: int
    name: str


@dataclass(slots=True)
class Slices:
    """Columns of slices, sorted by track, then start, then longest first, so that parents come before children.

    Slices of one track nest properly. `args` is an index into `Trace.args`, or -1. `task` is the task that a STEP, PART, SPAN,
    or phase belongs to, or -1.
    """

    track: Int32
    start: Int64
    end: Int64
    name: Int32
    category: Int8
    flags: Int8
    task: Int32
    args: Int32

    def __len__(self) -> int:
        return len(self.track)


LOG_LEVEL = "log level"  # the argument that all have which the program logged, and nothing else


@dataclass(slots=True)
class Instants:
    """Columns of points in time, sorted by track, then time. `args` as in Slices."""

    track: Int32
    time: Int64
    name: Int32
    args: Int32

    def __len__(self) -> int:
        return len(self.track)


@dataclass(slots=True)
class Counters:
    """Columns of counter values: one row a value; `name` and `series` are strings. Sorted by time."""

    process: Int32
    time: Int64
    name: Int32
    series: Int32
    value: Float64

    def __len__(self) -> int:
        return len(self.process)


@dataclass(slots=True)
class Flows:
    """Columns of arrows: from a point in time on a track to the start of a slice (an index into Slices).

    The point lies within a slice of its track, or the arrow is not there at all; it is never later than the slice's start.
    """

    kind: Int8
    track: Int32
    time: Int64
    target: Int32

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(slots=True)
class Frames:
    """Columns of the frames that samples were taken in, a tree: a row is a frame below all of those that called it.

    `parent` is the row of the caller, which comes first, or -1; `function` and `file` are strings, `line` is 0 where it is not
    known.
    """

    parent: Int32
    function: Int32
    file: Int32
    line: Int32

    def __len__(self) -> int:
        return len(self.parent)


@dataclass(slots=True)
class Samples:
    """Columns of call stacks that were sampled, sorted by thread, then time. `frame` is the innermost one, or -1."""

    thread: Int32
    time: Int64
    frame: Int32
    state: Int8  # a SampleState
    source: Int8  # a SampleSource

    def __len__(self) -> int:
        return len(self.thread)


@dataclass(slots=True)
class Undrawn:
    """Columns of the times in which tasks were ready whose lives are not drawn, because there are too many tasks; sorted by task.

    Of such a task the slices are its steps, and its row has all of its times.
    """

    task: Int32
    start: Int64
    end: Int64

    def __len__(self) -> int:
        return len(self.task)


def nothing_undrawn() -> Undrawn:
    """No rows."""
    return Undrawn(np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64))


def no_frames() -> Frames:
    """No rows."""
    return Frames(*(np.zeros(0, np.int32) for _ in Frames.__slots__))


def no_samples() -> Samples:
    """No rows."""
    none, nothing = np.zeros(0, np.int32), np.zeros(0, np.uint8)
    return Samples(none, np.zeros(0, np.int64), none, nothing, nothing)


@dataclass(slots=True)
class Trace:
    """A whole recording.

    Attributes:
        program: what was run, as the user would say it.
        wall_start: Unix time of the trace's start, in ns.
        duration: of the whole trace, in ns.
        notes: what the user must know before believing the trace: what is missing, mended, dropped; a sentence each.
    """

    program: str
    wall_start: int
    duration: int
    processes: list[Process]
    threads: list[Thread]
    loops: list[Loop]
    tasks: list[Task]
    tracks: list[Track]
    strings: list[str]
    args: list[Args]
    slices: Slices
    instants: Instants
    counters: Counters
    flows: Flows
    notes: list[str] = field(default_factory=list)
    states: list[States] = field(default_factory=list)
    pools: list[Pool] = field(default_factory=list)
    cores: int = 0  # that the program might use; 0: not known
    undrawn: Undrawn = field(default_factory=nothing_undrawn)
    exit_status: int | None = None  # of the program, as a shell would say it (128 + signal); None: not known
    frames: Frames = field(default_factory=no_frames)
    samples: Samples = field(default_factory=no_samples)
