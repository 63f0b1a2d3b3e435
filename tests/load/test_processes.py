"""Processes: who they are, who started them, which could not be traced. Times are ns since the first record."""

from __future__ import annotations

from collections.abc import Callable

from spool_writer import SpoolWriter
from tests_support import rows_of

from tracekit import events as e
from tracekit.model.trace import Trace
from tracekit.spool import layout
from tracekit.spool.layout import code_text


def process(pid: int, start: int, **header: int) -> SpoolWriter:
    """A process with a main thread."""
    spool = SpoolWriter(pid, start_monotonic=start, **header)
    spool.record(start, e.THREAD_BEGIN, "MainThread", 1)
    spool.record(start + 1, e.PROCESS_BEGIN, f"app{pid}.py", 0, spool.arg("command", f"python app{pid}.py"))
    return spool


def test_a_process(loaded: Callable[..., Trace]) -> None:
    """A process says its name, command, Python and life."""
    spool = process(100, 100, python=0x030B07F0, ppid=9)
    spool.record(150, e.PROCESS_END)
    (row,) = loaded(spool).processes
    assert (row.name, row.command, row.python, row.ppid) == ("app100.py", "python app100.py", "3.11.7", 9)
    assert (row.started, row.ended, row.untraced) == (0, 50, "")


def test_a_fork(loaded: Callable[..., Trace], arrows: Callable[[Trace], list[object]]) -> None:
    """A forked child has its parent, and an arrow from the very fork."""
    parent = process(100, 100)
    parent.record(110, e.PROCESS_FORK, 0, 1)
    parent.record(120, e.PROCESS_FORK, 0, 2)
    child = process(200, 121, ppid=100, fork=2)
    child.record(125, e.PROCESS_NAME, "ForkProcess-1", 0, (e.PARENT, 0, 100))
    trace = loaded(parent, child)
    assert [(row.name, row.parent) for row in trace.processes] == [("app100.py", None), ("ForkProcess-1", 0)]
    assert arrows(trace) == [("SPAWN", "MainThread", 20, "MainThread")]


def test_a_spawn(loaded: Callable[..., Trace], arrows: Callable[[Trace], list[object]]) -> None:
    """A program that was started is found by its pid."""
    parent = process(100, 100)
    parent.record(110, e.PROCESS_SPAWN, "python", 200, parent.arg("command", "python app200.py"))
    trace = loaded(parent, process(200, 140, ppid=1))
    assert trace.processes[1].parent == 0
    assert arrows(trace) == [("SPAWN", "MainThread", 10, "MainThread")]


def test_a_pid_that_is_used_again(loaded: Callable[..., Trace]) -> None:
    """Two programs with one pid are two processes; the one without a recording does not take the other's."""
    parent = process(100, 100)
    parent.record(110, e.PROCESS_SPAWN, "ls", 200)
    parent.record(1000, e.PROCESS_SPAWN, "python", 200)
    trace = loaded(parent, process(200, 1010))
    assert [(row.name, row.started, bool(row.untraced)) for row in trace.processes[1:]] == [
        ("app200.py", 910, False),
        ("ls", 10, True),
    ]


def test_untraced_processes(loaded: Callable[..., Trace]) -> None:
    """A child without a recording is there, with its command and why."""
    parent = process(100, 100)
    parent.record(
        110, e.PROCESS_SPAWN, "python", 200, parent.arg("command", "python -I x.py"), (e.REASON, 0, parent.name("-I"))
    )
    parent.record(111, e.PROCESS_SPAWN, "ls", 201)
    trace = loaded(parent)
    isolated, listing = trace.processes[1:]
    assert (isolated.pid, isolated.command, isolated.untraced, isolated.parent) == (200, "python -I x.py", "-I", 0)
    assert "environment was cleaned" in listing.untraced


def test_a_fork_server(loaded: Callable[..., Trace]) -> None:
    """A process that a fork server made belongs to the one that asked for it."""
    server = process(150, 110, ppid=100)
    server.record(120, e.PROCESS_FORK, 0, 1)
    child = process(200, 121, ppid=150, fork=1)
    child.record(130, e.PROCESS_NAME, "ForkServerProcess-1", 0, (e.PARENT, 0, 100))
    assert [row.parent for row in loaded(process(100, 100), server, child).processes] == [None, 0, 0]


def test_an_exec(loaded: Callable[..., Trace]) -> None:
    """Two spools of one process are one process and one main thread, and its first half was not killed."""
    before = process(100, 100, start_ticks=7, ended=layout.ENDED_NOT)
    before.record(120, e.SPAN_BEGIN, "cut off by the exec")
    after = process(100, 200, start_ticks=7)
    after.record(201, e.PROCESS_BEGIN, "second.py")
    after.record(250, e.PROCESS_END)
    trace = loaded(before, after)
    assert [row.name for row in trace.processes] == ["second.py"]
    (life,) = rows_of(trace, "THREAD")
    assert (life.start, life.end, life.unfinished) == (0, 150, False)
    assert not any("without a last word" in note for note in trace.notes)


def test_families_have_no_circles(loaded: Callable[..., Trace]) -> None:
    """Spools that claim to be each other's parents make a trace in which no process is its own ancestor."""
    one, two = process(100, 100, ppid=200, fork=1), process(200, 100, ppid=100, fork=1)
    for spool, other in ((one, 200), (two, 100)):
        spool.record(110, e.PROCESS_FORK, 0, 1)
        spool.record(111, e.PROCESS_SPAWN, "x", other)
    assert len(loaded(one, two).processes) == 2


def test_a_child_of_an_untraced_process(loaded: Callable[..., Trace]) -> None:
    """A Python below a shell has the shell for its parent, though nobody looked into the shell."""
    parent = process(100, 100)
    parent.record(110, e.PROCESS_SPAWN, "sh", 150)
    trace = loaded(parent, process(200, 140, ppid=150))
    python, shell = trace.processes[1:]
    assert (shell.name, shell.parent, bool(shell.untraced)) == ("sh", 0, True)
    assert trace.processes[python.parent or 0] is shell


def test_an_untraced_process_younger_than_its_child(loaded: Callable[..., Trace]) -> None:
    """A pid that an untraced process got later does not make it the parent of who was there before."""
    parent = process(100, 100)
    parent.record(190, e.PROCESS_SPAWN, "sh", 150)
    assert loaded(parent, process(200, 140, ppid=150)).processes[1].parent is None


def test_which_line_started_it(loaded: Callable[..., Trace]) -> None:
    """A fork and a program, traced or not, say which line of their parent started them."""
    parent = process(100, 100)
    code = parent.name(code_text("main", "/app/app.py", 7))
    parent.record(110, e.PROCESS_FORK, 0, 1, (e.CODE, 0, code))
    parent.record(120, e.PROCESS_SPAWN, "python", 201, (e.CODE, 0, code))
    parent.record(130, e.PROCESS_SPAWN, "ls", 202, (e.CODE, 0, code))
    parent.record(140, e.PROCESS_SPAWN, "cat", 203)
    trace = loaded(parent, process(200, 111, ppid=100, fork=1), process(201, 121, ppid=100))
    line = "main (/app/app.py:7)"
    assert {row.pid: row.started_at for row in trace.processes} == {100: "", 200: line, 201: line, 202: line, 203: ""}
