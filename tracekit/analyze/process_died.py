"""process-died: a child process was killed, or ended with an exit code that says it failed. Knows no other question.

The program itself is left out: whoever runs it sees how it ends; so are workers that their own pool has ended. Its own keys:

    pid         of the (first) process
    process     its name
    command     its command line
    status      its exit code, or minus the number of the signal
    signal      the name of the signal, or null
    parent      the pid of who started it, or null
    count       how many of the same parent ended alike
"""

from __future__ import annotations

import signal
from collections import defaultdict

from tracekit.analyze import words
from tracekit.analyze.finding import Finding, Severity
from tracekit.analyze.tables import ProcessRow, processes
from tracekit.model.status import say_signal
from tracekit.model.trace import Trace

SLUG = "process-died"

_NAMED = 3
_ASKED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGALRM)
_CRASHED = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT, signal.SIGSYS)

_CURES = {
    "killed": (
        "No program can catch SIGKILL. If yours did not send it (kill, a supervisor), the system did: look whether memory ran "
        "out (`dmesg`, the limit of the container). What was recorded until then is in the trace."
    ),
    "crashed": (
        "It crashed in native code: run it with `python -X faulthandler` (or PYTHONFAULTHANDLER=1) to see where. What was "
        "recorded until then is in the trace."
    ),
    "asked": "Somebody asked it to end: its parent (terminate), the terminal, or whoever read its output and went.",
    "failed": "Read what it said on stderr; an exception that nobody caught is exit code 1.",
}


def find(trace: Trace, _threshold_ns: int) -> list[Finding]:
    """One finding for all children of one process that ended alike."""
    alike: defaultdict[tuple[int | None, int, bool], list[ProcessRow]] = defaultdict(list)
    for process, row in zip(trace.processes, processes(trace)):
        if row.status and row.parent is not None and not process.dismissed:
            alike[row.parent, row.status, bool(row.untraced)].append(row)
    names = {process.pid: process.name for process in trace.processes}
    return [_finding(rows, names) for rows in alike.values()]


def _finding(rows: list[ProcessRow], names: dict[int, str]) -> Finding:
    first = min(rows, key=lambda row: row.started + (row.wall or 0))
    status, parent = first.status or 0, first.parent or 0
    how, severity = _kind(status, bool(first.untraced))
    end = f"killed by {say_signal(-status)}" if status < 0 else f"exit code {status}"
    starter = f"{names.get(parent) or 'process'} (pid {parent})"
    after = "" if first.wall is None else f" after {words.duration(first.wall)}"
    if len(rows) == 1:
        verb = "was" if status < 0 else "ended with"
        sentence = f"{first.name} (pid {first.pid}) {verb} {end}{after}; {starter} had started it."
    else:
        verb = "were" if status < 0 else "ended with"
        shown = words.listed([row.name for row in rows[:_NAMED]] + ["others"] * (len(rows) > _NAMED))
        sentence = f"{len(rows)} processes ({shown}) {verb} {end}, the first{after}; {starter} had started them."
    return Finding(
        slug=SLUG,
        severity=severity,
        start_s=(first.started + (first.wall or 0)) / 1e9,
        duration_s=0.0,
        track=first.name,
        sentence=sentence,
        advice=_CURES[how],
        details={
            "pid": first.pid,
            "process": first.name,
            "command": first.command or None,
            "status": status,
            "signal": say_signal(-status) if status < 0 else None,
            "parent": first.parent,
            "count": len(rows),
        },
    )


def _kind(status: int, untraced: bool) -> tuple[str, Severity]:
    """What happened, and how bad that is: many a program that is no Python says by its exit code what it has found."""
    if status > 0:
        return "failed", "info" if untraced else "warning"
    if -status in _ASKED:
        return "asked", "info"
    return "crashed" if -status in _CRASHED else "killed", "warning"
