"""Flight recordings: what is open when the window begins is there, cut and marked. Times are ns since the window's start."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from spool_writer import SpoolWriter
from tests_support import rows_of, spans_of

from tracekit import events as e
from tracekit.export import chrome_json
from tracekit.export.report_json import report
from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.select import BEGUN
from tracekit.model.trace import Flag, Trace
from tracekit.spool import layout
from tracekit.units import say_duration

Loaded = Callable[..., Trace]
OLD = 1 << 20  # a slot of a block that is gone


@pytest.fixture
def spool() -> SpoolWriter:
    """A process of long ago with a loop and a task; everything until 1000 has been let go of."""
    writer = SpoolWriter(start_monotonic=100, let_go=1000, flight_ns=10_000)
    writer.carry(100, e.PROCESS_BEGIN, "app.py", slot=OLD)
    writer.carry(110, e.THREAD_BEGIN, "MainThread", 1, slot=OLD + 10)
    writer.carry(120, e.TASK_CREATED, "serve", 5, writer.code("main.serve"), (e.LOOP, 0, 1), slot=OLD + 20)
    writer.carry(130, e.LOOP_BEGIN, "Loop", 1, slot=OLD + 30)
    return writer


def cut(trace: Trace) -> dict[str, tuple[int, int, object]]:
    """Name, end and how long before it began, of every slice that is marked as begun before."""
    slices = trace.slices
    marked = {}
    for at, (flags, args) in enumerate(zip(slices.flags.tolist(), slices.args.tolist())):
        if flags & Flag.BEGUN_BEFORE:
            name = trace.strings[slices.name[at]]
            marked[name] = (
                int(slices.start[at]),
                int(slices.end[at]),
                trace.args[args].get(BEGUN) if args >= 0 else None,
            )
    return marked


def test_what_is_open_is_there(spool: SpoolWriter, loaded: Loaded) -> None:
    """Thread, loop, task and step that had begun before are slices from 0 on that say how long before; rows know more."""
    spool.carry(900, e.STEP_BEGIN, 0, 5, slot=OLD + 40)
    spool.record(1300, e.STEP_END, 0, 5)
    spool.record(1400, e.TASK_READY, 0, 5)
    spool.record(1500, e.STEP_BEGIN, 0, 5)
    spool.record(1600, e.STEP_END, 0, 5)
    spool.record(2000, e.PROCESS_END)
    trace = loaded(spool)
    assert cut(trace) == {
        "MainThread": (0, 1000, "900 ns before the window"),
        "Loop": (0, 1000, "870 ns before the window"),
        "serve (main.serve)": (0, 1000, "880 ns before the window"),
        "serve": (0, 300, "100 ns before the window"),
        "running": (0, 300, "100 ns before the window"),
    }
    (task,) = trace.tasks
    assert (task.created, task.begun_before, task.creator, task.file) == (-880, True, "MainThread", "app.py")
    assert (task.steps, task.running, task.ready, task.awaiting) == (2, 400, 100, 500)
    assert (trace.threads[0].started, trace.threads[0].begun_before) == (-900, True)
    assert (trace.processes[0].started, trace.processes[0].name, trace.duration) == (-900, "app.py", 1000)
    assert (trace.loops[0].open, trace.loops[0].running) == (1000, 400)


def test_a_task_that_awaits(spool: SpoolWriter, loaded: Loaded) -> None:
    """A task of long ago is not taken for one that has never run: it awaits until it is woken."""
    spool.record(1400, e.TASK_READY, 0, 5)
    spool.record(1500, e.STEP_BEGIN, 0, 5)
    spool.record(1600, e.STEP_END, 0, 5)
    trace = loaded(spool)
    phases = [(row.name, row.start, row.end) for row in rows_of(trace, "AWAITING", "READY", "RUNNING")]
    assert phases == [("awaiting", 0, 400), ("ready", 400, 500), ("running", 500, 600)]


def test_a_task_that_was_done_in_an_open_step(spool: SpoolWriter, loaded: Loaded) -> None:
    """A task that was done when the window begins, in a step that was not over, ends as it is called with that step."""
    spool.carry(890, e.STEP_BEGIN, 0, 5, slot=OLD + 40)
    spool.carry(900, e.TASK_DONE, e.OUTCOME_CANCELLED, 5, slot=OLD + 50)
    spool.record(1300, e.STEP_END, 0, 5)
    spool.record(2000, e.PROCESS_END)
    (task,) = loaded(spool).tasks
    assert (task.name, task.outcome, task.ended, task.running, task.awaiting) == ("serve", "cancelled", 300, 300, 0)


def test_what_was_created_in_a_step_has_no_creator(spool: SpoolWriter, loaded: Loaded) -> None:
    """Which task created a carried one is not known where that step is over; in an open step it is."""
    spool.carry(300, e.TASK_CREATED, "child", 6, slot=OLD + 40)
    spool.carry(900, e.STEP_BEGIN, 0, 5, slot=OLD + 50)
    spool.carry(950, e.TASK_CREATED, "grandchild", 7, slot=OLD + 60)
    spool.record(1300, e.STEP_END, 0, 5)
    assert {task.name: task.creator for task in loaded(spool).tasks} == {
        "serve": "MainThread",
        "child": "",
        "grandchild": "serve",
    }


def spans(trace: Trace, category: str = "SPAN") -> list[tuple[str, str, int, int]]:
    """Kind of track, name, start and end of each span or part."""
    return [(row.kind, row.name, row.start, row.end) for row in spans_of(trace, category)]


def test_a_span_across_the_window(spool: SpoolWriter, loaded: Loaded) -> None:
    """A span of a thread that began before has its name and arguments, and how long before."""
    begin = spool.carry(400, e.SPAN_BEGIN, 0, 0, spool.inline("job 17"), spool.arg("rows", 3), slot=OLD + 5, thread=2)
    spool.carry(300, e.THREAD_BEGIN, "worker", 2, slot=OLD + 6, thread=2)
    spool.record(1200, e.SPAN_END, 0, begin, thread=2)
    trace = loaded(spool)
    assert spans(trace) == [("THREAD", "job 17", 0, 200)]
    assert spans_of(trace)[0].args == {"rows": 3, BEGUN: "600 ns before the window"}


def test_a_span_of_a_task_across_the_window(spool: SpoolWriter, loaded: Loaded) -> None:
    """A span begun in a step that is long over lies on the task in whose step it ends, with a part in each step."""
    begin = spool.carry(400, e.SPAN_BEGIN, "fetch", slot=OLD + 50)
    for time in (1100, 1300):
        spool.record(time, e.STEP_BEGIN, 0, 5)
        if time == 1300:
            spool.record(1350, e.SPAN_END, 0, begin)
        spool.record(time + 100, e.STEP_END, 0, 5)
    trace = loaded(spool)
    assert spans(trace) == [("TASK", "fetch", 0, 350)]
    assert spans(trace, "PART") == [("THREAD", "fetch", 100, 200), ("THREAD", "fetch", 300, 350)]


def test_a_span_of_nobody_knows_which_task(spool: SpoolWriter, loaded: Loaded) -> None:
    """A span that was begun on a loop's thread and is still open lies beside the steps, not among them."""
    spool.carry(400, e.SPAN_BEGIN, "fetch", slot=OLD + 50)
    spool.record(1100, e.STEP_BEGIN, 0, 5)
    spool.record(1200, e.STEP_END, 0, 5)
    trace = loaded(spool)
    assert spans(trace) == [("LANE", "fetch", 0, 200)]
    assert spans(trace, "PART") == []


