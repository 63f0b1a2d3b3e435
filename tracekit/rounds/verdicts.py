"""Verdicts: what a comparison shows, as sentences with their numbers. Knows no table and no terminal."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from tracekit.analyze.words import duration, listed, size
from tracekit.rounds.comparison import BASE, Bound, Comparison, Row
from tracekit.rounds.level import TIE, is_level
from tracekit.rounds.predicted import accuracy
from tracekit.rounds.statistics import interval, median
from tracekit.rounds.weighing import ratios

# Where a model is this many times as fast on pure sleep, or pure computing, it does that side by side.
_OVERLAPS = 1.3
_MUCH_MEMORY = 1.5  # times what the lightest takes
_ON_TIME = 0.5  # of a poll's period: what is no later has not been held up

_STARVED = 3.0  # such periods: what is later has missed turns
_DOES = {"compute": "computes", "io": "blocks", "sleep": "sleeps"}

_ONE_CORE = frozenset({"sequential", "asyncio", "gevent", "trio"})
_ALL_CORES = frozenset({"processes", "process-pool", "asyncio+processes", "interpreters"})
_MOST_SCALE = 1e6
_SHORT = 0.005  # seconds: to start a few threads or processes takes as long
_LOOKED_AT = 0.1  # seconds: of what is over sooner nobody has seen the most memory


def verdicts(comparison: Comparison) -> list[str]:
    """What there is to say, the most important first; a sentence or two each."""
    rows = comparison.measured
    if not rows:
        return ["No model could run this workload."]
    every = min(comparison.polls_every_s.values(), default=0.0)
    found = [
        _too_short(comparison, rows[0]),
        _best(rows, every),
        _controls(comparison, rows[0]),
        _cores(comparison, rows),
        *_polls(comparison, rows),
    ]
    found += [_order(rows), _memory(rows), _results(comparison), _foretold(comparison)]
    return [sentence for sentence in found if sentence]


def overlaps(bound: Bound) -> str:
    """What a model does side by side, as the controls tell: "waits and computing", "waits, not computing"."""
    told = [(bound.sleeping, "waits"), (bound.computing, "computing")]
    side = [word for speedup, word in told if speedup is not None and speedup >= _OVERLAPS]
    alone = [word for speedup, word in told if speedup is not None and speedup < _OVERLAPS]
    if not side:
        return "nothing"
    return _and(side) + (f", not {_and(alone)}" if alone else "")


def _best(rows: Sequence[Row], every: float) -> str:
    best, others = rows[0], rows[1:]
    told = f"{best.model} is the fastest: {_seconds(best.wall_s)}"
    if best.model != BASE and best.speedup is not None:
        told += f", {_times(best.speedup)} as fast as sequential{_between(best.speedup_low, best.speedup_high)}"
    level = [row for row in others if is_level(best, row)]
    if level:
        return f"{told}. {_listed(level)} cannot be told from it.{_most_in_time([best, *level], every)}"
    if others and (others[0].model != BASE or best.speedup is None):  # of which that was told
        gain = ratios(best.walls, others[0].walls)
        low, high = interval(gain) or (None, None)
        told += f"; the next, {others[0].model}, takes {_times(median(gain))} as long{_between(low, high)}"
    return told + "."


def _most_in_time(level: Sequence[Row], every: float) -> str:
    """Among models that are as fast as each other, the one under which polls are late the least.

    Where they come in time, that is how late they mostly are: the latest of all turns is a single one, which chance decides.
    """
    polled = [row for row in level if row.poll_worst_s is not None]
    if not polled:
        return ""
    allowed = every * _ON_TIME
    first, *others = sorted(polled, key=lambda row: (max(_late(row), allowed), row.poll_p50_s or 0.0))
    told = f"{_seconds(first.poll_p50_s)} late on the median, {_seconds(first.poll_worst_s)} at worst"
    than = f" ({_seconds(others[0].poll_p50_s)} and {_seconds(others[0].poll_worst_s)} under {others[0].model})"
    return f" Of these {first.model} keeps the poll most in time, {told}{than if others else ''}."


def _too_short(comparison: Comparison, best: Row) -> str:
    if best.wall_s is None or best.wall_s >= _SHORT:
        return ""
    scale = comparison.scale
    while best.wall_s * scale / comparison.scale < _LOOKED_AT and scale < _MOST_SCALE:
        scale *= 10
    return (
        f"There is too little to do here to tell models apart, {_seconds(best.wall_s)}, less than it takes to start some threads "
        f"or processes: compare with more, as --scale {scale:g}."
    )


def _controls(comparison: Comparison, best: Row) -> str:
    bound = next((bound for bound in comparison.controls if bound.model == best.model), None)
    if bound is None or bound.sleeping is None or bound.computing is None or best.speedup is None:
        return ""
    return (
        f"The controls bound that: on pure sleep {best.model} brings {_times(bound.sleeping)}, on pure Python computing "
        f"{_times(bound.computing)}; it overlaps {overlaps(bound)}."
    )


def _cores(comparison: Comparison, rows: Sequence[Row]) -> str:
    best = rows[0]
    one = next((row for row in rows if row.model in _ONE_CORE), None)
    if comparison.cores < 2 or one is None or best.wall_s is None or one.wall_s is None:
        return ""
    if one.wall_s <= best.wall_s * (1 + TIE):
        if not any(row.model in _ALL_CORES for row in rows):  # nobody tried: threads in Python compute on one as well
            return ""
        rest = "the fastest of all" if one is best else f"and the fastest is no more than {TIE:.0%} ahead"
        starves = _is_starved(one, min(comparison.polls_every_s.values(), default=0.0))
        price = "; but it starves the poll" if starves else ""
        return f"More cores save no time here: {one.model} runs on one of {comparison.cores}, {rest}{price}."
    if best.cores_used is not None and best.cores_used > _OVERLAPS:
        return (
            f"More cores pay: {best.model} kept {best.cores_used:.1f} of {comparison.cores} busy; the best on one, "
            f"{one.model}, takes {_seconds(one.wall_s)}."
        )
    return ""


def _polls(comparison: Comparison, rows: Sequence[Row]) -> list[str]:
    late = sorted((row for row in rows if row.poll_worst_s is not None), key=_late, reverse=True)
    every = min(comparison.polls_every_s.values(), default=0.0)
    starved = [row for row in late if _is_starved(row, every)]
    delayed = [row for row in late if row not in starved and _late(row) > every * _ON_TIME]
    timely = [row for row in late if row not in starved and row not in delayed]
    several = len(comparison.polls_every_s) > 1
    poll = (
        f"The polls, one of them due every {_seconds(every)}," if several else f"The poll, due every {_seconds(every)},"
    )
    it, are, s = ("They", "are", "") if several else ("It", "is", "s")
    said = []
    if starved:
        each = [f"{row.model} ({_seconds(row.poll_worst_s)} late{_while(row)})" for row in starved]
        said.append(f"{poll} starve{s} under {_and(each)}.")
    if delayed:
        each = [f"{row.model} ({_seconds(row.poll_worst_s)} at worst)" for row in delayed]
        said.append(f"{it if said else poll} {are} held up, not starved, under {_and(each)}.")
    if timely:
        worst = f"{_seconds(_late(timely[0]))} late at worst"
        under = f" under {_listed(list(reversed(timely)))}" if len(timely) < len(late) else " under all of them"
        said.append(f"{it if said else poll} come{s} in time{under}: {worst}.")
    return said


def _is_starved(row: Row, every: float) -> bool:
    """Whether a poll missed several turns, or one because a single step went before it."""
    return every > 0 and (_late(row) >= every * _STARVED or (_late(row) >= every and _holder(row) is not None))


def _holder(row: Row) -> tuple[str, str, float] | None:
    """What the latest turn of a poll waited for in the middle run: a step's task, kind and length; None if for no single step."""
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
    return (task, kind, length) if is_it else None


