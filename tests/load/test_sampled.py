"""Sampled: what py-spy left in a session becomes samples of the trace's threads. Sessions are made by hand, with no py-spy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from observer_writer import ObserverWriter
from py_spy_writer import BEACON, INNER, LEADER, MAIN, OTHER, PROCESS, PROGRAM, THREAD, Frame, PySpy
from spool_writer import SpoolWriter

from tracekit import events
from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.stacks import frames_of, rows_of
from tracekit.model.trace import SampleSource, SampleState, Trace
from tracekit.spool import beside

MS = 1_000_000
_FIRST = 1000 * MS  # the first beat
_ZERO = 900 * MS  # of py-spy's clock
_BEATS = [_FIRST + at * MS for at in range(1001)]


@pytest.fixture
def program() -> SpoolWriter:
    """A program of two threads, from 1 to 2 s; the second lives from 1.2 to 1.8 s."""
    writer = SpoolWriter(pid=PROGRAM)
    writer.record(_FIRST, events.PROCESS_BEGIN, "program")
    writer.record(_FIRST, events.THREAD_BEGIN, "MainThread", 1)
    writer.record(_FIRST + 200 * MS, events.THREAD_BEGIN, "worker", 2, thread=2)
    writer.record(_FIRST + 800 * MS, events.THREAD_END, "", 2, thread=2)
    writer.record(_FIRST + 1000 * MS, events.PROCESS_END)
    return writer


class Looks(PySpy):
    """py-spy's looks, at times in ms since the first beat; of each the beacon is seen, too."""

    def at(self, ms: float, *stack: Frame, late: float = 0, thread: Frame = THREAD, key: int = 1) -> None:
        stamp = (_FIRST - _ZERO) // 1000 + round((ms + late) * 1000)
        self.look_at_beacon(stamp, 3 + int(ms))
        self.look(stamp, PROCESS, thread, *stack, pid=PROGRAM, tid=key)


def put(directory: Path, text: bytes | None, beats: list[int] | None = None, said: str = "", rate: bytes = b"") -> None:
    """Puts into a session what a run with py-spy leaves there."""
    files = {beside.HELD: b"", beside.GO: rate, beside.SAMPLES: text, beside.SAID: said.encode() or None}
    files[beside.BEATS] = np.array([BEACON, *(_BEATS if beats is None else beats)], np.int64).tobytes()
    for what, content in files.items():
        if content is not None:
            Path(beside.path_of(str(directory), LEADER, what)).write_bytes(content)


def trace_of(directory: Path, *writers: SpoolWriter) -> Trace:
    for writer in writers:
        writer.write(directory)
    trace = load(directory)
    assert check(trace) == []
    return trace


def samples_of(trace: Trace, name: str) -> list[tuple[int, list[str]]]:
    """When (ms) a thread was where, innermost function first."""
    frames, samples = frames_of(trace), trace.samples
    own = [at for at, thread in enumerate(samples.thread.tolist()) if trace.threads[thread].name == name]
    base = trace.wall_start - 1_000_000  # the writer's clocks are that far apart
    return [
        (
            round((int(samples.time[at]) + base - _FIRST) / MS),
            [frames[row].function for row in rows_of(trace, int(samples.frame[at]))],
        )
        for at in own
    ]