def test_ends_without_a_beginning(spool: SpoolWriter, loaded: Loaded) -> None:
    """What was not even carried begins with the window; what ended first lies in what ended later."""
    spool.record(1010, e.SPAN_END, 0, OLD + 900)
    spool.record(1020, e.SPAN_END, "parse", OLD + 901)
    spool.record(1030, e.STEP_END, 0, 5)
    spool.record(1040, e.GC_END, 2, 7)
    spool.record(1100, e.JOB_END, e.OUTCOME_DONE, 3, thread=2)
    spool.record(1200, e.THREAD_END, 0, 2, thread=2)
    trace = loaded(spool)
    rows = rows_of(trace, "STEP", "PART", "GC", "JOB")
    assert sorted((row.kind, row.name, row.start, row.end) for row in rows) == [
        ("THREAD", "(name let go of)", 0, 10),
        ("THREAD", "(name let go of)", 0, 100),
        ("THREAD", "gc generation 2", 0, 40),
        ("THREAD", "parse", 0, 20),
        ("THREAD", "serve", 0, 30),
    ]
    assert spans(trace) == [("TASK", "parse", 0, 20), ("TASK", "(name let go of)", 0, 10)]
    marked = cut(trace)
    assert all(marked[name][2] is None for name in ("parse", "gc generation 2", "(name let go of)"))
    assert not any("beginning was not recorded" in note for note in trace.notes)
    assert [thread.name for thread in trace.threads] == ["MainThread", "thread 101"]


