"""Polls: under which models they come in time, and what held them up, as sentences. Knows no other verdict and no table."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from tracekit.analyze.words import duration, listed
from tracekit.rounds.comparison import BASE, ONE_CORE, Comparison, Row

ON_TIME = 0.5  # of a poll's period: what is no later has not been held up
_STARVED = 3.0  # such periods: what is later has missed turns
_DOES = {"compute": "computes", "io": "blocks", "sleep": "sleeps"}


def polls(comparison: Comparison, rows: Sequence[Row]) -> list[str]:
    """Under which models they starve, are held up and come in time, a sentence each, with the rule and the turn that decides."""
    late = sorted((row for row in rows if row.poll_worst_s is not None), key=_late, reverse=True)
    every = min(comparison.polls_every_s.values(), default=0.0)
    starved = [row for row in late if is_starved(row, every)]
    delayed = [row for row in late if row not in starved and _late(row) > every * ON_TIME]
    timely = [row for row in late if row not in starved and row not in delayed]
    several = len(comparison.polls_every_s) > 1
    poll = (
        f"The polls, one of them due every {_seconds(every)}," if several else f"The poll, due every {_seconds(every)},"
    )
    it, are, s = ("They", "are", "") if several else ("It", "is", "s")
    said = []
    if starved:
        each = [f"{row.model} ({_starving(row, every)})" for row in starved]
        rule = f"a turn {_seconds(every * _STARVED)} late, or {_seconds(every)} behind a single step"
        said.append(f"{poll} starve{s} ({rule}) under {_and(each)}.")
    if delayed:
        each = [f"{row.model} ({_seconds(row.poll_worst_s)} at worst)" for row in delayed]
        rule = f"a turn over {_seconds(every * ON_TIME)} late"
        said.append(f"{it if said else poll} {are} held up ({rule}), not starved, under {_and(each)}.")
    if timely:
        worst = f"{_seconds(_late(timely[0]))} late at worst"
        under = f" under {_listed(list(reversed(timely)))}" if len(timely) < len(late) else " under all of them"
        rule = "" if delayed else f" (no turn over {_seconds(every * ON_TIME)} late)"
        said.append(f"{it if said else poll} come{s} in time{rule}{under}: {worst}.")
    return said


def is_starved(row: Row, every: float) -> bool:
    """Whether a poll missed several turns, or one because a single step went before it."""
    return every > 0 and (_late(row) >= every * _STARVED or _behind_a_step(row, every) is not None)


def _starving(row: Row, every: float) -> str:
    """The turn that decides: one behind a step, with that step; else the latest of all rounds."""
    behind = _behind_a_step(row, every)
    if behind is None:
        return f"{_seconds(row.poll_worst_s)} late"
    late, task, kind, length = behind
    return f"{_seconds(late)} late, while {task} {_DOES.get(kind, 'runs')} for {_seconds(length)}"


def _behind_a_step(row: Row, every: float) -> tuple[float, str, str, float] | None:
    """What `_holder` tells of a turn that was a whole period late at least."""
    behind = _holder(row)
    return behind if behind is not None and behind[0] >= every else None


def _holder(row: Row) -> tuple[float, str, str, float] | None:
    """How late the latest turn of a poll was in the middle run, and the step that it waited for: task, kind and length."""
    turns = [part for lane in row.lanes if lane.is_poll for part in lane.parts]
    if not turns:
        return None
    due, at, _, _ = max(turns, key=lambda part: part[1] - part[0])
    events = sorted(
        time
        for lane in row.lanes
        for begin, end, _, _ in lane.parts
        for time in ((end,) if lane.is_poll else (begin, end))
    )
    steps = [
        (min(end, at) - max(begin, due), end - begin, lane.task, kind)
        for lane in row.lanes
        for begin, end, kind, _ in lane.parts
        if not lane.is_poll and (row.model == BASE or _may_hold(row.model, kind, events, begin, end))
    ]
    covered, length, task, kind = max(steps, default=(0.0, 0.0, "", ""))
    is_it = task and covered >= (at - due) / 2 and covered >= length / 2
    return (at - due, task, kind, length) if is_it else None


def _may_hold(model: str, kind: str, events: Sequence[float], begin: float, end: float) -> bool:
    """Whether others may have waited for a step: one that computes where there is one thread, or one that stopped all others.

    I/O that others went on beside was awaited, and computing that they went on beside was in a thread or process of its own.
    """
    goes_on = bisect_left(events, end) > bisect_right(events, begin)
    return kind != "sleep" and (not goes_on or (kind == "compute" and model in ONE_CORE))


def _late(row: Row) -> float:
    return row.poll_worst_s or 0.0


def _seconds(seconds: float | None) -> str:
    return duration(round((seconds or 0.0) * 1e9))


def _listed(rows: Sequence[Row]) -> str:
    return _and([row.model for row in rows])


def _and(words: Sequence[str]) -> str:
    return listed(list(words))