def _may_hold(model: str, kind: str, events: Sequence[float], begin: float, end: float) -> bool:
    """Whether others may have waited for a step: one that computes where there is one thread, or one that stopped all others.

    I/O that others went on beside was awaited, and computing that they went on beside was in a thread or process of its own.
    """
    goes_on = bisect_left(events, end) > bisect_right(events, begin)
    return kind != "sleep" and (not goes_on or (kind == "compute" and model in _ONE_CORE))


def _while(row: Row) -> str:
    holder = _holder(row)
    if holder is None:
        return ""
    task, kind, length = holder
    return f", while {task} {_DOES.get(kind, 'runs')} for {_seconds(length)}"


def _order(rows: Sequence[Row]) -> str:
    told = [row for row in rows if row.same_order is not None]
    alike = [row for row in told if row.same_order == 1.0]
    unlike = sorted((row for row in told if row not in alike), key=lambda row: row.same_order or 0.0)
    said = f"All runs had their events in the same order under {_listed(alike)}." if alike else ""
    if not unlike:
        return said
    shares: dict[float, list[Row]] = {}
    for row in unlike:
        shares.setdefault(row.same_order or 0.0, []).append(row)
    each = [f"{_listed(of)} ({share:.0%} of the pairs of runs were alike)" for share, of in shares.items()]
    said += (
        f" Not so under {_and(each)}"
        if alike
        else f"No model had its events in the same order in all runs: {_and(each)}"
    )
    turned = max(row.disorder or 0.0 for row in unlike)
    return f"{said}; up to {turned:.0%} of neighbouring events change places." if turned >= 0.005 else f"{said}."


