"""The report for a person, from traces laid out by hand. Knows no recording and no terminal."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from hand_made_states import lay_states

from tracekit.analyze import analyze
from tracekit.analyze.finding import Finding
from tracekit.export.page import page
from tracekit.export.report import ROWS, SUMMARY_FINDINGS, render, summary
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, Flag, Trace, TrackKind

MS = 1_000_000


@pytest.fixture(autouse=True)
def plain(monkeypatch) -> None:
    """No test's output depends on the colours that the caller asked for."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def loop_trace(tasks: int = 1, step: int = 10, notes: tuple[str, ...] = ()) -> Trace:
    """One loop; each task runs one step of `step` ms, one after another."""
    builder = Builder("app.py")
    process = builder.process(10, "app.py", started=0, ended=1000 * MS)
    thread = builder.thread(process, 10, "MainThread", started=0, ended=1000 * MS, main=True)
    loop = builder.loop(process, thread, "Loop")
    builder.loops[loop].running, builder.loops[loop].open = 300 * MS, 1000 * MS
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, 1000 * MS, "MainThread", Category.THREAD)
    for number in range(tasks):
        task = builder.task(process, loop, f"Task-{number}", coroutine="work", file="/app/a.py", line=3, outcome="done")
        builder.slice(track, number * step * MS, (number + 1) * step * MS, f"Task-{number}", Category.STEP, task=task)
    for note in notes:
        builder.note(note)
    return builder.build(exit_status=3)


def printed(show: Any, trace: Trace, findings: list[Finding]) -> str:
    out = io.StringIO()
    show(trace, findings, page(out))
    return out.getvalue()


def flowing(text: str) -> str:
    """Text without its line breaks and indents."""
    return " ".join(text.split())


