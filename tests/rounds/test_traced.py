"""What traces tell of models, from traces laid out by hand. Records nothing."""

from __future__ import annotations

import numpy as np
from hand_made_states import lay_states

from tracekit.model.builder import Builder
from tracekit.model.check import check
from tracekit.model.trace import Category, Trace, TrackKind
from tracekit.rounds.traced import Figures, figures, side_by_side, window

MS = 1_000_000


def traced(begin: int, end: int, step: int = 80, with_loop: bool = True) -> Trace:
    """A process of a second, in which a model ran from `begin` to `end` (ms), with a step of so many ms, and one before."""
    builder = Builder("child")
    process = builder.process(10, "child", started=0, ended=1000 * MS)
    thread = builder.thread(process, 10, "MainThread", started=0, ended=1000 * MS, main=True)
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, 1000 * MS, "MainThread", Category.THREAD)
    builder.slice(track, begin * MS, end * MS, "tracekit model", Category.SPAN)
    if with_loop:
        loop = builder.loop(process, thread, "Loop")
        task = builder.task(process, loop, "work")
        builder.slice(track, 0, 70 * MS, "work", Category.STEP, task=task)
        builder.slice(track, (begin + 1) * MS, (begin + 1 + step) * MS, "work", Category.STEP, task=task)
    lay_states(builder, thread, (begin + 10, "running"), (50, "waiting for the GIL"), (100, "running"))
    return builder.build()


def test_window() -> None:
    """The model's run is where its span says."""
    assert window(traced(100, 900)) == (100 * MS, 900 * MS)


def test_figures_are_of_the_model() -> None:
    """What happened before it, while the workload was set up, is not its own."""
    assert figures(traced(100, 900), 50 * MS) == Figures(1, 0.08, 0.05)
    assert figures(traced(100, 900, step=20), 50 * MS) == Figures(0, None, 0.05)


def test_what_was_not_there() -> None:
    """Without a loop there are no blocks to count, and without an observer no wait for the GIL is known."""
    assert figures(traced(100, 900, with_loop=False), 50 * MS).blocks is None
    bare = traced(100, 900)
    bare.states.clear()
    assert figures(bare, 50 * MS).gil_wait_s is None


def test_side_by_side() -> None:
    """The runs of all models begin at the same moment, and each process bears its model's name, though the pids are the same."""
    trace = side_by_side({"threads": traced(100, 900), "asyncio": traced(300, 700)})
    assert check(trace) == []
    assert [process.name for process in trace.processes] == ["threads", "asyncio"]
    assert trace.notes[0].startswith("the runs of 2 models are laid side by side here, and were one after the other")
    spans = trace.slices.name == trace.strings.index("tracekit model")
    assert trace.slices.start[np.flatnonzero(spans)].tolist() == [300 * MS, 300 * MS]


def test_a_trace_alone() -> None:
    """One model is compared with nobody, and is told by its name all the same."""
    alone = side_by_side({"trio": traced(0, 500)})
    assert alone.processes[0].name == "trio"
    assert not any("side by side" in note for note in alone.notes)