def test_samples(tmp_path: Path, program: SpoolWriter) -> None:
    """Each look gives a sample of each thread that is there, also where nothing has changed, by the trace's own clock."""
    looks = Looks()
    looks.at(100.5, MAIN)
    looks.at(300.2, MAIN, INNER)
    looks.at(300.2, MAIN, thread=(f"thread ({PROGRAM + 1}): worker", "", 0), key=2)
    looks.at(500.9, MAIN, INNER)
    looks.at(700.4, MAIN, OTHER)
    looks.at(900.6, MAIN, OTHER)
    put(tmp_path, looks.text())
    trace = trace_of(tmp_path, program)

    inner, other = ["inner", "<module>"], ["other", "<module>"]
    main = [(100, ["<module>"]), (300, inner), (501, inner), (700, other), (901, other)]
    assert [stack for _, stack in samples_of(trace, "MainThread")] == [stack for _, stack in main]
    assert all(abs(at - want) <= 1 for (at, _), (want, _) in zip(samples_of(trace, "MainThread"), main))
    worker = samples_of(trace, "worker")
    assert [stack for _, stack in worker] == [["<module>"]] * 3
    assert all(abs(at - want) <= 1 for (at, _), want in zip(worker, (300, 501, 700)))
    assert set(trace.samples.source.tolist()) == {SampleSource.SAMPLER}
    assert not any("py-spy" in note for note in trace.notes)


def test_a_look_that_is_stamped_late(tmp_path: Path, program: SpoolWriter) -> None:
    """When a look was taken is known from what it saw, however long it took to be stamped."""
    looks = Looks()
    for ms in range(100, 600, 50):
        looks.at(ms + 0.5, MAIN)
    looks.at(620.5, MAIN, INNER, late=40)
    put(tmp_path, looks.text())
    at, stack = samples_of(trace_of(tmp_path, program), "MainThread")[-1]

    assert stack == ["inner", "<module>"]
    assert abs(at - 621) <= 1


def test_a_program_that_waits(tmp_path: Path, program: SpoolWriter) -> None:
    """What a program does until it may begin is none of its samples."""
    hold = ("join", "/x/tracekit/sessions.py", 5), ("hold", "/x/tracekit/record/held.py", 9)
    looks = Looks()
    looks.at(100.5, MAIN, *hold)
    looks.at(200.5, MAIN, *hold, OTHER)
    looks.at(300.5, MAIN, INNER)
    put(tmp_path, looks.text())

    assert [stack for _, stack in samples_of(trace_of(tmp_path, program), "MainThread")] == [["inner", "<module>"]]


def test_states(tmp_path: Path, program: SpoolWriter) -> None:
    """What the thread did at a sample is what the observer saw of it shortly before, and unknown where that was long ago."""
    observer = ObserverWriter(pid=3)
    for ms, state in ((100, events.STATE_RUNNING), (300, events.STATE_SLEEP), (320, events.STATE_GIL), (340, 0)):
        observer.sample(1000 + ms, state, tid=PROGRAM, pid=PROGRAM)
    looks = Looks()
    for ms in (110, 250, 305, 325, 345):
        looks.at(ms + 0.5, MAIN)
    put(tmp_path, looks.text())
    trace = trace_of(tmp_path, program, observer)

    assert trace.samples.state.tolist() == [
        SampleState.ACTIVE, SampleState.UNKNOWN, SampleState.IDLE, SampleState.IDLE, SampleState.UNKNOWN,
    ]  # fmt: skip


def test_a_python_that_tells_no_tid(tmp_path: Path, program: SpoolWriter) -> None:
    """Threads of Python 3.10 are found by their names; of two that have one name at the same time nothing is believed."""
    program.record(_FIRST + 100 * MS, events.THREAD_BEGIN, "twin", 3, thread=3)
    program.record(_FIRST + 100 * MS, events.THREAD_BEGIN, "twin", 4, thread=4)
    looks = Looks()
    looks.at(100.5, MAIN, thread=("thread (0x1)", "", 0))
    looks.at(250.5, MAIN, thread=("thread (0x1): MainThread", "", 0))
    looks.at(300.5, MAIN, INNER, thread=("thread (0x2)", "", 0), key=2)
    looks.at(400.5, MAIN, INNER, thread=("thread (0x2): worker", "", 0), key=2)
    looks.at(500.5, MAIN, OTHER, thread=("thread (0x2): twin", "", 0), key=2)
    looks.at(600.5, MAIN, OTHER, thread=("thread (0x2): twin", "", 0), key=2)
    put(tmp_path, looks.text())
    trace = trace_of(tmp_path, program)

    assert [stack for _, stack in samples_of(trace, "worker")] == [["inner", "<module>"]] * 2
    assert [stack for _, stack in samples_of(trace, "MainThread")] == [["<module>"]] * 6
    assert samples_of(trace, "twin") == []
    assert [note for note in trace.notes if "py-spy sampled" in note and note.endswith(": 1")]


