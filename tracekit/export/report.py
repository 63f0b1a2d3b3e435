"""Report: findings and tables as text for a person, the most urgent first. Knows no trace file and no exit code.

Whoever reads this has a program that is slow and little time: the first screen says what was found and what to do about
it, then come the tables, then what the trace cannot know.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from rich.console import Console

from tracekit.analyze import tables, words
from tracekit.analyze.finding import Finding
from tracekit.analyze.questions import THRESHOLD_NS
from tracekit.analyze.watched import is_watched
from tracekit.export._blocks import blocks
from tracekit.export._kinds import where_time_goes
from tracekit.export._locks import waits_for_locks
from tracekit.export._logs import logs
from tracekit.export._nothing import nothing_found
from tracekit.export._pools import pools_of_workers
from tracekit.export._processes import processes
from tracekit.export._states import states, turns
from tracekit.export._watched import places
from tracekit.export.page import headline, paragraph, table
from tracekit.model.trace import Trace

SUMMARY_FINDINGS = 5
SUMMARY_ROWS = 5
ROWS = 15


def render(trace: Trace, findings: Sequence[Finding], console: Console, threshold_ns: int = THRESHOLD_NS) -> None:
    """Prints the whole report.

    Args:
        findings: as `analyze` returns them, worst first.
        console: made by `page.page`.
        threshold_ns: the one that the findings were looked for with.
    """
    paragraph(console, _heading(trace), style="bold")
    console.print()
    _findings(trace, findings, console, threshold_ns)
    blocks(console, findings, ROWS)
    where_time_goes(trace, console, ROWS)
    _processes(trace, console, ROWS)
    _threads(trace, console, ROWS)
    states(trace, console, ROWS)
    places(trace, console, ROWS)
    turns(trace, console, ROWS)
    waits_for_locks(trace, console, ROWS)
    _loops(trace, console)
    _tasks(trace, console, ROWS)
    _other_tasks(trace, console)
    pools_of_workers(trace, console, ROWS)
    _jobs(trace, console)
    logs(trace, console)
    _notes(trace, console)


def summary(trace: Trace, findings: Sequence[Finding], console: Console, threshold_ns: int = THRESHOLD_NS) -> None:
    """Prints what `tracekit run` ends with: the worst findings, the first rows of the tables, what is missing."""
    _findings(trace, findings[:SUMMARY_FINDINGS], console, threshold_ns)
    more = len(findings) - SUMMARY_FINDINGS
    if more > 0:
        paragraph(console, f"and {words.count(more, 'more finding')}: tracekit report shows all of them")
    paragraph(console, f"Seen in {words.duration(trace.duration)}: {_seen(trace)}.")
    if len(trace.processes) > 1:
        _processes(trace, console, SUMMARY_ROWS)
    if len(trace.threads) > 1 or is_watched(trace):
        _threads(trace, console, SUMMARY_ROWS)
        states(trace, console, SUMMARY_ROWS)
        places(trace, console, SUMMARY_ROWS)
        waits_for_locks(trace, console, SUMMARY_ROWS)
    _tasks(trace, console, SUMMARY_ROWS)
    if trace.notes:
        console.print()
    for note in trace.notes:
        headline(console, "note", note)


def _heading(trace: Trace) -> str:
    exited = "" if trace.exit_status is None else f", exit status {trace.exit_status}"
    return f"{trace.program or 'a program'}: {words.duration(trace.duration)}{exited}; {_seen(trace)}"


def _seen(trace: Trace) -> str:
    parts = [words.count(len(trace.processes), "process", "processes")]
    untraced = sum(bool(process.untraced) for process in trace.processes)
    if untraced:
        parts[0] += f" ({untraced} of them not traced)"
    parts.append(words.count(len(trace.threads), "thread"))
    if trace.tasks:
        parts.append(words.count(len(trace.tasks), "task"))
    if trace.loops:
        parts.append(words.count(len(trace.loops), "event loop"))
    if len(trace.loops) == 1 and trace.loops[0].open:
        parts.append(_one_loop(tables.loops(trace)[0]))
    return ", ".join(parts)


def _one_loop(row: tables.LoopRow) -> str:
    used = f"in use for {row.used or 0:.0%} of its time"
    if row.ready.p50 is None or row.ready.p99 is None:
        return used
    waited = f"{words.duration(row.ready.p50)} (p50), {words.duration(row.ready.p99)} (p99)"
    return f"{used}, ready tasks waiting {waited} for it"


def _findings(trace: Trace, findings: Sequence[Finding], console: Console, threshold_ns: int) -> None:
    if not findings:
        paragraph(console, nothing_found(trace, threshold_ns))
    for finding in findings:
        at = words.duration(round(finding.start_s * 1e9))
        headline(console, finding.severity, f"{finding.slug} at {at}: {finding.sentence}")
        paragraph(console, finding.advice, style="dim", indent=4)


def _label(trace: Trace, task: int) -> str:
    return words.task_label(trace.tasks[task].name, trace.tasks[task].coroutine)


def _processes(trace: Trace, console: Console, most: int) -> None:
    rows = tables.processes(trace)
    processes(console, rows, most, _left_out(len(rows), most, "process", "processes"))


def _threads(trace: Trace, console: Console, most: int) -> None:
    if is_watched(trace):  # nothing else is known of them than what the next tables tell
        return
    rows = tables.threads(trace)
    worst = sorted(rows, key=lambda row: -(row.occupied or 0))
    occupied = any(row.occupied is not None for row in rows)
    table(
        console,
        "Threads",
        ("name", "pid", "tid", "life", *(["occupied"] * occupied), ""),
        (
            (
                row.name,
                str(row.pid),
                str(row.tid),
                words.duration(row.life),
                *(["?" if row.occupied is None else words.duration(row.occupied)] * occupied),
                "" if row.ended is not None else "its end was not seen",
            )
            for row in worst[:most]
        ),
        left=1,
        rest=_left_out(len(rows), most, "thread"),
    )
    if occupied:
        paragraph(console, "occupied: in spans, steps, callbacks and jobs, computing or waiting", style="dim", indent=2)


def _loops(trace: Trace, console: Console) -> None:
    rows = tables.loops(trace)
    table(
        console,
        "Event loops",
        ("name", "pid", "open", "running", "used", "ready p50", "p99", "max", "thread"),
        (
            (
                row.name,
                str(row.pid),
                words.duration(row.open),
                words.duration(row.running),
                "?" if row.used is None else f"{row.used:.0%}",
                *("?" if time is None else words.duration(time) for time in _latency(row)),
                row.thread,
            )
            for row in rows[:ROWS]
        ),
        left=1,
        rest=_left_out(len(rows), ROWS, "loop"),
    )


def _latency(row: tables.LoopRow) -> tuple[int | None, ...]:
    return row.ready.p50, row.ready.p99, row.ready.longest


_TASK_TIMES = ("steps", "longest", "running", "ready", "awaiting", "mostly", "outcome")


def _tasks(trace: Trace, console: Console, most: int) -> None:
    rows = islice(tables.tasks(trace), most)
    table(
        console,
        "Tasks, those with the longest step first",
        ("task", *_TASK_TIMES),
        ((words.task_label(row.name, row.coroutine), *_task_times(row)) for row in rows),
        left=1,
        right=2,
        rest="" if most == ROWS else _left_out(len(trace.tasks), most, "task"),
    )


def _other_tasks(trace: Trace, console: Console) -> None:
    """The tasks that the table of tasks left out, summed up."""
    others = tables.by_coroutine(islice(tables.tasks(trace), ROWS, None))
    table(
        console,
        f"{words.count(len(trace.tasks) - ROWS, 'more task')}, by coroutine",
        ("coroutine", "tasks", *_TASK_TIMES),
        ((words.short_function(row.coroutine), str(row.count), *_task_times(row)) for row in others[:ROWS]),
        left=1,
        right=2,
        rest=_left_out(len(others), ROWS, "coroutine"),
    )


def _task_times(row: tables.TaskRow) -> tuple[str, ...]:
    times = (row.longest, row.running, row.ready, row.awaiting)
    return str(row.steps), *(words.duration(time) for time in times), row.awaited, row.outcome


def _jobs(trace: Trace, console: Console) -> None:
    rows = tables.jobs(trace)
    table(
        console,
        "Jobs of executors",
        ("function", "count", "ran", "longest", "queued", "longest", ""),
        (
            (
                words.short_function(row.function),
                str(row.count),
                words.duration(row.running),
                words.duration(row.longest),
                "?" if row.queued is None else words.duration(row.queued),
                "?" if row.longest_queued is None else words.duration(row.longest_queued),
                "",
            )
            for row in rows[:ROWS]
        ),
        left=1,
        rest=_left_out(len(rows), ROWS, "function"),
    )


def _notes(trace: Trace, console: Console) -> None:
    if trace.notes:
        console.print()
    for note in trace.notes:
        headline(console, "note", note)


def _left_out(total: int, most: int, noun: str, plural: str = "") -> str:
    return "" if total <= most else f"and {words.count(total - most, f'more {noun}', plural and f'more {plural}')}"