def test_findings_first() -> None:
    """The first lines say what was run, what was found and what to do; tables and notes come after them."""
    trace = loop_trace(step=200, notes=("process 12 ended without a last word",))
    findings = analyze(trace)
    text = flowing(printed(render, trace, findings))
    order = [
        "app.py: 1.00 s, exit status 3",
        findings[0].sentence,
        findings[0].advice,
        "Processes",
        "Threads",
        "Tasks",
        "note",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert "process 12 ended without a last word" in text


def test_no_finding() -> None:
    """Without a finding the report says so in one true sentence, with the longest step that it saw."""
    text = flowing(printed(render, loop_trace(step=10), []))
    assert (
        "No finding: no step of an event loop was longer than 50.0 ms; the longest took 10.0 ms (Task-0 (work))."
        in text
    )


def test_no_finding_and_open_steps() -> None:
    """A report that saw the beginning of a step, but not its end, does not claim that no step was long."""
    trace = loop_trace(tasks=2)
    trace.slices.flags[trace.slices.task == 1] = int(Flag.UNFINISHED)
    text = flowing(printed(render, trace, []))
    assert "No finding as far as was seen: no step of an event loop was seen to last longer than 50.0 ms" in text
    assert "1 step had not ended when the recording did (Task-1 (work)): how much longer it took is not known." in text
    trace.slices.flags[trace.slices.task == 0] = int(Flag.UNFINISHED)
    text = flowing(printed(render, trace, []))
    assert "2 steps had not ended when the recording did (Task-0 (work) and 1 more): how much longer they" in text


def test_no_loop() -> None:
    """Where no loop ran, the report does not praise the loop."""
    builder = Builder("app.py")
    thread = builder.thread(builder.process(1, "app.py"), 1, "MainThread")
    builder.slice(builder.track(TrackKind.THREAD, thread), 0, 5, "MainThread", Category.THREAD)
    assert "No finding: no event loop ran" in flowing(printed(render, builder.build(), []))


@pytest.mark.parametrize(
    ("looked_at", "says"),
    [(900, "no thread waited long for the GIL"), (10, "threads were looked at for 1% of their time only")],
)
def test_who_hardly_looked(looked_at: int, says: str) -> None:
    """Where nobody looked at the threads for most of the time, the report does not say that none of them waited."""
    builder = Builder("app.py")
    process = builder.process(1, "app.py")
    builder.processes[process].python = "3.11.7"
    thread = builder.thread(process, 1, "MainThread")
    builder.slice(builder.track(TrackKind.THREAD, thread), 0, 1000 * MS, "MainThread", Category.THREAD)
    builder.threads[thread].ended = 1000 * MS
    lay_states(builder, thread, (looked_at, "running"))
    assert says in flowing(printed(render, builder.build(), []))


def test_an_empty_trace() -> None:
    """A trace of nothing makes a short report, not an error."""
    for show in (render, summary):
        assert "0 processes, 0 threads" in printed(show, Builder("nothing.py").build(), [])


def test_many_tasks_are_summed_up() -> None:
    """Past the worst tasks, the others stand in one line by coroutine, and none is silently left out."""
    text = printed(render, loop_trace(tasks=ROWS + 7), [])
    assert "7 more tasks, by coroutine" in text
    assert text.count("Task-") == ROWS + 1  # and once as the longest step
    (line,) = [line.split() for line in text.splitlines() if "7 done" in line]
    assert line[:3] == ["work", "7", "0"]


def test_an_untraced_process_says_why() -> None:
    """A process that could not be entered is in the table; each reason stands below it once, however many it is true of."""
    builder = Builder("app.py")
    parent = builder.process(1, "app.py")
    for pid, name in ((2, "sh"), (3, "sh"), (4, "cat")):
        builder.process(pid, name, parent=parent, untraced="it is not Python")
    text = flowing(printed(render, builder.build(), []))
    assert "4 processes (3 of them not traced)" in text
    assert text.partition("Processes")[2].count("it is not Python") == 1
    assert "not traced: sh and cat: it is not Python" in text


def test_summary_is_short() -> None:
    """The summary tells the worst findings, how many more there are, what was seen and what is missing."""
    trace = loop_trace(notes=("something was dropped",))
    findings = [Finding("loop-blocked", "error", 0.0, 1.0, "t", f"Sentence {n}.", "Advice.") for n in range(8)]
    text = flowing(printed(summary, trace, findings))
    assert text.count("Sentence") == SUMMARY_FINDINGS
    assert "and 3 more findings" in text
    assert "1 process, 1 thread, 1 task, 1 event loop, in use for 30% of its time" in text
    assert "note something was dropped" in text
    assert "Processes" not in text


def test_one_more_finding() -> None:
    """One finding more than fits is one finding, not findings."""
    findings = [Finding("x", "info", 0.0, 1.0, "t", "S.", "A.")] * (SUMMARY_FINDINGS + 1)
    assert "and 1 more finding:" in printed(summary, loop_trace(), findings)


def block(duration_s: float, **details: object) -> Finding:
    """A block with its culprit."""
    shown = {"task": "Task-1", "coroutine": "main", "verdict": "cpu", "count": 1, "unfinished": False, **details}
    return Finding("loop-blocked", "error", 0.0, duration_s, "t", "S.", "A.", "work", "/app/a.py", 7, details=shown)


def test_blocks_are_a_table() -> None:
    """Blocks stand in a table, the longest first: how long, how often, why, what ran, and where the culprit is."""
    library = block(0.5, count=6, verdict="syscall")
    library = replace(library, library={"name": "requests", "version": "2.31.0", "function": "Session.send"})
    text = printed(render, loop_trace(), [library, block(2.0), Finding("task-pending", "info", 0, 1, "t", "S.", "A.")])
    at = text.splitlines().index("Blocks of event loops, the longest first")
    rows = [line.split() for line in text.splitlines()[at + 1 : at + 5]]
    assert rows[0] == ["longest", "times", "verdict", "task", "culprit", "in", "the", "library"]
    assert rows[1] == ["2.00", "s", "1", "cpu", "Task-1", "work", "(/app/a.py:7)"]
    assert rows[2][:6] == ["500", "ms", "6", "syscall", "main", "work"]
    assert rows[2][-3:] == ["requests", "2.31.0:", "Session.send"]
    assert rows[3] == []


def test_a_block_of_nobody() -> None:
    """A callback that blocked, one whose end was not seen, and a culprit that nobody saw are told as that."""
    unseen = replace(block(1.0, task=None, coroutine="Protocol.data", unfinished=True), function="", file="", line=0)
    text = flowing(printed(render, loop_trace(), [unseen]))
    assert "≥ 1.00 s 1 cpu callback Protocol.data not seen" in text


def test_ready_tasks() -> None:
    """The heading and the table of loops tell how long ready tasks waited; where none did, they do not."""
    assert "ready tasks waiting" not in flowing(printed(render, loop_trace(), []))
    builder = Builder("app.py")
    thread = builder.thread(builder.process(1, "app.py"), 1, "MainThread")
    builder.loops[builder.loop(0, thread, "Loop")].open = 1000 * MS
    track = builder.track(TrackKind.TASK, builder.task(0, 0, "a", awaiting=10 * MS))
    builder.slice(track, 0, 4 * MS, "ready", Category.READY, task=0)
    builder.slice(track, 5 * MS, 15 * MS, "awaiting lock", Category.AWAITING, task=0)
    text = printed(render, builder.build(), [])
    assert "in use for 0% of its time, ready tasks waiting 4.00 ms (p50), 4.00 ms (p99) for it" in flowing(text)
    assert "ready p50 p99 max thread" in flowing(text)
    assert "mostly" in text
    assert "lock" in text


def test_states() -> None:
    """What threads did stands in a table, those that were held up most first, and below it how they took turns."""
    builder = Builder("app.py")
    process = builder.process(10, "app.py")
    for name, state in (("idle", "sleeping"), ("busy", "waiting for the GIL")):
        thread = builder.thread(process, 11, name)
        lay_states(builder, thread, (250, "running"), (749, state), (1, "not told"), times=2, switches=1000)
    text = printed(render, builder.build(), [])
    lines = text.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("What threads did"))
    assert lines[at + 2].split() == ["busy", "2.00", "s", "25%", "75%", "<1%", "749", "ms", "1000"]
    assert lines[at + 3].split() == ["idle", "2.00", "s", "25%", "75%", "<1%", "0", "s", "1000"]
    at = lines.index("How threads took turns")
    assert lines[at + 2].split() == ["app.py", "10", "2", "0.50", "1000", "500", "µs"]
    assert "no thread waited long for the GIL or for a core" in flowing(text)
    assert "What threads did" not in printed(render, loop_trace(), [])


def test_processes() -> None:
    """A process stands with its parent, what it weighed and how it ended; what nobody saw of any takes no column."""
    builder = Builder("app.py")
    parent = builder.process(10, "app.py", started=MS, ended=1001 * MS, status=0, python="3.11.7")
    child = builder.process(11, "worker", parent=parent, started=2 * MS, ended=10 * MS, status=-9, python="3.11.7")
    plain_text = printed(render, builder.build(), [])
    builder.processes[child].starting, builder.processes[child].peak_rss = 3 * MS, 21_000_000
    weighed = printed(render, builder.build(), [])

    for text in (plain_text, weighed):
        assert re.search(r"10 +app.py +1.00 s .* +exit code 0 +yes", text)
        assert re.search(r"11 +worker +10 +8.00 ms .* +killed by SIGKILL +yes", text)
    assert "start-up" not in plain_text
    assert "RSS" not in plain_text
    assert re.search(r"8.00 ms +3.00 ms +21.0 MB ", weighed)
    assert "PSS " not in weighed
