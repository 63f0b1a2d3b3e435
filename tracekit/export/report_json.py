"""Report as one JSON object, for scripts: stable keys, durations in seconds. Knows no trace file and no text.

    schema      1; it grows when a key changes its meaning, not when one is added
    program     what was run
    exit_status of the program, as a shell says it; null where it is not known
    wall_s      how long the trace is
    processes   pid, name, command, parent (pid), started_s, ended_s, wall_s, threads, traced, untraced (why), python, status
                (exit code, or minus a signal), starting_s (from when it was asked for until multiprocessing's ran what it
                was made for, and others recorded for the first time, right before the first line of their program),
                peak_rss_bytes, pss_bytes, shared_bytes (the most that was seen)
    threads     name, pid, tid, started_s, ended_s, life_s, occupied_s (in spans, steps, callbacks and jobs); of those that an
                observer sampled also states (seconds in each of running, runnable, gil, lock, poll, io, sleep, other),
                unlocked_s (of running, without the GIL; null where that is not told), switches (how often it was given a core),
                preempted (how often one was taken from it), longest_ready_s (the longest time in a row that it could have
                run and did not); null for others
    turns       of each process that was sampled: pid, name, threads, cores_used (on average, from the first sample to the
                last), switches, switches_per_s, turn_s (how long a thread kept a core on average)
    locks       what threads waited for, of recordings with --locks; each lock that others held, the longest waited for first,
                then each place that waits for something else (a word, work, a thread's end): lock (null there), call (what
                the program called), pid, shared (by processes), contended, waits, taken (how many of them got it), waited_s,
                longest_s, share (of the lives of those who waited), most_waiting (at once), waiters (name, tid, waited_s),
                held_by (name, waited_s), held_at and waits_at (function, file, line, waited_s)
    tasks       name, coroutine, loop (index into loops), pid, file, line, created_s, ended_s, outcome, error,
                creator, created_at (the program's line that did), begun_before (the recording), steps, running_s, ready_s,
                awaiting_s, longest_step_s,
                awaited_s (seconds by what was awaited, as far as that is known, the longest first), awaiting_what (the
                first of them), awaits (what it awaited when the trace ended), cancelled_by (a task, callback or thread)
    loops       name, pid, thread, running_s, open_s, used (running / open), utilisation (the same), ready_count (how
                often a ready task waited for the loop), ready_total_s, ready_p50_s, ready_p99_s, ready_max_s of these
                waits, each of which counts once
    pools       of each executor that ran a job: name, pid, workers (how many it may have), started (processes), used (workers
                that ran a job), submitted, jobs (that ran; each piece of a map is one), waiting (never begun), nested
                (submitted by jobs of the same pool), queued_p50_s, queued_p95_s, queued_max_s, queued_total_s, likewise ran_…
                and travel_… (pickled, transferred and unpickled, with results), sent_bytes, received_bytes, busy_mean,
                busy_peak (workers that ran a job), wanted (workers that would have been enough for 95 % of the time)
    jobs        function, count, ran_s, longest_s, queued_s, longest_queued_s
    kinds       where the time of each goes, what took longest first: what (span, task, job, function, thread: of one name, and
                of each at most the 1,000 longest), name, file, line, count, total_s, shares (of total_s, they add up to 1:
                gil, native, cpu: computing with the GIL, without it, not told which; waiting: gil_wait, core, io, timer, lock,
                other, loop, task, job; unseen), kind (a name for it), confidence (0 to 1), samples (looks that are behind it);
                analyze/work_kinds.py and analyze/spent.py say how
    logs        of each level at which something was logged, the worst first: level, count, the text that was most_often, its
                times, when first (first_s) and where (function, file, line); of programs that have tracekit record what they log
    findings    slug, severity, start_s, duration_s, track, sentence, advice, function, file, line, library, and the
                keys of each kind (analyze/loop_blocked.py and so on), worst first
    notes       what must be known before the trace is believed, a sentence each

Times are seconds since the start of the trace. What was not seen is null, as ended_s of a task that was still pending.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import orjson

from tracekit.analyze import tables, thread_states
from tracekit.analyze.awaited import awaited
from tracekit.analyze.finding import Finding
from tracekit.export._kinds import kinds_as_objects
from tracekit.export._locks import waits_as_objects
from tracekit.export._logs import logs_as_objects
from tracekit.export._pools import pools_as_objects
from tracekit.model.trace import Trace

SCHEMA = 1

_BATCH = 1 << 10  # tasks


def report(trace: Trace, findings: Sequence[Finding]) -> dict[str, Any]:
    """What `report --json` prints, ready for json.dumps; its keys are described above."""
    return {key: list(value) if isinstance(value, Iterator) else value for key, value in parts(trace, findings).items()}


def text(trace: Trace, findings: Sequence[Finding]) -> Iterator[bytes]:
    """What `report --json` prints, piece by piece: of millions of tasks never more than some thousands are held as objects."""
    between = b"{\n"
    for key, value in parts(trace, findings).items():
        yield b'%s  "%s": ' % (between, key.encode())
        yield from _array(value) if isinstance(value, Iterator) else (_shifted(value),)
        between = b",\n"
    yield b"\n}\n"


def _array(items: Iterator[Any]) -> Iterator[bytes]:
    between = b"["
    while batch := list(islice(items, _BATCH)):
        yield between + _shifted(batch).removeprefix(b"[").removesuffix(b"\n  ]")
        between = b","
    yield b"[]" if between == b"[" else b"\n  ]"


def _shifted(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).replace(b"\n", b"\n  ")


def parts(trace: Trace, findings: Sequence[Finding]) -> dict[str, Any]:
    """What stands in it, in order; what there may be millions of (tasks) as an iterator, once."""
    return {
        "schema": SCHEMA,
        "program": trace.program,
        "exit_status": trace.exit_status,
        "wall_s": trace.duration / 1e9,
        "processes": [_process(row) for row in tables.processes(trace)],
        "threads": _threads(trace),
        "turns": [_turns(row) for row in thread_states.turns(trace)],
        "locks": waits_as_objects(trace),
        "tasks": _tasks(trace),
        "loops": [_loop(row) for row in tables.loops(trace)],
        "pools": pools_as_objects(trace),
        "jobs": [_job(row) for row in tables.jobs(trace)],
        "kinds": kinds_as_objects(trace),
        "logs": logs_as_objects(trace),
        "findings": [finding.to_dict() for finding in findings],
        "notes": list(trace.notes),
    }


def _seconds(ns: int | None) -> float | None:
    return None if ns is None else ns / 1e9


def _process(row: tables.ProcessRow) -> dict[str, Any]:
    return {
        "pid": row.pid,
        "name": row.name,
        "command": row.command,
        "parent": row.parent,
        "started_s": _seconds(row.started),
        "ended_s": _seconds(row.ended),
        "wall_s": _seconds(row.wall),
        "threads": row.threads,
        "traced": not row.untraced,
        "untraced": row.untraced or None,
        "python": row.python or None,
        "status": row.status,
        "starting_s": _seconds(row.starting),
        "peak_rss_bytes": row.peak_rss or None,
        "pss_bytes": row.pss or None,
        "shared_bytes": row.shared or None,
    }


def _threads(trace: Trace) -> list[dict[str, Any]]:
    seen = {row.thread: row for row in thread_states.threads(trace)}
    return [_thread(row) | _states(seen.get(index)) for index, row in enumerate(tables.threads(trace))]


def _states(row: thread_states.StateRow | None) -> dict[str, Any]:
    if row is None:
        return {"states": None, "unlocked_s": None, "switches": None, "preempted": None, "longest_ready_s": None}
    return {
        "states": {field: ns / 1e9 for field, ns in row.states.items()},
        "unlocked_s": None if row.unlocked is None else row.unlocked / 1e9,
        "switches": row.switches,
        "preempted": row.preempted,
        "longest_ready_s": row.longest_ready / 1e9,
    }


def _turns(row: thread_states.TurnsRow) -> dict[str, Any]:
    return {
        "pid": row.pid,
        "name": row.name,
        "threads": row.threads,
        "cores_used": row.running / row.span if row.span else None,
        "switches": row.switches,
        "switches_per_s": row.per_second,
        "turn_s": _seconds(row.turn),
    }


def _thread(row: tables.ThreadRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "pid": row.pid,
        "tid": row.tid,
        "started_s": _seconds(row.started),
        "ended_s": _seconds(row.ended),
        "life_s": _seconds(row.life),
        "occupied_s": _seconds(row.occupied),
    }


def _tasks(trace: Trace) -> Iterator[dict[str, Any]]:
    """The tasks in the order in which they were created; not the rows of the text report, which sorts and shortens."""
    waited = awaited(trace)
    for index, (task, longest) in enumerate(zip(trace.tasks, tables.longest_steps(trace))):
        yield {
            "name": task.name,
            "coroutine": task.coroutine,
            "loop": task.loop,
            "pid": trace.processes[task.process].pid,
            "file": task.file or None,
            "line": task.line or None,
            "created_s": _seconds(task.created),
            "ended_s": _seconds(task.ended),
            "outcome": task.outcome,
            "error": task.error or None,
            "creator": task.creator or None,
            "created_at": task.created_at or None,
            "begun_before": task.begun_before,
            "steps": task.steps,
            "running_s": _seconds(task.running),
            "ready_s": _seconds(task.ready),
            "awaiting_s": _seconds(task.awaiting),
            "longest_step_s": _seconds(longest),
            "awaited_s": {what: time / 1e9 for what, time in waited.get(index, {}).items()},
            "awaiting_what": next(iter(waited.get(index, ())), None),
            "awaits": task.awaits or None,
            "cancelled_by": task.cancelled_by or None,
        }


def _loop(row: tables.LoopRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "pid": row.pid,
        "thread": row.thread,
        "running_s": _seconds(row.running),
        "open_s": _seconds(row.open),
        "used": row.used,
        "utilisation": row.used,
        "ready_count": row.ready.count,
        "ready_total_s": _seconds(row.ready.total),
        "ready_p50_s": _seconds(row.ready.p50),
        "ready_p99_s": _seconds(row.ready.p99),
        "ready_max_s": _seconds(row.ready.longest),
    }


def _job(row: tables.JobRow) -> dict[str, Any]:
    return {
        "function": row.function,
        "count": row.count,
        "ran_s": _seconds(row.running),
        "longest_s": _seconds(row.longest),
        "queued_s": _seconds(row.queued),
        "longest_queued_s": _seconds(row.longest_queued),
    }
