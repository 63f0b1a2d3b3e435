"""States: an observer's samples become tracks beside their threads, sums, and words on slices. Spools are made by hand."""

from __future__ import annotations

from collections import Counter

import pytest
from observer_writer import MS, PID, ObserverWriter
from spool_writer import SpoolWriter
from tests_support import rows_of

from tests.load.conftest import Loaded
from tracekit import events
from tracekit.load import states
from tracekit.model.trace import STATE_FIELDS, UNLOCKED, Trace, TrackKind

RUN, GIL, LOCK, SLEEP = events.STATE_RUNNING, events.STATE_GIL, events.STATE_LOCK, events.STATE_SLEEP
WORKER = PID + 1  # its tid


@pytest.fixture
def program() -> SpoolWriter:
    """A program whose second thread, the worker, is there from 10 to 500 ms and runs a span and a job."""
    writer = SpoolWriter(pid=PID)
    writer.record(1 * MS, events.PROCESS_BEGIN, "program")
    writer.record(1 * MS, events.THREAD_BEGIN, "MainThread", 1)
    writer.record(10 * MS, events.THREAD_BEGIN, "worker", 2, thread=2)
    begin = writer.record(100 * MS, events.SPAN_BEGIN, "load", thread=2)
    writer.record(160 * MS, events.SPAN_END, 0, begin, thread=2)
    writer.record(200 * MS, events.JOB_BEGIN, "job", 1, thread=2)
    writer.record(300 * MS, events.JOB_END, events.OUTCOME_DONE, 1, thread=2)
    writer.record(500 * MS, events.THREAD_END, 0, 2, thread=2)
    writer.record(600 * MS, events.PROCESS_END)
    return writer


@pytest.fixture
def observer() -> ObserverWriter:
    """An observer's spool."""
    return ObserverWriter()


def drawn(trace: Trace, thread: str = "worker") -> list[tuple[float, float, str]]:
    """Start and end (ms, on the clock of the records) and name of a thread's states."""
    rows = [row for row in rows_of(trace, "STATE") if trace.tracks[row.track].name == f"{thread} states"]
    return [((row.start + 1) / MS, (row.end + 1) / MS, row.name) for row in rows]


def test_a_track_beside_the_threads_own(loaded: Loaded, program: SpoolWriter, observer: ObserverWriter) -> None:
    """A thread that was sampled has a track of its states, from its first sample to its last, and the row that sums it up."""
    observer.sample(100, GIL, 5, 2, switches=1, tid=WORKER)
    observer.sample(110, SLEEP, 8, 3, switches=4, tid=WORKER)
    observer.sample(150, SLEEP, 8, 3, switches=4, tid=WORKER)
    trace = loaded(program, observer)

    assert drawn(trace) == [
        (100, 103, "waiting for the GIL"),
        (103, 104, "runnable"),
        (104, 107, "running"),
        (107, 150, "sleeping"),
    ]
    (row,) = trace.states
    assert trace.threads[row.thread].name == "worker"
    assert (row.running, row.runnable, row.gil, row.sleep) == (3 * MS, 1 * MS, 3 * MS, 43 * MS)
    assert (row.switches, row.longest_ready) == (3, 4 * MS)
    assert [track.kind for track in trace.tracks if track.name == "worker states"] == [TrackKind.STATES]


def test_every_state(loaded: Loaded, program: SpoolWriter, observer: ObserverWriter) -> None:
    """Each state that an observer tells apart has a name on the track, and what it did not tell has one too."""
    for number, state in enumerate((*events.STATES, 0, 77)):
        observer.sample(100 + 20 * number, state, tid=WORKER)
        observer.sample(110 + 20 * number, state, tid=WORKER)
    names = Counter(name for _, _, name in drawn(loaded(program, observer)))
    assert names.keys() == STATE_FIELDS.keys() - {"running", UNLOCKED, "runnable"}


def test_a_number_used_again(loaded: Loaded, program: SpoolWriter, observer: ObserverWriter) -> None:
    """A thread gets what was seen while it was there, and nothing of who has its number before or after."""
    for time, on_cpu in ((2, 5), (8, 9), (20, 0), (30, 5), (510, 0), (520, 9)):
        observer.sample(time, SLEEP, on_cpu, tid=WORKER)
    observer.sample(30, SLEEP, 3, tid=WORKER, pid=PID + 50)
    assert drawn(loaded(program, observer)) == [(20, 22.5, "sleeping"), (22.5, 27.5, "running"), (27.5, 30, "sleeping")]