def test_a_thread_of_before(spool: SpoolWriter, loaded: Loaded) -> None:
    """Of a thread that ended before the window something may be remembered; it is not shown as if it went on."""
    spool.carry(700, e.THREAD_START, "worker", 3, slot=OLD + 40, thread=2)
    spool.record(1200, e.PROCESS_END)
    assert [thread.name for thread in loaded(spool).threads] == ["MainThread"]


def test_the_window_is_that_of_all(spool: SpoolWriter, loaded: Loaded) -> None:
    """The window begins where every process has everything; one that had let go of nothing is cut as well."""
    other = SpoolWriter(200, ppid=100, start_monotonic=500, flight_ns=10_000)
    other.record(500, e.THREAD_BEGIN, "MainThread", 1)
    first = other.record(600, e.SPAN_BEGIN, "early")
    other.record(700, e.SPAN_END, 0, first)
    second = other.record(800, e.SPAN_BEGIN, "across")
    other.record(1700, e.SPAN_END, 0, second)
    spool.record(1100, e.INSTANT, "tick")
    trace = loaded(spool, other)
    assert spans(trace) == [("THREAD", "across", 0, 700)]
    assert [(row.pid, row.parent) for row in trace.processes] == [(100, None), (200, 0)]


def test_no_more_than_was_asked_for(loaded: Loaded) -> None:
    """What was not yet let go of, but is older than the window that was asked for, is left out."""
    spool = SpoolWriter(start_monotonic=100, flight_ns=300)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    for time in (200, 699, 700, 1000):
        spool.record(time, e.INSTANT, str(time))
    trace = loaded(spool)
    assert trace.instants.time.tolist() == [0, 300]
    assert any("this is the last 300 ns of 900 ns" in note for note in trace.notes)


def hanging(**header: int) -> SpoolWriter:
    """A process whose loop has been in one step since 700; before that it did something else."""
    spool = SpoolWriter(start_monotonic=100, flight_ns=1000, **header)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(110, e.LOOP_BEGIN, "Loop", 1)
    spool.record(120, e.TASK_CREATED, "serve", 5, spool.code("serve"), (e.LOOP, 0, 1))
    spool.record(600, e.INSTANT, "tick")
    spool.record(700, e.STEP_BEGIN, 0, 5)
    return spool


@pytest.mark.parametrize(("now", "since", "ticks"), [(1500, 500, 1), (1650, 650, 0), (9000, 8000, 0)])
def test_the_window_of_what_hangs(tmp_path: Path, now: int, since: int, ticks: int) -> None:
    """The window ends when it is written out: of a program that hangs it is its last part, also where nothing was recorded."""
    hanging(ended=layout.ENDED_NOT).write(tmp_path)
    trace = load(tmp_path, alive={100: now})
    assert check(trace) == []
    (step,) = rows_of(trace, "STEP")
    assert (trace.duration, step.start, step.end) == (1000, max(700 - since, 0), 1000)
    assert (len(trace.instants), len(trace.tasks)) == (ticks, 1)
    assert any(f"this is the last 1 µs of {say_duration(now - 100)}" in note for note in trace.notes)


@pytest.mark.parametrize(
    ("header", "about"),
    [({"end_monotonic": 1650}, {}), ({"ended": layout.ENDED_NOT}, {"child_pid": 100, "ended_monotonic": 1650})],
    ids=["ended", "killed"],
)
def test_the_window_of_what_has_ended(tmp_path: Path, header: dict[str, int], about: dict[str, int]) -> None:
    """The window ends with the program where it is known when that was, be it only by who ran it."""
    hanging(**header).write(tmp_path)
    (tmp_path / "session.json").write_text(json.dumps(about))
    trace = load(tmp_path)
    assert (trace.duration, len(trace.instants), rows_of(trace, "STEP")[0].start) == (1000, 0, 50)