@pytest.mark.parametrize("others", [0, 1], ids=["alone", "one of two"])
def test_a_thread_whose_name_is_never_learnt(tmp_path: Path, program: SpoolWriter, others: int) -> None:
    """Of a Python 3.10: it is the thread that no name stands for, where there is only one such thread and one such name."""
    if others:
        program.record(_FIRST + 250 * MS, events.THREAD_BEGIN, "other", 3, thread=3)
    looks = Looks()
    looks.at(100.5, MAIN, thread=("thread (0x1): MainThread", "", 0))
    looks.at(300.5, MAIN, INNER, thread=("thread (0x2)", "", 0), key=2)
    put(tmp_path, looks.text())
    trace = trace_of(tmp_path, program)

    assert len(samples_of(trace, "worker")) == 1 - others
    assert len([note for note in trace.notes if "have no name of their own: 1" in note]) == others


def test_the_only_thread_has_no_name(tmp_path: Path, program: SpoolWriter) -> None:
    """Of a Python 3.10 that never asks for its threads' names the only one is the main thread."""
    looks = Looks()
    looks.at(100.5, MAIN, thread=("thread (0x1)", "", 0))
    put(tmp_path, looks.text())

    assert len(samples_of(trace_of(tmp_path, program), "MainThread")) == 1


@pytest.mark.parametrize(
    ("text", "beats", "said", "words"),
    [
        (None, None, "", "it was ended before it could write them"),
        (None, None, "there are no samples: because", "there are no samples: because"),
        (b"[", None, "", "is damaged"),
        (b"nonsense", None, "", "is damaged"),
        (b"[]", None, "", "did not see the beacon"),
        (b"[]", [], "", "did not see the beacon"),
    ],
)
def test_what_is_missing(
    tmp_path: Path, program: SpoolWriter, text: bytes | None, beats: list[int] | None, said: str, words: str
) -> None:
    """Without samples the trace says why, and is whole otherwise."""
    put(tmp_path, text, beats, said)
    trace = trace_of(tmp_path, program)

    assert len(trace.samples) == 0
    assert any(words in note for note in trace.notes)
    assert [thread.name for thread in trace.threads] == ["MainThread", "worker"]


def test_no_beats(tmp_path: Path, program: SpoolWriter) -> None:
    """Samples whose times nobody can tell are left out, and the trace says so."""
    looks = Looks()
    looks.at(300.5, MAIN)
    put(tmp_path, looks.text(), beats=[_FIRST])
    trace = trace_of(tmp_path, program)

    assert len(trace.samples) == 0
    assert any("samples are left out" in note for note in trace.notes)


def test_while_the_program_runs(tmp_path: Path, program: SpoolWriter) -> None:
    """A trace of a program that goes on says that the samples come in the end."""
    put(tmp_path, None)
    program.write(tmp_path)

    notes = load(tmp_path, alive={PROGRAM: _FIRST + 500 * MS}).notes
    assert "there are no samples of py-spy: it writes them when the program has ended" in notes


@pytest.mark.parametrize(
    ("rate", "told"), [(b"10", False), (b"19", False), (b"100", True), (b"", False), (b"fast", False)]
)
def test_too_few_looks(tmp_path: Path, program: SpoolWriter, rate: bytes, told: bool) -> None:
    """Where py-spy looked much less often than it was asked to, the trace says so."""
    looks = Looks()
    for ms in range(0, 1000, 100):
        looks.at(ms + 0.5, MAIN)
    put(tmp_path, looks.text(), rate=rate)
    notes = trace_of(tmp_path, program).notes

    assert any("was to look 100 times a second, and did 11 times" in note for note in notes) == told