def test_what_ran_on_the_thread(loaded: Loaded, program: SpoolWriter, observer: ObserverWriter) -> None:
    """A span and a job say where their time went, as far as samples lie in them, and how often the thread was switched to."""
    for number in range(30):
        preempted = number // 2 if number % 4 == 0 else None
        observer.sample(100 + 10 * number, LOCK, 2 * number, number, number, preempted, tid=WORKER)
    trace = loaded(program, observer)

    (span,), (job,) = rows_of(trace, "SPAN"), rows_of(trace, "JOB")
    told = {"cpu_ns": 12 * MS, "run_queue_ns": 6 * MS, "lock_ns": 42 * MS, "gil_ns": 0, "syscall_ns": 0}
    assert span.args == {**told, "sampled_ns": 60 * MS, "core_switches": 6, "core_preemptions": 2}
    assert (job.args["cpu_ns"], job.args["lock_ns"], job.args["core_switches"]) == (20 * MS, 70 * MS, 10)
    assert trace.states[0].preempted == 14


def test_with_and_without_the_gil(loaded: Loaded, program: SpoolWriter, observer: ObserverWriter) -> None:
    """Where looks tell who has the GIL, a thread that runs without it is drawn as that, summed up, and told of what ran."""
    for number in range(30):
        looks, preempted = ((0, 1) if number >= 15 else (1, 0)), number if number % 3 else None
        observer.sample(100 + 10 * number, RUN, 10 * number, 0, 1, preempted, looks, tid=WORKER)
    trace = loaded(program, observer)

    assert drawn(trace) == [(100, 245, "running"), (245, 390, UNLOCKED)]
    (row,) = trace.states
    assert (row.running, row.unlocked) == (290 * MS, 145 * MS)
    (span,), (job,) = rows_of(trace, "SPAN"), rows_of(trace, "JOB")
    assert (span.args["cpu_ns"], span.args["cpu_free_ns"]) == (60 * MS, 0)
    assert (job.args["cpu_ns"], job.args["cpu_free_ns"]) == (100 * MS, 55 * MS)


def test_nobody_looked_at_the_gil(loaded: Loaded, program: SpoolWriter, observer: ObserverWriter) -> None:
    """Of recordings from before it was looked at, and of threads that were not seen to run, nothing is told of it."""
    for number in range(30):
        observer.sample(100 + 10 * number, RUN, 10 * number, tid=WORKER)
        observer.sample(100 + 10 * number, SLEEP, number)
    trace = loaded(program, observer)

    assert [row.unlocked for row in trace.states] == [-1, -1]
    assert all("cpu_free_ns" not in slice_.args for slice_ in (*rows_of(trace, "SPAN"), *rows_of(trace, "JOB")))
    assert drawn(trace) == [(100, 390, "running")]


def test_two_observers(loaded: Loaded, program: SpoolWriter, observer: ObserverWriter) -> None:
    """What two observers saw of one thread, one after the other or at once, is one track."""
    second = ObserverWriter(pid=8)
    for number in range(10):
        (observer, second)[number % 2].sample(100 + number, SLEEP, tid=WORKER)
    assert drawn(loaded(program, observer, second)) == [(100, 109, "sleeping")]


def test_many_samples(
    loaded: Loaded, program: SpoolWriter, observer: ObserverWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of more samples than can be looked at a coarser picture is drawn; what it adds up to stays exact."""
    monkeypatch.setattr(states, "_FEWEST", 10)
    monkeypatch.setattr(states, "MOST_INTERVALS", 10)
    for number in range(400):
        observer.sample(50 + number, (GIL, RUN)[number % 2], number / 4, number / 8, switches=number, tid=WORKER)
    trace = loaded(program, observer)
    assert len(drawn(trace)) < 60
    (row,) = trace.states
    assert (row.running, row.runnable, row.switches) == (round(99.75 * MS), round(49.875 * MS), 399)


def test_damage(loaded: Loaded, program: SpoolWriter, observer: ObserverWriter) -> None:
    """Figures that run backwards, or that no thread can have reached, make no unsound trace."""
    for time, on_cpu, run_queue in ((100, 1 << 42, 0), (110, 3, 1 << 42), (120, 5, 5), (130, 0, 0), (90, 7, 7)):
        observer.sample(time, RUN, on_cpu, run_queue, tid=WORKER)
    trace = loaded(program, observer)
    assert sum(end - start for start, end, _ in drawn(trace)) == 40


def test_the_last_look_came_after_the_end(loaded: Loaded, program: SpoolWriter, observer: ObserverWriter) -> None:
    """Where nothing had changed when a thread was looked at after its recorded end, it is known up to there; else it is not."""
    observer.sample(100, SLEEP, 5, tid=WORKER)
    observer.sample(501, SLEEP, 5, tid=WORKER)
    observer.sample(100, SLEEP, 5)
    observer.sample(601, SLEEP, 6)
    trace = loaded(program, observer)
    assert drawn(trace) == [(100, 500, "sleeping")]
    assert drawn(trace, "MainThread") == []
