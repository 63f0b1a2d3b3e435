"""The invariants of a Trace, in words: `check` judges the traces of tests and users. Knows no file format.

It shares no code with the builder, which it is there to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracekit.model.trace import (
    STATE_FIELDS,
    UNLOCKED,
    Category,
    Flag,
    FlowKind,
    SampleSource,
    SampleState,
    Trace,
    TrackKind,
)

_SHOWN = 3  # of each kind of fault; the rest is counted

_ON_THREADS = (
    Category.LOOP,
    Category.STEP,
    Category.CALLBACK,
    Category.PART,
    Category.JOB,
    Category.GC,
    Category.SELECT,
    Category.WAIT,
    Category.ACQUIRED,
    Category.PICKLE,
    Category.RESULT,
)
_PHASES = (Category.READY, Category.RUNNING, Category.AWAITING)
# On which kinds of track a category may lie; what is not here may lie anywhere.
_PLACES: dict[Category, tuple[TrackKind, ...]] = {
    Category.THREAD: (TrackKind.THREAD,),
    Category.TASK: (TrackKind.TASK, TrackKind.TASKS),
    Category.SPAN: (TrackKind.THREAD, TrackKind.TASK, TrackKind.TASKS, TrackKind.LANE),
    **dict.fromkeys(_ON_THREADS, (TrackKind.THREAD,)),
    **dict.fromkeys(_PHASES, (TrackKind.TASK, TrackKind.TASKS)),
    Category.STATE: (TrackKind.STATES,),
    Category.CALL: (TrackKind.THREAD, TrackKind.TASK, TrackKind.TASKS, TrackKind.NAMED, TrackKind.LANE),
}


def check(trace: Trace) -> list[str]:
    """The faults of a trace, a sentence each; [] if it is sound."""
    faults = [fault for question in (_columns, _rows) for fault in question(trace)]
    if faults:  # what follows relies on every index
        return faults
    questions: tuple[Callable[[Trace], Iterator[str]], ...] = (
        _times,
        _order,
        _nesting,
        _places,
        _lives,
        _lanes,
        _flows,
        _releases,
        _tasks,
        _states,
    )
    return [fault for question in questions for fault in question(trace)]


def _few(faults: list[str]) -> Iterator[str]:
    """The first few of many faults of one kind."""
    yield from faults[:_SHOWN]
    if len(faults) > _SHOWN:
        yield f"… and {len(faults) - _SHOWN} more like this"


def _columns(trace: Trace) -> Iterator[str]:
    """All columns of a table are equally long, and every index in them leads somewhere."""
    rows = {
        "track": len(trace.tracks),
        "name": len(trace.strings),
        "series": len(trace.strings),
        "args": len(trace.args),
        "task": len(trace.tasks),
        "process": len(trace.processes),
        "target": len(trace.slices),
        "thread": len(trace.threads),
        "frame": len(trace.frames),
        "parent": len(trace.frames),
        "function": len(trace.strings),
        "file": len(trace.strings),
    }
    optional = ("args", "task", "frame", "parent")
    for table in (trace.slices, trace.instants, trace.counters, trace.flows, trace.frames, trace.samples):
        title = type(table).__name__
        columns = {name: np.asarray(getattr(table, name)) for name in table.__slots__}
        if len({len(column) for column in columns.values()}) != 1:
            yield f"{title}: the columns differ in length"
            continue
        for name, column in columns.items():
            if name in rows and len(column):
                lowest = -1 if name in optional else 0
                if int(column.min()) < lowest or int(column.max()) >= rows[name]:
                    yield f"{title}.{name}: an index is out of its range"
    for title, column, kinds in (
        ("Slices.category", trace.slices.category, Category),
        ("Flows.kind", trace.flows.kind, FlowKind),
        ("Samples.state", trace.samples.state, SampleState),
        ("Samples.source", trace.samples.source, SampleSource),
    ):
        unknown = set(np.unique(column).tolist()) - {int(kind) for kind in kinds}
        if unknown:
            yield f"{title}: unknown values {sorted(unknown)}"
    if (trace.frames.parent >= np.arange(len(trace.frames))).any():
        yield "Frames.parent: a caller does not come before what it calls"
    if (trace.frames.line < 0).any():
        yield "Frames.line: a line before the first"


def _rows(trace: Trace) -> Iterator[str]:
    """Rows refer to rows that are there."""

    def inside(index: int | None, rows: list[Any], optional: bool = False) -> bool:
        return optional if index is None else 0 <= index < len(rows)

    owners: dict[TrackKind, list[Any]] = {
        TrackKind.TASK: trace.tasks,
        TrackKind.PROCESS: trace.processes,
        TrackKind.TASKS: trace.processes,
        TrackKind.NAMED: trace.processes,
    }
    sound = {
        "process": [inside(row.parent, trace.processes, optional=True) for row in trace.processes],
        "thread": [
            inside(row.process, trace.processes) and inside(row.starter, trace.threads, optional=True)
            for row in trace.threads
        ],
        "loop": [inside(row.process, trace.processes) and inside(row.thread, trace.threads) for row in trace.loops],
        "task": [
            inside(row.process, trace.processes) and inside(row.loop, trace.loops, optional=True) for row in trace.tasks
        ],
        "row of pools": [inside(row.process, trace.processes) for row in trace.pools],
        "row of states": [inside(row.thread, trace.threads) for row in trace.states],
        "track": [
            inside(row.process, trace.processes) and inside(row.owner, owners.get(row.kind, trace.threads))
            for row in trace.tracks
        ],
    }
    for what, verdicts in sound.items():
        yield from _few([f"{what} {at} refers to a row that is not there" for at, ok in enumerate(verdicts) if not ok])
    if all(sound["process"]):
        yield from _few(
            [f"process {at} is its own ancestor" for at in range(len(trace.processes)) if _circular(trace, at)]
        )


def _circular(trace: Trace, process: int) -> bool:
    """Whether the parents of a process never end."""
    seen: set[int] = set()
    parent = trace.processes[process].parent
    while parent is not None and parent not in seen:
        seen.add(parent)
        parent = trace.processes[parent].parent
    return parent is not None


def _times(trace: Trace) -> Iterator[str]:
    """Every time lies between 0 and the trace's duration, and nothing ends before it starts.

    Only rows that had begun before may have a beginning before 0.
    """
    for title, column in (
        ("slice", trace.slices.start),
        ("slice", trace.slices.end),
        ("instant", trace.instants.time),
        ("counter", trace.counters.time),
        ("flow", trace.flows.time),
        ("sample", trace.samples.time),
    ):
        if len(column) and (int(column.min()) < 0 or int(column.max()) > trace.duration):
            yield f"a {title} lies outside of the trace's duration"
    backwards = np.flatnonzero(trace.slices.end < trace.slices.start)
    yield from _few([f"{_slice(trace, at)} ends before it starts" for at in backwards.tolist()])
    lives: dict[str, list[tuple[int, int | None, bool]]] = {
        # Of a process that ended before the trace begins, children may be in it.
        "process": [(row.started, row.ended, True) for row in trace.processes],
        "thread": [(row.started, row.ended, row.begun_before) for row in trace.threads],
        "task": [(row.created, row.ended, row.begun_before) for row in trace.tasks],
    }
    for what, rows in lives.items():
        yield from _few([f"{what} {at} has no possible life" for at, life in enumerate(rows) if _wrong(trace, *life)])


def _wrong(trace: Trace, start: int, end: int | None, before: bool) -> bool:
    return not (start <= (trace.duration if end is None else end) <= trace.duration and (before or start >= 0))


def _order(trace: Trace) -> Iterator[str]:
    """Each table is sorted as its docstring says."""
    slices, instants, samples = trace.slices, trace.instants, trace.samples
    for title, keys in (
        ("Slices", (slices.track, slices.start, -slices.end)),
        ("Instants", (instants.track, instants.time)),
        ("Counters", (trace.counters.time,)),
        ("Samples", (samples.thread, samples.time)),
    ):
        if not _sorted(keys):
            yield f"{title} are not sorted"


def _sorted(keys: tuple[NDArray[Any], ...]) -> bool:
    ahead = np.zeros(max(len(keys[0]) - 1, 0), np.bool_)
    alike = ~ahead
    for key in keys:
        ahead |= alike & (key[1:] > key[:-1])
        alike &= key[1:] == key[:-1]
    return bool((ahead | alike).all())


def _nesting(trace: Trace) -> Iterator[str]:
    """Slices of one track lie within each other or apart."""
    faults = []
    slices = trace.slices
    track = -1
    ends: list[int] = []
    for at, (where, start, end) in enumerate(zip(slices.track.tolist(), slices.start.tolist(), slices.end.tolist())):
        if where != track:
            track, ends = where, []
        while ends and ends[-1] <= start:
            ends.pop()
        if ends and end > ends[-1]:
            faults.append(f"{_slice(trace, at)} sticks out of the slice that it begins in")
        else:
            ends.append(end)
    yield from _few(faults)


def _places(trace: Trace) -> Iterator[str]:
    """Each category lies on its kind of track, and belongs to the task whose track that is."""
    kinds = np.array([track.kind for track in trace.tracks], np.int64)
    owners = np.array([track.owner for track in trace.tracks], np.int64)
    slices = trace.slices
    kind = kinds[slices.track] if len(kinds) else kinds
    for category, places in _PLACES.items():
        wrong = np.flatnonzero((slices.category == category) & ~np.isin(kind, places))
        yield from _few([f"{_slice(trace, at)} lies on a track of the wrong kind" for at in wrong.tolist()])
    on_task = (kind == TrackKind.TASK) & np.isin(slices.category, (Category.TASK, Category.SPAN, *_PHASES))
    strange = np.flatnonzero(on_task & (owners[slices.track] != slices.task)) if len(kinds) else kind
    yield from _few([f"{_slice(trace, at)} lies on another task's track" for at in strange.tolist()])
    homeless = np.flatnonzero((slices.category == Category.STEP) & (slices.task < 0))
    yield from _few([f"{_slice(trace, at)} belongs to no task" for at in homeless.tolist()])


def _lives(trace: Trace) -> Iterator[str]:
    """A thread's track has one THREAD slice, a task's one TASK slice, and everything else on the track lies on it."""
    slices = trace.slices
    for kind, category in ((TrackKind.THREAD, Category.THREAD), (TrackKind.TASK, Category.TASK)):
        tracks = [at for at, track in enumerate(trace.tracks) if track.kind == kind]
        lives = np.flatnonzero(slices.category == category)
        count = np.bincount(slices.track[lives], minlength=len(trace.tracks))
        used = np.bincount(slices.track, minlength=len(trace.tracks))
        what = category.name
        yield from _few(
            [
                f"track {at} ({trace.tracks[at].name}) has {count[at]} {what} slices"
                for at in tracks
                if count[at] != 1 and used[at]
            ]
        )
        start = np.full(len(trace.tracks), 0, np.int64)
        end = np.full(len(trace.tracks), trace.duration, np.int64)
        start[slices.track[lives]], end[slices.track[lives]] = slices.start[lives], slices.end[lives]
        of_kind = np.isin(slices.track, tracks)
        outside = of_kind & ((slices.start < start[slices.track]) | (slices.end > end[slices.track]))
        yield from _few([f"{_slice(trace, at)} lies outside of its {what}" for at in np.flatnonzero(outside).tolist()])


def _lanes(trace: Trace) -> Iterator[str]:
    """On a lane of tasks everything lies on the TASK slice of its own task, and those follow each other."""
    slices = trace.slices
    lanes = [at for at, track in enumerate(trace.tracks) if track.kind == TrackKind.TASKS]
    which = np.flatnonzero(np.isin(slices.track, lanes))
    is_life = slices.category[which] == Category.TASK
    faults = []
    lane, task, end = -1, -1, -1
    columns = (which, slices.track[which], slices.start[which], slices.end[which], slices.task[which], is_life)
    for at, on, start, stop, own, life in zip(*(column.tolist() for column in columns)):
        if on != lane:
            lane, task, end = on, -1, -1
        if life and start < end:
            faults.append(f"{_slice(trace, at)} lies on another task")
        elif life:
            task, end = own, stop
        elif own != task or stop > end:
            faults.append(f"{_slice(trace, at)} lies outside of its TASK")
    yield from _few(faults)


def _flows(trace: Trace) -> Iterator[str]:
    """Arrows run forwards, from a slice of their track."""
    flows, slices = trace.flows, trace.slices
    backwards = np.flatnonzero(flows.time > slices.start[flows.target]) if len(flows) else flows.time
    yield from _few([f"flow {at} runs backwards" for at in backwards.tolist()])
    faults = []
    first = np.searchsorted(slices.track, np.arange(len(trace.tracks) + 1))
    reach: dict[int, NDArray[np.int64]] = {}
    for at, (track, time) in enumerate(zip(flows.track.tolist(), flows.time.tolist())):
        own = slice(first[track], first[track + 1])
        if track not in reach:
            reach[track] = np.maximum.accumulate(slices.end[own])
        last = int(np.searchsorted(slices.start[own], time, side="right")) - 1
        if last < 0 or reach[track][last] < time:
            faults.append(f"flow {at} starts where its track has no slice")
    yield from _few(faults)


def _releases(trace: Trace) -> Iterator[str]:
    """Arrows from who released a lock lead to points where a thread acquired it, one each: there its wait for it ends."""
    flows, slices = trace.flows, trace.slices
    goals = flows.target[flows.kind == FlowKind.RELEASE]
    strange = goals[slices.category[goals] != Category.ACQUIRED]
    yield from _few([f"{_slice(trace, at)} is released, but acquires nothing" for at in strange.tolist()])
    points = np.flatnonzero(slices.category == Category.ACQUIRED)
    long = points[slices.end[points] > slices.start[points]]
    yield from _few([f"{_slice(trace, at)} is no point in time" for at in long.tolist()])
    reached = np.bincount(goals, minlength=len(slices))[points] if len(points) else points
    yield from _few([f"{_slice(trace, at)} has more than one release" for at in points[reached > 1].tolist()])
    waits = np.flatnonzero(slices.category == Category.WAIT)
    ends = set(zip(slices.track[waits].tolist(), slices.end[waits].tolist()))
    early = [at for at in points.tolist() if (int(slices.track[at]), int(slices.start[at])) not in ends]
    yield from _few([f"{_slice(trace, at)} is not the end of a wait" for at in early])


def _tasks(trace: Trace) -> Iterator[str]:
    """The phases of a task fill its life without a gap, and its times are their sums."""
    slices = trace.slices
    length = slices.end - slices.start
    sums = {}
    for category in (Category.TASK, *_PHASES):
        of_kind = slices.category == category
        sums[category] = np.zeros(len(trace.tasks), np.int64)
        np.add.at(sums[category], slices.task[of_kind], length[of_kind])
    drawn = set(slices.task[slices.category == Category.TASK].tolist())
    faults = []
    for at, task in enumerate(trace.tasks):
        if at not in drawn:
            continue
        if task.running + task.ready + task.awaiting != sums[Category.TASK][at]:
            faults.append(f"task {at} ({task.name}): running, ready and awaiting do not add up to its life")
        parts = (task.running, task.ready, task.awaiting)
        phases = tuple(int(sums[category][at]) for category in (Category.RUNNING, Category.READY, Category.AWAITING))
        if parts != phases:
            faults.append(f"task {at} ({task.name}): its times {parts} are not those of its phases {phases}")
    yield from _few(faults)
    unfinished = np.flatnonzero((slices.category == Category.TASK) & (slices.flags & Flag.UNFINISHED > 0))
    done = [at for at in unfinished.tolist() if trace.tasks[slices.task[at]].ended is not None]
    yield from _few([f"{_slice(trace, at)} is marked unfinished, but its task has ended" for at in done])


def _states(trace: Trace) -> Iterator[str]:
    """On a track of states known states follow one another, and the row of the thread has their sums."""
    slices, faults = trace.slices, []
    lanes = {at: track.owner for at, track in enumerate(trace.tracks) if track.kind == TrackKind.STATES}
    sums: dict[int, dict[str, int]] = {thread: dict.fromkeys(STATE_FIELDS.values(), 0) for thread in lanes.values()}
    unlocked = dict.fromkeys(lanes.values(), 0)
    on, reached = -1, 0
    for at in np.flatnonzero(np.isin(slices.track, list(lanes))).tolist():
        track, start, end = int(slices.track[at]), int(slices.start[at]), int(slices.end[at])
        name = trace.strings[slices.name[at]]
        if slices.category[at] != Category.STATE or name not in STATE_FIELDS:
            faults.append(f"{_slice(trace, at)} is no state")
            continue
        if track == on and start < reached:
            faults.append(f"{_slice(trace, at)} lies on another state")
        on, reached = track, end
        sums[lanes[track]][STATE_FIELDS[name]] += end - start
        unlocked[lanes[track]] += (end - start) * (name == UNLOCKED)
    rows = {row.thread: row for row in trace.states}
    if len(rows) != len(trace.states):
        faults.append("a thread has several rows of states")
    for thread in sums.keys() | rows.keys():
        told = {field: getattr(rows[thread], field) for field in STATE_FIELDS.values()} if thread in rows else {}
        drawn = sums.get(thread, dict.fromkeys(STATE_FIELDS.values(), 0))
        free = rows[thread].unlocked if thread in rows else -1
        if (told != drawn and (told or any(drawn.values()))) or free not in (-1, unlocked.get(thread, 0)):
            faults.append(f"the states of thread {thread} ({trace.threads[thread].name}) are not the sums of its track")
    yield from _few(faults)


def _slice(trace: Trace, at: int) -> str:
    slices = trace.slices
    category = Category(slices.category[at]).name
    name, track = trace.strings[slices.name[at]], trace.tracks[slices.track[at]].name
    return f"slice {at} ({category} {name!r} on {track!r}, {slices.start[at]} to {slices.end[at]} ns)"
