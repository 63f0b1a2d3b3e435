"""The report for scripts: its keys and units are a promise. Knows no recording."""

from __future__ import annotations

import json

import orjson
import pytest
from hand_made_states import lay_states

from tracekit.analyze import analyze
from tracekit.export import report_json
from tracekit.export.report_json import report
from tracekit.model.builder import Builder
from tracekit.model.trace import Category, TrackKind

S = 1_000_000_000


def test_shape() -> None:
    """One object with the promised keys; durations in seconds, null for what was not seen; plain JSON throughout."""
    builder = Builder("app.py")
    process = builder.process(10, "app.py", started=0, ended=4 * S, python="3.11.7")
    builder.process(11, "sh", command="sh -c true", parent=process, started=S, untraced="it is not Python", status=0)
    builder.processes[process].starting, builder.processes[process].peak_rss = S // 4, 4096
    thread = builder.thread(process, 10, "MainThread", started=0, ended=4 * S, main=True)
    loop = builder.loop(process, thread, "Loop")
    builder.loops[loop].running, builder.loops[loop].open = S, 4 * S
    track = builder.track(TrackKind.THREAD, thread)
    builder.slice(track, 0, 4 * S, "MainThread", Category.THREAD)
    task = builder.task(process, loop, "Task-1", coroutine="work", created=S // 2, running=2 * S, ready=S // 2, steps=1)
    builder.slice(track, S, 3 * S, "Task-1", Category.STEP, task=task)
    life = builder.track(TrackKind.TASK, task)
    builder.slice(life, S // 2, S, "ready", Category.READY, task=task)
    builder.slice(life, 3 * S, 4 * S, "awaiting lock", Category.AWAITING, task=task)
    builder.tasks[task].awaits, builder.tasks[task].created_at = "lock", "main (/app.py:9)"
    builder.slice(track, 3 * S, 4 * S, "job", Category.JOB, args={"queued_ns": S})
    builder.note("something was dropped")
    trace = builder.build(exit_status=0)
    object_ = json.loads(json.dumps(report(trace, analyze(trace)), allow_nan=False))
    findings = object_.pop("findings")
    assert object_ == {
        "schema": 1,
        "program": "app.py",
        "exit_status": 0,
        "wall_s": 4.0,
        "processes": [
            {
                "pid": 10,
                "name": "app.py",
                "command": "",
                "parent": None,
                "started_s": 0.0,
                "ended_s": 4.0,
                "wall_s": 4.0,
                "threads": 1,
                "traced": True,
                "untraced": None,
                "python": "3.11.7",
                "status": None,
                "starting_s": 0.25,
                "peak_rss_bytes": 4096,
                "pss_bytes": None,
                "shared_bytes": None,
            },
            {
                "pid": 11,
                "name": "sh",
                "command": "sh -c true",
                "parent": 10,
                "started_s": 1.0,
                "ended_s": None,
                "wall_s": None,
                "threads": 0,
                "traced": False,
                "untraced": "it is not Python",
                "python": None,
                "status": 0,
                "starting_s": None,
                "peak_rss_bytes": None,
                "pss_bytes": None,
                "shared_bytes": None,
            },
        ],
        "threads": [
            {
                "name": "MainThread",
                "pid": 10,
                "tid": 10,
                "started_s": 0.0,
                "ended_s": 4.0,
                "life_s": 4.0,
                "occupied_s": 3.0,
                "states": None,
                "unlocked_s": None,
                "switches": None,
                "preempted": None,
                "longest_ready_s": None,
            }
        ],
        "turns": [],
        "locks": [],
        "tasks": [
            {
                "name": "Task-1",
                "coroutine": "work",
                "loop": 0,
                "pid": 10,
                "file": None,
                "line": None,
                "created_s": 0.5,
                "ended_s": None,
                "outcome": "pending",
                "error": None,
                "creator": None,
                "created_at": "main (/app.py:9)",
                "begun_before": False,
                "steps": 1,
                "running_s": 2.0,
                "ready_s": 0.5,
                "awaiting_s": 0.0,
                "longest_step_s": 2.0,
                "awaited_s": {"lock": 1.0},
                "awaiting_what": "lock",
                "awaits": "lock",
                "cancelled_by": None,
            }
        ],
        "loops": [
            {
                "name": "Loop",
                "pid": 10,
                "thread": "MainThread",
                "running_s": 1.0,
                "open_s": 4.0,
                "used": 0.25,
                "utilisation": 0.25,
                "ready_count": 1,
                "ready_total_s": 0.5,
                "ready_p50_s": 0.5,
                "ready_p99_s": 0.5,
                "ready_max_s": 0.5,
            }
        ],
        "pools": [],
        "jobs": [
            {"function": "job", "count": 1, "ran_s": 1.0, "longest_s": 1.0, "queued_s": 1.0, "longest_queued_s": 1.0}
        ],
        "kinds": [
            {
                "what": "task",
                "name": "work",
                "file": None,
                "line": None,
                "count": 1,
                "total_s": 3.5,
                "shares": {"unseen": 2 / 3.5, "lock": 1 / 3.5, "loop": 0.5 / 3.5},
                "kind": "waiting for locks",
                "confidence": 1.5 / 3.5,
                "samples": 0,
            },
            {
                "what": "job",
                "name": "job",
                "file": None,
                "line": None,
                "count": 1,
                "total_s": 1.0,
                "shares": {"unseen": 1.0},
                "kind": "not told",
                "confidence": 0.0,
                "samples": 0,
            },
        ],
        "logs": [],
        "notes": ["something was dropped"],
    }
    assert [(finding["slug"], finding["task"], finding["duration_s"]) for finding in findings] == [
        ("loop-blocked", "Task-1", 2.0)
    ]


def test_states() -> None:
    """A thread that was sampled has the seconds of exactly eight states, and its process how its threads took turns."""
    builder = Builder("app.py")
    thread = builder.thread(builder.process(10, "app.py"), 10, "MainThread", main=True)
    parts = ((500, "running"), (250, "waiting for the GIL"), (125, "waiting for a child"), (125, "not told"))
    lay_states(builder, thread, *parts, times=4, switches=8)
    object_ = json.loads(json.dumps(report(builder.build(), []), allow_nan=False))
    assert object_["threads"][0]["states"] == {
        "running": 2.0,
        "runnable": 0.0,
        "gil": 1.0,
        "lock": 0.0,
        "poll": 0.0,
        "io": 0.0,
        "sleep": 0.0,
        "other": 1.0,
    }
    assert object_["threads"][0]["unlocked_s"] is None
    assert (object_["threads"][0]["switches"], object_["threads"][0]["longest_ready_s"]) == (8, 0.25)
    assert object_["turns"] == [
        {
            "pid": 10,
            "name": "app.py",
            "threads": 1,
            "cores_used": 0.5,
            "switches": 8,
            "switches_per_s": 2.0,
            "turn_s": 0.25,
        }
    ]


def test_empty() -> None:
    """A trace of nothing has every key as well."""
    empty = report(Builder("nothing").build(), [])
    assert empty["processes"] == empty["threads"] == empty["tasks"] == empty["findings"] == []
    assert (empty["wall_s"], empty["exit_status"]) == (0.0, None)


@pytest.mark.parametrize("tasks", [0, 1, 3, 4, 9])
def test_text_is_the_report(monkeypatch: pytest.MonkeyPatch, tasks: int) -> None:
    """The text that is made piece by piece is that of the whole object, however many tasks there are."""
    monkeypatch.setattr(report_json, "_BATCH", 3)
    builder = Builder("app.py")
    process = builder.process(10, "two\nlines", started=0, ended=S)
    loop = builder.loop(process, builder.thread(process, 10, "MainThread", started=0, ended=S, main=True), "Loop")
    for number in range(tasks):
        builder.task(process, loop, f"Task-{number}", coroutine="wörk\n  ]", created=number)
    trace = builder.build()
    whole = orjson.dumps(report(trace, []), option=orjson.OPT_INDENT_2) + b"\n"
    assert b"".join(report_json.text(trace, [])) == whole
