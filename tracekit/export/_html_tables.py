"""The tables on the page of a report, from the object that `report --json` prints. Knows its keys, and no trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracekit.analyze import words
from tracekit.export._html_table import (
    MOST,
    Column,
    Kind,
    Row,
    legend,
    number,
    percent,
    place,
    seconds,
    shares,
    table,
    word,
)
from tracekit.export._html_tasks import tasks
from tracekit.export._markup import Markup, each, element
from tracekit.model.status import say_status

_STATES = (
    Kind("running", "compute", "running"),
    Kind("unlocked", "native", "running without the GIL"),
    Kind("runnable", "core", "ready, no core for it"),
    Kind("gil", "gil", "waiting for the GIL"),
    Kind("lock", "lock", "waiting for a lock"),
    Kind("io", "io", "reading or writing"),
    Kind("poll", "polling", "polling"),
    Kind("sleep", "sleep", "sleeping"),
    Kind("other", "other", "something else"),
)
_SPENT = (
    Kind("gil", "compute", "computing under the GIL"),
    Kind("native", "native", "computing without the GIL"),
    Kind("cpu", "cpu", "computing, not told which"),
    Kind("gil_wait", "gil", "waiting for the GIL"),
    Kind("core", "core", "waiting for a core"),
    Kind("loop", "loop", "waiting for the loop"),
    Kind("lock", "lock", "waiting for locks"),
    Kind("io", "io", "waiting for I/O"),
    Kind("job", "job", "waiting for jobs"),
    Kind("task", "task", "waiting for tasks"),
    Kind("timer", "sleep", "waiting for timers"),
    Kind("other", "other", "waiting for something else"),
)
_OCCUPIED = "occupied: in spans, steps, callbacks and jobs, computing or waiting"


def tables(report: Mapping[str, Any]) -> tuple[list[Markup], list[tuple[str, str]]]:
    """The sections of those tables that have rows, and the anchor and name of each.

    Args:
        report: as `report_json.parts` returns it.
    """
    made = [
        _section("kinds", "Kinds of work", _kinds(report.get("kinds", ()))),
        _section("threads", "Threads", _threads(report["threads"])),
        _section("tasks", "Tasks", tasks(report["tasks"])),
        _section("loops", "Event loops", _loops(report["loops"])),
        _section("turns", "Turns", _turns(report["turns"])),
        _section("pools", "Pools", _pools(report["pools"])),
        _section("jobs", "Jobs", _jobs(report["jobs"])),
        _section("locks", "Locks", _locks(report["locks"])),
        _section("processes", "Processes", _processes(report["processes"])),
        _section("logs", "Logs", _logs(report["logs"])),
    ]
    there = [section for section in made if section is not None]
    return [section for _, _, section in there], [(anchor, name) for anchor, name, _ in there]


def _section(anchor: str, name: str, body: Markup) -> tuple[str, str, Markup] | None:
    if not body:
        return None
    return anchor, name, element("section", element("h2", name), body, id=anchor)


def _all(columns: Sequence[Column], rows: Sequence[Row], note: str = "", kinds: Sequence[Kind] = ()) -> Markup:
    if not rows:
        return Markup("")
    said = element("p", note, class_="note") if note else Markup("")
    return each((said, legend(kinds) if kinds else Markup(""), table(columns, rows[:MOST], len(rows))))


def _bar(head: str, kinds: Sequence[Kind], key: str, whole: str) -> Column:
    return Column(head, "bar", lambda row: shares(kinds, row[key] or {}, row[whole]))


def _kinds(rows: Sequence[Row]) -> Markup:
    columns = (
        word("of", lambda row: row["name"] or "(no name)"),
        word("", lambda row: row["what"]),
        number("times", lambda row: f"{row['count']:,}"),
        number("took", lambda row: seconds(row["total_s"])),
        word("kind of work", lambda row: row["kind"]),
        Column("where the time went", "bar", lambda row: shares(_SPENT, row["shares"], 1.0)),
        number("sure", lambda row: f"{row['confidence']:.0%}"),
        word("where", place),
    )
    there = [kind for kind in _SPENT if any(row["shares"].get(kind.key, 0) >= 0.001 for row in rows[:MOST])]
    note = "took: all of them together. sure: how far this is to be trusted. What was not seen is left blank."
    return _all(columns, rows, note, there)


def _threads(rows: Sequence[Row]) -> Markup:
    several = len({row["pid"] for row in rows}) > 1
    rows = [
        {**row, "parted": _parted(row["states"], row["unlocked_s"]), "ran_s": (row["states"] or {}).get("running")}
        for row in rows
    ]
    rows = [{**row, "seen_s": sum(row["parted"].values())} for row in rows]
    columns = (
        word("name", lambda row: row["name"]),
        number("pid", lambda row: str(row["pid"]) if several else ""),
        number("life", lambda row: seconds(row["life_s"])),
        number("occupied", lambda row: "" if row["occupied_s"] is None else seconds(row["occupied_s"])),
        _bar("what it did, as seen from outside", _STATES, "parted", "seen_s"),
        number("ran", lambda row: percent((row["ran_s"] or 0.0) / (row["seen_s"] or 1))),
        number("held up", lambda row: seconds(row["longest_ready_s"]) if row["states"] else ""),
        number("switches", lambda row: f"{row['switches']:,}" if row["switches"] else ""),
        number("preempted", lambda row: f"{row['preempted']:,}" if row["preempted"] else ""),
        word("", lambda row: "its end was not seen" if row["ended_s"] is None else ""),
    )
    worst = sorted(rows, key=lambda row: (-(row["ran_s"] or 0.0), -(row["occupied_s"] or 0.0)))
    there = [kind for kind in _STATES if any(row["parted"][kind.key] for row in worst[:MOST])]
    note = (
        f"{_OCCUPIED}. held up: the longest time in a row that it could have run and did not." if there else _OCCUPIED
    )
    return _all(columns, worst, note, there)


def _parted(states: Row | None, unlocked_s: float | None) -> dict[str, float]:
    """The states of a thread, "running" without what it ran without the GIL, which is one of its own."""
    known = {**(states or {}), "unlocked": unlocked_s}
    parted = {kind.key: known.get(kind.key) or 0.0 for kind in _STATES}
    parted["running"] = max(parted["running"] - parted["unlocked"], 0.0)
    return parted


def _loops(rows: Sequence[Row]) -> Markup:
    columns = (
        word("name", lambda row: row["name"]),
        word("thread", lambda row: row["thread"]),
        number("pid", lambda row: str(row["pid"])),
        number("open", lambda row: seconds(row["open_s"])),
        number("running", lambda row: seconds(row["running_s"])),
        number("used", lambda row: "?" if row["used"] is None else f"{row['used']:.0%}"),
        number("ready p50", lambda row: seconds(row["ready_p50_s"])),
        number("p99", lambda row: seconds(row["ready_p99_s"])),
        number("longest", lambda row: seconds(row["ready_max_s"])),
    )
    return _all(columns, rows, "ready: how long tasks that could have run waited for the loop.")


def _turns(rows: Sequence[Row]) -> Markup:
    columns = (
        number("pid", lambda row: str(row["pid"])),
        word("process", lambda row: row["name"]),
        number("threads", lambda row: f"{row['threads']:,}"),
        number("cores used", lambda row: "?" if row["cores_used"] is None else f"{row['cores_used']:.2f}"),
        number("switches/s", lambda row: f"{row['switches_per_s']:,.0f}"),
        number("one turn", lambda row: seconds(row["turn_s"])),
    )
    said = "How the threads of a process took turns on the cores. one turn: how long one kept its core, on average."
    return _all(columns, sorted(rows, key=lambda row: -row["switches"]), said)


def _pools(rows: Sequence[Row]) -> Markup:
    columns = (
        word("pool", lambda row: row["name"]),
        number("workers", lambda row: f"{row['used']} of {row['workers'] or '?'}"),
        number("jobs", lambda row: f"{row['jobs']:,}"),
        number("queued p50", lambda row: seconds(row["queued_p50_s"])),
        number("p95", lambda row: seconds(row["queued_p95_s"])),
        number("ran p50", lambda row: seconds(row["ran_p50_s"])),
        number("p95", lambda row: seconds(row["ran_p95_s"])),
        number("on its way", lambda row: "" if row["travel_p50_s"] is None else seconds(row["travel_p50_s"])),
        number("busy", lambda row: f"{row['busy_mean']:.1f}"),
        number("at most", lambda row: str(row["busy_peak"])),
    )
    return _all(
        columns, rows, "workers: those that ran a job, of those there may be. busy: how many of them did at a time."
    )


def _jobs(rows: Sequence[Row]) -> Markup:
    columns = (
        word("function", lambda row: words.short_function(row["function"])),
        number("times", lambda row: f"{row['count']:,}"),
        number("ran", lambda row: seconds(row["ran_s"])),
        number("longest", lambda row: seconds(row["longest_s"])),
        number("queued", lambda row: seconds(row["queued_s"])),
        number("longest", lambda row: seconds(row["longest_queued_s"])),
    )
    return _all(columns, rows)


def _locks(rows: Sequence[Row]) -> Markup:
    columns = (
        word("for", lambda row: f"{row['lock']} ({row['call']})" if row["lock"] else row["call"]),
        number("waits", lambda row: f"{row['waits']:,}"),
        number("waited", lambda row: seconds(row["waited_s"])),
        number("longest", lambda row: seconds(row["longest_s"])),
        number("in line", lambda row: str(row["most_waiting"])),
        word("held by", lambda row: next((holder["name"] for holder in row["held_by"]), "")),
        word("where", lambda row: next((_where(at) for at in (*row["held_at"], *row["waits_at"])), "")),
    )
    return _all(columns, rows)


def _where(at: Row) -> str:
    return words.place(at["function"], at["file"], at["line"])


def _processes(rows: Sequence[Row]) -> Markup:
    columns = (
        number("pid", lambda row: str(row["pid"])),
        word("name", lambda row: row["name"]),
        number("parent", lambda row: "" if row["parent"] is None else str(row["parent"])),
        number("wall", lambda row: seconds(row["wall_s"])),
        number("start-up", lambda row: "" if row["starting_s"] is None else seconds(row["starting_s"])),
        number("RSS", lambda row: words.size(row["peak_rss_bytes"]) if row["peak_rss_bytes"] else ""),
        number("PSS", lambda row: words.size(row["pss_bytes"]) if row["pss_bytes"] else ""),
        number("threads", lambda row: str(row["threads"])),
        word("ended", _end),
        word("not traced", lambda row: row["untraced"] or ""),
    )
    note = "RSS: the most of its memory that lay in RAM. PSS: its fair share of it. As far as it was looked at, once a second."
    return _all(columns, rows, note if any(row["pss_bytes"] for row in rows) else "")


def _end(row: Row) -> str:
    if row["status"] is not None:
        return say_status(row["status"])
    return "" if row["ended_s"] is not None else "its end was not seen"


def _logs(rows: Sequence[Row]) -> Markup:
    columns = (
        word("level", lambda row: row["level"]),
        number("lines", lambda row: f"{row['count']:,}"),
        number("first at", lambda row: seconds(row["first_s"])),
        word("most often", lambda row: row["most_often"]),
        number("times", lambda row: f"{row['times']:,}"),
        word("where", lambda row: element("code", _where(_texts(row))) if row["file"] else ""),
    )
    return _all(columns, rows)


def _texts(row: Row) -> Row:
    return {"function": row["function"] or "", "file": row["file"] or "", "line": row["line"] or 0}
