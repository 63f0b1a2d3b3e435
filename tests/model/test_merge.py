"""Several traces on one clock: sound whatever they hold, and nothing of them lost. Knows no file."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hand_made_states import lay_states
from hypothesis import given, settings
from hypothesis import strategies as st
from tests_support import rows_of

from tests.export.traces import traces
from tracekit.model.builder import Builder
from tracekit.model.check import check
from tracekit.model.lay import SLACK
from tracekit.model.merge import merge
from tracekit.model.same import same_threads
from tracekit.model.together import APART
from tracekit.model.trace import UNLOCKED, Category, FlowKind, Pool, SampleSource, SampleState, Trace, TrackKind

MS = 1_000_000


def own(*spans: tuple[int, int], pid: int = 7, start: int = 0, end: int = 100 * MS, **about: Any) -> Trace:
    """What tracekit itself recorded of a process: spans, an arrow to the last of them, and one of everything else."""
    builder = Builder("app.py", wall_start=1)
    process = builder.process(pid, "app.py", python="3.11.7", **{"command": "python app.py", **about})
    thread = builder.thread(process, pid, "MainThread", main=True)
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, start, end, "MainThread", Category.THREAD)
    handles = [builder.slice(track, begin, stop, f"span {begin}", Category.SPAN) for begin, stop in spans]
    if handles:
        builder.flow(FlowKind.OTHER, track, start, handles[-1])
    builder.instant(track, start + 1, "tick", {"n": 1})
    builder.counter(process, start + 1, "depth", "queue", 2.0)
    builder.sample(thread, start + 1, builder.frame(-1, "main", "app.py", 3), SampleState.ACTIVE, SampleSource.SAMPLER)
    return builder.build()


def calls(*intervals: tuple[int, int], pid: int = 7, name: str = "MainProcess") -> Trace:
    """What somebody else saw of a process: its calls."""
    builder = Builder("calls", wall_start=1)
    process = builder.process(pid, name)
    track = builder.track(TrackKind.THREAD, builder.thread(process, pid, "Thread"))
    builder.slice(track, 0, 100 * MS, "Thread", Category.THREAD)
    for start, end in intervals:
        builder.slice(track, start, end, f"call {start}", Category.CALL)
    return builder.build()


@settings(deadline=None, max_examples=40)
@given(traces())
def test_one_trace_stays_itself(trace: Trace) -> None:
    """Merged with nothing, a trace is what it was, to the type of every column."""
    merged = merge([trace], [12345])
    for field in fields(trace):
        before, after = getattr(trace, field.name), getattr(merged, field.name)
        if not hasattr(before, "__slots__") or isinstance(before, list):
            assert repr(after) == repr(before)
            continue
        for name in before.__slots__:
            np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
            assert getattr(after, name).dtype == getattr(before, name).dtype


@settings(deadline=None, max_examples=40)
@given(traces(), traces(), st.integers(-15, 15))
def test_nothing_of_two_is_lost(first: Trace, second: Trace, offset: int) -> None:
    """Of any two traces that are kept apart, each slice, point, value and row is there, at its time."""
    merged = merge([first, second], [0, offset], apart=True)
    base = min(0, offset)
    for table in ("slices", "instants", "counters", "undrawn"):
        times = [
            sorted(
                zip(
                    *(
                        getattr(getattr(one, table), name).tolist()
                        for name in ("start", "end", "time")
                        if _has(one, table, name)
                    )
                )
            )
            for one in (first, second, merged)
        ]
        moved = [tuple(time + by for time in row) for rows, by in zip(times, (-base, offset - base)) for row in rows]
        assert sorted(moved) == times[2]
    for rows in ("processes", "threads", "loops", "tasks", "tracks", "states", "pools"):
        assert len(getattr(merged, rows)) == len(getattr(first, rows)) + len(getattr(second, rows))
    assert len(merged.flows) == len(first.flows) + len(second.flows)


def _has(trace: Trace, table: str, column: str) -> bool:
    return hasattr(getattr(trace, table), column)


_INTERVALS = st.lists(st.tuples(st.integers(0, 99), st.integers(1, 60)), max_size=8)


@settings(deadline=None, max_examples=100)
@given(_INTERVALS, _INTERVALS, st.integers(-120, 120), st.sampled_from([1, MS]), st.booleans())
def test_two_traces_stay_sound(
    first: list[tuple[int, int]], second: list[tuple[int, int]], offset: int, unit: int, apart: bool
) -> None:
    """However the slices of one thread lie in two traces, all of them are there, sound, and the arrows too."""
    one = own(*((start * unit, min(start + length, 100) * unit) for start, length in first))
    other = calls(*((start * unit, min(start + length, 100) * unit) for start, length in second))
    assert check(one) + check(other) == []
    merged = merge([other, one], [0, offset * unit], apart=apart)
    assert check(merged) == []
    assert len(merged.slices) == len(one.slices) + len(other.slices) - (not apart)
    assert len(merged.processes) == len(merged.threads) == 1 + apart
    assert len(merged.flows) == len(one.flows)
    names = sorted(merged.strings[name] for name in merged.slices.name)
    assert len([name for name in names if name.startswith("call")]) == len(second)
    lengths = [row.end - row.start for row in rows_of(merged, "SPAN")]
    assert sorted(lengths) == sorted(row.end - row.start for row in rows_of(one, "SPAN"))


def test_calls_lie_in_the_span_that_they_ran_in() -> None:
    """One pid and one tid are one process and one thread: the slices of both nest on its track, by time."""
    merged = merge([calls((20 * MS, 30 * MS), (40 * MS, 60 * MS)), own((10 * MS, 50 * MS))], [0, 10 * MS])
    (process,), (thread,) = merged.processes, merged.threads
    assert (process.pid, process.python, thread.name, thread.main) == (7, "3.11.7", "MainThread", True)
    rows = rows_of(merged, "THREAD", "SPAN", "CALL")
    assert [(row.name, row.start // MS, row.end // MS, row.depth, row.track) for row in rows] == [
        ("MainThread", 0, 110, 0, rows[0].track),
        ("span 10000000", 20, 60, 1, rows[0].track),
        ("call 20000000", 20, 30, 2, rows[0].track),
        ("call 40000000", 40, 60, 2, rows[0].track),
    ]
    assert any("process 7 is taken for that of app.py" in note for note in merged.notes)


def test_what_crosses_by_little_is_cut_and_counted() -> None:
    """Clocks that differ by some microseconds leave a call where it belongs; the note says how far it was moved."""
    little = SLACK // 2
    merged = merge([own((10 * MS, 50 * MS)), calls((20 * MS, 50 * MS + little))], [0, 0])
    (call,) = rows_of(merged, "CALL")
    assert (call.kind, call.start, call.end) == ("THREAD", 20 * MS, 50 * MS)
    assert [note for note in merged.notes if note.endswith("were cut there: 1")]


def test_what_crosses_by_much_lies_on_a_lane_as_it_was() -> None:
    """A call that does not fit is neither cut nor lost: it lies beside its thread, and a note counts it."""
    merged = merge([own((10 * MS, 50 * MS)), calls((20 * MS, 70 * MS), (30 * MS, 40 * MS))], [0, 0])
    crossing, inside = rows_of(merged, "CALL")
    assert (crossing.kind, crossing.start, crossing.end) == ("LANE", 20 * MS, 70 * MS)
    assert (inside.kind, inside.start, inside.end) == ("THREAD", 30 * MS, 40 * MS)
    assert [note for note in merged.notes if note.endswith("lie on lanes beside it: 1")]


@pytest.mark.parametrize(
    ("second", "count"),
    [
        (own(start=0, end=50 * MS), 2),  # both recorded at one time: two machines, each with its process 7
        (own(start=200 * MS, end=300 * MS, command="python other.py"), 2),
        (own(start=200 * MS, end=300 * MS), 1),  # recorded twice, one after the other
    ],
)
def test_what_speaks_against_one_process(second: Trace, count: int) -> None:
    """Recordings of tracekit are of one process where command and Python are the same and they follow each other."""
    merged = merge([own(), second], [0, 0 if second.duration < 60 * MS else 200 * MS], ["a", "b"])
    assert check(merged) == []
    assert [row.pid for row in merged.processes] == [7, 7 + APART][:count]
    assert [row.name for row in merged.processes] == ["app.py", "app.py (b)"][:count]
    said = [note for note in merged.notes if "process 7" in note]
    assert said == (
        ["b: process 7 is taken for that of a"]
        if count == 1
        else [f"b: process 7 is called {7 + APART} here, because another one has its number"]
    )


def test_no_main_thread_no_proof() -> None:
    """Numbers that somebody made up, as of a device, make no two processes one."""
    device = Builder("device", wall_start=1)
    device.slice(
        device.track(TrackKind.THREAD, device.thread(device.process(7, "GPU 7"), 3, "stream")),
        0,
        5,
        "s",
        Category.THREAD,
    )
    merged = merge([own(), device.build()], [0, 0])
    assert len(merged.processes) == 2


def test_numbers_refer_to_what_they_did() -> None:
    """Points, counters, samples and arguments of the second trace lie at their time, on its own rows."""
    merged = merge([own(), own((5, 9), pid=8)], [0, 10 * MS])
    assert [row.pid for row in merged.processes] == [7, 8]
    assert merged.instants.time.tolist() == [1, 10 * MS + 1]
    assert [merged.tracks[track].process for track in merged.instants.track] == [0, 1]
    assert [merged.args[number] for number in merged.instants.args] == [{"n": 1}, {"n": 1}]
    assert merged.counters.process.tolist() == [0, 1]
    assert (merged.samples.thread.tolist(), merged.samples.frame.tolist()) == ([0, 1], [0, 1])
    assert merged.samples.time.tolist() == [1, 10 * MS + 1]
    assert [merged.strings[name] for name in merged.frames.function] == ["main", "main"]
    assert merged.strings[merged.slices.name[merged.flows.target[0]]] == "span 5"
    assert merged.duration == 110 * MS
    assert merged.wall_start == 1


def test_the_earliest_is_the_beginning() -> None:
    """A trace that begins before the first one is where the merged one begins, also on the clock on the wall."""
    first, second = own(), own(pid=8)
    first.wall_start = 1_000 * MS
    merged = merge([first, second], [0, -30 * MS])
    assert (merged.wall_start, merged.duration) == (970 * MS, 130 * MS)
    assert [row.started for row in merged.processes] == [30 * MS, 0]


def test_states_of_one_thread_add_up() -> None:
    """A thread that was sampled in two recordings has one row of states, the sum of both; what one does not tell is not told."""
    made = []
    for free in (((5e-6, UNLOCKED),), ((7e-6, UNLOCKED),), ()):
        builder = Builder("app.py", wall_start=1)
        thread = builder.thread(builder.process(7, "app.py", python="3", command="c"), 7, "MainThread", main=True)
        builder.slice(builder.track(TrackKind.THREAD, thread), 0, 100, "MainThread", Category.THREAD)
        lay_states(builder, thread, (10e-6, "running"), (20e-6, "sleeping"), *free, start=10e-6, switches=4)
        made.append(builder.build())
    merged = merge(made[:2], [0, 200])
    assert check(merged) == []
    (row,) = merged.states
    assert (row.running, row.unlocked, row.sleep, row.switches) == (32, 12, 40, 8)
    merged = merge(made[1:], [0, 200])
    assert check(merged) == []
    assert [(row.running, row.unlocked) for row in merged.states] == [(27, -1)]


def test_jobs_keep_their_pool() -> None:
    """The pool that a job's arguments name is its own, also behind the pools of another trace."""
    made = []
    for number in range(2):
        builder = Builder("app.py")
        process = builder.process(7 + number, "app.py")
        builder.pools.append(Pool(process, f"Pool {number}"))
        track = builder.track(TrackKind.THREAD, builder.thread(process, 7 + number, "main", main=True))
        builder.slice(track, 0, 10, "main", Category.THREAD)
        builder.slice(track, 1, 9, "job", Category.JOB, args={"pool": 0})
        made.append(builder.build())
    merged = merge(made, [0, 0])
    jobs = [merged.pools[row.args["pool"]] for row in rows_of(merged, "JOB")]
    assert [(pool.name, pool.process) for pool in jobs] == [("Pool 0", 0), ("Pool 1", 1)]


def test_a_tid_that_was_given_out_twice() -> None:
    """Of threads with one number, those that lived at one time are one."""
    one, other = (Builder("p", wall_start=1) for _ in range(2))
    for builder, lives in ((one, ((0, 40), (50, 90))), (other, ((55, 80),))):
        process = builder.process(7, "p")
        main = builder.thread(process, 7, "main", main=True)
        builder.slice(builder.track(TrackKind.THREAD, main), 0, 100, "main", Category.THREAD)
        for start, end in lives:
            thread = builder.thread(process, 9, "worker", started=start, ended=end)
            builder.slice(builder.track(TrackKind.THREAD, thread), start, end, "worker", Category.THREAD)
    made = [one.build(), other.build()]
    assert same_threads(made, [0, 0], {(1, 0): (0, 0)}) == {(1, 0): (0, 0), (1, 1): (0, 2)}
    merged = merge(made, [0, 0])
    assert check(merged) == []
    assert [row.started for row in merged.threads if row.tid == 9] == [0, 50]
