"""Gauges: the counters that an observer's samples make. Spools are made by hand."""

from __future__ import annotations

import pytest
from observer_writer import MS, PID, ObserverWriter
from spool_writer import SpoolWriter

from tests.load.conftest import Loaded
from tracekit import events
from tracekit.load import gauges
from tracekit.model.trace import Trace

RUN, GIL, SLEEP = events.STATE_RUNNING, events.STATE_GIL, events.STATE_SLEEP


@pytest.fixture
def program() -> SpoolWriter:
    """A program with two threads of one name beside its main thread, there until 2 s."""
    writer = SpoolWriter(pid=PID)
    writer.record(0, events.PROCESS_BEGIN, "program")
    writer.record(0, events.THREAD_BEGIN, "MainThread", 1)
    for serial in (2, 3):
        writer.record(0, events.THREAD_BEGIN, "worker", serial, thread=serial)
        writer.record(2000 * MS, events.THREAD_END, 0, serial, thread=serial)
    writer.record(2000 * MS, events.PROCESS_END)
    return writer


@pytest.fixture
def observer() -> ObserverWriter:
    """An observer's spool."""
    return ObserverWriter()


def series(trace: Trace, name: str) -> dict[str, list[tuple[float, float]]]:
    """The values of a counter by series: time (ms) and value."""
    counters, found = trace.counters, {}
    for row in range(len(counters)):
        if trace.strings[counters.name[row]] == name:
            values = found.setdefault(trace.strings[counters.series[row]], [])
            values.append((counters.time[row] / MS, counters.value[row]))
    return found


def test_who_waits_for_the_gil(loaded: Loaded, program: SpoolWriter, observer: ObserverWriter) -> None:
    """The counter is how many threads were last seen waiting for the GIL; of one that is no longer seen nothing is known."""
    for time, first, second in ((100, RUN, GIL), (110, GIL, GIL), (120, GIL, RUN), (130, GIL, RUN)):
        observer.sample(time, first, tid=PID + 1)
        observer.sample(time + 1, second, tid=PID + 2)
    found = series(loaded(program, observer), gauges.WAITERS)
    assert found == {"threads": [(101, 1), (110, 2), (121, 1), (130, 0)]}


def test_cpu_and_switches(loaded: Loaded, program: SpoolWriter, observer: ObserverWriter) -> None:
    """Each thread has the share of a core that it used, and its switches a second; threads of one name have their tids too."""
    for number in range(11):
        observer.sample(100 * number, RUN, 50 * number, switches=20 * number, tid=PID + 1)
        observer.sample(100 * number, SLEEP, 0, switches=3, tid=PID + 2)
    trace = loaded(program, observer)
    assert series(trace, gauges.CPU) == {"worker 101": [(0, 0.5), (1000, 0)], "worker 102": [(0, 0)]}
    assert series(trace, gauges.SWITCHES)["worker 101"] == [(0, 200), (1000, 0)]


def test_old_journals(loaded: Loaded, program: SpoolWriter, observer: ObserverWriter) -> None:
    """Samples without the number of switches have no such counter."""
    for number in range(11):
        observer.sample(100 * number, RUN, 50 * number, tid=PID + 1)
    trace = loaded(program, observer)
    assert series(trace, gauges.SWITCHES) == {}
    assert trace.states[0].switches == 0


def test_weights(loaded: Loaded, program: SpoolWriter, observer: ObserverWriter) -> None:
    """A process has its memory as counters, and in its row the most that was seen; what was not told is not there."""
    observer.weight(100, 5000)
    observer.weight(1100, 9000, 4000, 3000)
    observer.weight(1900, 8000, 3000, 3500)
    observer.weight(100, 77, 77, 77, pid=PID + 50)
    trace = loaded(program, observer)
    assert series(trace, "RSS") == {"bytes": [(100, 5000), (1100, 9000), (1900, 8000)]}
    assert series(trace, "PSS") == {"bytes": [(1100, 4000), (1900, 3000)]}
    (process,) = trace.processes
    assert (process.peak_rss, process.pss, process.shared) == (9000, 4000, 3000)


def test_a_peak_between_two_looks(loaded: Loaded, program: SpoolWriter, observer: ObserverWriter) -> None:
    """The most that a process held is the kernel's own count, where it was told; the counter is what was seen."""
    observer.weight(100, 5000, peak=6000)
    observer.weight(1100, 7000, peak=90000)
    trace = loaded(program, observer)
    assert series(trace, "RSS") == {"bytes": [(100, 5000), (1100, 7000)]}
    assert trace.processes[0].peak_rss == 90000
