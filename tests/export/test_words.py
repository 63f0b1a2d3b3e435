"""Words of pictures: which processes get a slice that stands for them. Knows rows of a trace."""

from __future__ import annotations

from tracekit.export._words import bare_processes, stand_in
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, TrackKind


def test_processes_that_nothing_lies_on() -> None:
    """A process with threads, counters or events needs none; one that was not traced has one even so."""
    builder = Builder()
    names = ("threads", "counters", "events", "nothing", "untraced")
    for pid, name in enumerate(names, 1):
        builder.process(pid, name, untraced="python -I" if name == "untraced" else "")
    builder.thread(0, 1, "main", main=True)
    builder.counter(1, 5, "RSS", "bytes", 1.0)
    builder.slice(builder.track(TrackKind.NAMED, 2, name="GPU"), 0, 9, "kernel", Category.OTHER)
    builder.counter(4, 5, "RSS", "bytes", 1.0)

    trace = builder.build()

    assert [trace.processes[at].name for at in bare_processes(trace)] == ["nothing", "untraced"]
    assert [stand_in(trace.processes[at])[2] for at in bare_processes(trace)] == ["nothing recorded", "not traced"]