def test_a_flight_that_let_go_of_nothing(loaded: Loaded) -> None:
    """A session shorter than its window is whole, and no word is lost about a window."""
    spool = SpoolWriter(start_monotonic=100, flight_ns=300)
    spool.record(100, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(200, e.INSTANT, "tick")
    trace = loaded(spool)
    assert (trace.duration, cut(trace)) == (100, {})
    assert not any("flight" in note for note in trace.notes)


def test_processes_of_before(spool: SpoolWriter, loaded: Loaded) -> None:
    """A process that ended before the window is left out, but for one whose children are in it."""
    others = []
    for pid, ppid, end in ((300, 100, 900), (400, 100, 800), (500, 400, 2000)):
        other = SpoolWriter(pid, ppid=ppid, start_monotonic=pid, end_monotonic=end, flight_ns=10_000)
        other.record(pid, e.THREAD_BEGIN, "MainThread", 1)
        other.record(end, e.PROCESS_END)
        others.append(other)
    spool.record(1100, e.INSTANT, "tick")
    trace = loaded(spool, *others)
    assert [row.pid for row in trace.processes] == [100, 400, 500]
    assert [row.parent for row in trace.processes] == [None, 0, 1]
    assert [trace.processes[row.process].pid for row in trace.threads] == [100, 500]


def test_what_found_no_room_is_told(spool: SpoolWriter, loaded: Loaded) -> None:
    """Open things that could not be carried are counted in a note, and so is what asked for the dump."""
    spool.header |= {
        layout.H_CARRY_LOST: 4,
        layout.H_DUMPS: 2,
        layout.H_DUMP_REASON: spool.name("the loop was blocked"),
    }
    spool.record(1100, e.INSTANT, "tick")
    notes = "\n".join(loaded(spool).notes)
    assert "found no room to be remembered: 4" in notes
    assert "asked for its recording to be written out 2 times, the last time because: the loop was blocked" in notes


def test_a_process_that_is_still_running(spool: SpoolWriter, tmp_path: Path) -> None:
    """What is open in a process that goes on is drawn up to when it was seen; the note says that it was running."""
    spool.header[layout.H_ENDED] = layout.ENDED_NOT
    spool.record(1500, e.STEP_BEGIN, 0, 5)
    spool.write(tmp_path)
    trace = load(tmp_path, alive={100: 9000})
    assert check(trace) == []
    (step,) = rows_of(trace, "STEP")
    assert (step.start, step.end, step.unfinished) == (500, 8000, True)
    assert any("process 100 (app.py) was still running" in note for note in trace.notes)
    assert not any("last word" in note for note in trace.notes)


def test_ticks(tmp_path: Path) -> None:
    """In a recording of ticks the window begins where the same moment in ns is."""
    spool = SpoolWriter(start_monotonic=1000, start_reading=3000, clock=layout.CLOCK_TSC, let_go=6000)
    spool.carry(3000, e.THREAD_BEGIN, "MainThread", 1, slot=OLD)
    spool.record(6600, e.INSTANT, "tick")
    spool.record(9000, e.CLOCK, 0, 0, (e.READING, 0, 3000))
    spool.write(tmp_path)
    trace = load(tmp_path)
    assert check(trace) == []
    assert (trace.duration, trace.instants.time.tolist()) == (1000, [200])
    assert [(row.start, row.end) for row in rows_of(trace, "THREAD")] == [(0, 1000)]


def test_what_a_reader_sees(spool: SpoolWriter, loaded: Loaded, tmp_path: Path) -> None:
    """Perfetto's slices tell in words how long before they began, the report what was inside, and both survive the file."""
    spool.carry(900, e.STEP_BEGIN, 0, 5, slot=OLD + 40)
    spool.record(1300, e.STEP_END, 0, 5)
    spool.header[layout.H_END_MONOTONIC] = 1300
    trace = loaded(spool)
    out = tmp_path / "out.json"
    chrome_json.write(trace, [], out)
    steps = [row for row in json.loads(out.read_bytes())["traceEvents"] if row.get("cat") == "step"]
    assert [(row["ts"], row["dur"], row["args"][BEGUN]) for row in steps] == [(0, 0.3, "100 ns before the window")]
    again = load(out)
    assert (again.tasks, check(again)) == (trace.tasks, [])
    told = report(again, [])
    assert (told["threads"][0]["life_s"], told["threads"][0]["occupied_s"], told["processes"][0]["wall_s"]) == (
        3e-7,
    ) * 3
    assert (told["tasks"][0]["running_s"], told["loops"][0]["open_s"]) == (3e-7, 3e-7)