def _memory(rows: Sequence[Row]) -> str:
    told = sorted((row for row in rows if row.peak_pss_bytes), key=_bytes)
    if len(told) < 2 or (rows[0].wall_s or 0.0) < _LOOKED_AT:
        return ""
    least, most, best = told[0], told[-1], rows[0]
    if _bytes(most) < _MUCH_MEMORY * _bytes(least):
        return f"Memory makes no difference: {size(_bytes(least))} to {size(_bytes(most))}."
    price = f"; {best.model}, the fastest, {_much(best, least)}" if best in told and best not in (least, most) else ""
    return f"Memory: {least.model} takes the least, {size(_bytes(least))}; {most.model} the most, {_much(most, least)}{price}."


def _much(row: Row, least: Row) -> str:
    return f"{size(_bytes(row))} ({_times(_bytes(row) / _bytes(least))})"


def _results(comparison: Comparison) -> str:
    if comparison.results_alike is False:
        return "The models did not all return the same: let what the workload returns depend on nothing but its input."
    return ""


def _foretold(comparison: Comparison) -> str:
    told = accuracy(comparison.rows)
    if told is None:
        return ""
    worst = max(told.errors, key=lambda model: abs(told.errors[model]))
    if told.named == told.best:
        named = f"{told.best}, rightly"
    elif told.level_named:
        named = f"{told.named}, which cannot be told from {told.best}, the fastest"
    else:
        named = f"{told.named}, which is slower than {told.best}, the fastest"
    return (
        f"Predicted from one traced run of {comparison.traced_model}: off by {told.median_error:.0%} (median), at most by "
        f"{abs(told.errors[worst]):.0%} ({worst}); it would have chosen {named}."
    )


def _late(row: Row) -> float:
    return row.poll_worst_s or 0.0


def _bytes(row: Row) -> int:
    return row.peak_pss_bytes or 0


def _seconds(seconds: float | None) -> str:
    return duration(round((seconds or 0.0) * 1e9))


def _times(ratio: float) -> str:
    return f"{ratio:.2f}x" if ratio < 9.995 else f"{ratio:.1f}x"


def _between(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({_times(low)} to {_times(high)})"


def _listed(rows: Sequence[Row]) -> str:
    return _and([row.model for row in rows])


def _and(words: Sequence[str]) -> str:
    return listed(list(words))
