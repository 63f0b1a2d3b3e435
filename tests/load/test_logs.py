"""Where what was logged lies in the trace, and what is with it. Knows records, and no program."""

from __future__ import annotations

from collections.abc import Callable

from spool_writer import SpoolWriter

from tracekit import events
from tracekit.model.trace import LOG_LEVEL, Args, Trace, TrackKind


def points(trace: Trace) -> list[tuple[TrackKind, int, str, Args]]:
    """Kind of track, time, text and arguments of each point, by time, threads first."""
    rows = trace.instants
    columns = (column.tolist() for column in (rows.track, rows.time, rows.name, rows.args))
    found = [
        (trace.tracks[track].kind, time, trace.strings[name], trace.args[args])
        for track, time, name, args in zip(*columns)
    ]
    return sorted(found, key=lambda point: (point[1], point[0]))


def begun(**header: int) -> SpoolWriter:
    """A spool whose process has begun, at 10."""
    spool = SpoolWriter(**header)
    spool.record(10, events.PROCESS_BEGIN, "app.py")
    return spool


def test_a_log_in_a_step_lies_on_thread_and_task(loaded: Callable[..., Trace]) -> None:
    """On both at one time and with the same arguments, for each task its own; between steps on the thread alone."""
    spool = begun()
    spool.record(20, events.LOOP_BEGIN, "Loop", 1)
    for serial in (1, 2):
        spool.record(
            20 + serial, events.TASK_CREATED, f"task {serial}", serial, spool.code("work"), (events.LOOP, 0, 1)
        )
    spool.record(30, events.STEP_BEGIN, 0, 1)
    spool.record(31, events.LOG, "one", 20)
    spool.record(32, events.STEP_END, 0, 1)
    spool.record(33, events.LOG, "between", 20)
    spool.record(34, events.STEP_BEGIN, 0, 2)
    spool.record(35, events.LOG, "two", 20)
    spool.record(36, events.STEP_END, 0, 2)
    spool.record(40, events.LOOP_END, 0, 1)

    trace = loaded(spool)

    thread, task = TrackKind.THREAD, TrackKind.TASK
    assert [(kind, time + 1, text) for kind, time, text, _ in points(trace)] == [
        (thread, 31, "one"),
        (task, 31, "one"),
        (thread, 33, "between"),
        (thread, 35, "two"),
        (task, 35, "two"),
    ]
    owners = [trace.tracks[track].owner for track in trace.instants.track.tolist() if trace.tracks[track].kind == task]
    assert [trace.tasks[owner].name for owner in owners] == ["task 1", "task 2"]
    one, also = [args for _, _, text, args in points(trace) if text == "one"]
    assert one == also


def test_what_is_with_a_log(loaded: Callable[..., Trace]) -> None:
    """Its level, values, exception, place and number; what has one of these names already gets another one."""
    spool = begun(pid=7)
    details = [
        spool.arg("rows", 3),
        spool.arg("error", "mine"),
        spool.arg(LOG_LEVEL, "mine"),
        spool.code("work", "app.py", 5),
    ]
    spool.record(20, events.LOG, "slow", 30, (events.ERROR, 0, spool.name("KeyError")), *details)
    spool.record(21, events.LOG, "plain", 40, spool.arg("error", "mine"))

    (_, _, _, slow), (_, _, _, plain) = points(loaded(spool))

    assert slow.pop("tracekit_id").startswith("7-")
    assert slow == {
        LOG_LEVEL: "warning",
        "rows": 3,
        "error_": "mine",
        f"{LOG_LEVEL}_": "mine",
        "function": "work",
        "file": "app.py",
        "line": 5,
        "error": "KeyError",
    }
    assert plain["error"] == "mine"


def test_levels(loaded: Callable[..., Trace]) -> None:
    """The usual levels have their names, others the one that they were given, or their number."""
    spool = begun()
    notice = spool.name("NOTICE") << 8
    for time, level in enumerate((0, 10, 20, 30, 40, 50, 25 | notice, 26), 20):
        spool.record(time, events.LOG, "text", level)

    found = [args[LOG_LEVEL] for *_, args in points(loaded(spool))]

    assert found == ["not set", "debug", "info", "warning", "error", "critical", "notice", "26"]


def test_damage(loaded: Callable[..., Trace]) -> None:
    """A text or a level whose name is missing is shown as missing, and counted."""
    spool = begun()
    spool.record(20, events.LOG, 999, 20)
    spool.record(21, events.LOG, "text", 25 | 998 << 8)

    trace = loaded(spool)

    assert [(text, args[LOG_LEVEL]) for _, _, text, args in points(trace)] == [
        ("(name missing)", "info"),
        ("text", "(name missing)"),
    ]
    assert any("names that are missing" in note for note in trace.notes)
