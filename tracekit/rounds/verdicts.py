"""Verdicts: what a comparison shows, as sentences with their numbers. Knows no table and no terminal."""

from __future__ import annotations

from collections.abc import Sequence

from tracekit.analyze.words import count, duration, listed, size
from tracekit.rounds.comparison import ALL_CORES, BASE, ONE_CORE, Bound, Comparison, Gain, Row
from tracekit.rounds.level import TIE, is_level, is_untold, is_within
from tracekit.rounds.polls import ON_TIME, is_starved, polls
from tracekit.rounds.predicted import accuracy
from tracekit.rounds.statistics import interval, median
from tracekit.rounds.weighing import ratios

# Where a model is this many times as fast on pure sleep, or pure computing, in all runs, it does that side by side.
OVERLAPS = 1.2
_SEVERAL = 1.3  # cores that are in use: more than one
_A_CORE = 0.5  # that is in use: below that there is too little computing for more cores to matter
_MUCH_MEMORY = 1.5  # times what the lightest takes
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
        _results(comparison),
        _too_short(comparison, rows[0]),
        _best(rows, every),
        _controls(comparison, rows[0]),
        _cores(comparison, rows),
        *polls(comparison, rows),
    ]
    found += [_order(rows), _memory(rows), _foretold(comparison)]
    return [sentence for sentence in found if sentence]


def overlaps(bound: Bound, has_gil: bool = True) -> str:
    """What a model does side by side, as the controls tell: "waits and computing", "waits, not computing", "waits, computing?".

    Args:
        has_gil: whether threads of one process compute in turn.
    """
    side, unsure, alone = _told_of(bound, has_gil)
    if alone and not side and not unsure:
        return "nothing"
    perhaps = [f"{word}?" for word in unsure]
    return ", ".join([*([_and(side)] if side else []), *perhaps, *(f"not {word}" for word in alone)])


def spread(gain: Gain | None, unit: str = "") -> str:
    """What a control brought in its runs, "0.73 to 1.77"; "" where it was not measured."""
    if gain is None:
        return ""
    least, most = (_times(bound).replace("x", unit) for bound in (gain.least, gain.most))
    return least if least == most else f"{least} to {most}"


def _told_of(bound: Bound, has_gil: bool) -> tuple[list[str], list[str], list[str]]:
    """Words for what a model does side by side, for what is not told, and for what it does not."""
    side, unsure, alone = [], [], []
    may_compute = bound.model in ALL_CORES or not (has_gil or bound.model in ONE_CORE)
    for gain, may, word in ((bound.sleeps, True, "waits"), (bound.computes, may_compute, "computing")):
        if gain is None:
            continue
        if gain.most < OVERLAPS:
            alone.append(word)
        elif gain.least >= OVERLAPS and may:
            side.append(word)
        else:
            unsure.append(word)
    return side, unsure, alone


def _best(rows: Sequence[Row], every: float) -> str:
    best, others = rows[0], rows[1:]
    told = f"{best.model} is the fastest: {_seconds(best.wall_s)}"
    if best.model != BASE and best.speedup is not None:
        told += f", {_times(best.speedup)} as fast as sequential{_between(best.speedup_low, best.speedup_high)}"
    within = [row for row in others if is_within(best, row)]
    untold = [f"{row.model} ({_seconds(row.wall_s)})" for row in others if is_untold(best, row)]
    if within or untold:
        told += (
            f". Within {TIE:.0%} of it: {_listed(within)}.{_most_in_time([best, *within], every)}" if within else "."
        )
        return told + (f" Not told from it by {count(len(best.walls), 'round')}: {_and(untold)}." if untold else "")
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
    allowed = every * ON_TIME
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
    side, unsure, alone = _told_of(bound, comparison.has_gil)
    does = ", not ".join(_and(words) for words in (side, alone) if words) if side else "nothing"
    return (
        f"The controls bound that: on pure sleep {best.model} brings {spread(bound.sleeps, 'x')}, on pure Python computing "
        f"{spread(bound.computes, 'x')}{f'; it overlaps {does}' if side or not unsure else ''}."
    )


def _cores(comparison: Comparison, rows: Sequence[Row]) -> str:
    best = rows[0]
    one = next((row for row in rows if row.model in ONE_CORE), None)
    if comparison.cores < 2 or one is None or best.wall_s is None or one.wall_s is None:
        return ""
    if is_within(best, one):
        if best.cores_used is None or best.cores_used < _A_CORE:  # it waits, and no core is short
            return ""
        if not any(row.model in ALL_CORES for row in rows):  # nobody tried: threads in Python compute on one as well
            return ""
        alone = not any(is_level(best, row) or is_within(best, row) for row in rows[1:])
        first = "the fastest of all" if alone else "and none is faster on the median"
        rest = first if one is best else f"and the fastest is no more than {TIE:.0%} ahead"
        starves = is_starved(one, min(comparison.polls_every_s.values(), default=0.0))
        price = "; but it starves the poll" if starves else ""
        return f"More cores save no time here: {one.model} runs on one of {comparison.cores}, {rest}{price}."
    if best.cores_used is not None and best.cores_used > _SEVERAL and not is_untold(best, one):
        return (
            f"More cores pay: {best.model} kept {best.cores_used:.1f} of {comparison.cores} busy; the best on one, "
            f"{one.model}, takes {_seconds(one.wall_s)}."
        )
    return ""


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
    if comparison.results_alike is not False:
        return ""
    rows = comparison.measured
    unlike = [row for row in rows if row.same_results is False]
    if any(row.model == BASE for row in unlike):
        told = f"Not even {BASE} returned the same in all rounds"
    elif unlike:
        told = f"{_listed(unlike)} did not return what {BASE} did"
    else:
        told = "The models did not all return the same"
    return f"{told}: let what the workload returns depend on nothing but its input."


def _foretold(comparison: Comparison) -> str:
    told = accuracy(comparison.rows)
    if told is None:
        return ""
    worst = max(told.errors, key=lambda model: abs(told.errors[model]))
    if told.named == told.best:
        named = f"{told.best}, rightly"
    elif told.level_named:
        near = f"is within {TIE:.0%} of" if told.best_named else "the rounds do not tell from"
        named = f"{told.named}, which {near} {told.best}, the fastest"
    else:
        named = f"{told.named}, which is slower than {told.best}, the fastest"
    return (
        f"Predicted from one traced run of {comparison.traced_model}: off by {told.median_error:.0%} (median), at most by "
        f"{abs(told.errors[worst]):.0%} ({worst}); {_foretold_within(comparison)}; it would have chosen {named}."
    )


def _foretold_within(comparison: Comparison) -> str:
    told = [(row.predicted, row.wall_s) for row in comparison.measured if row.predicted and row.wall_s]
    within = sum(foretold.low_s <= wall <= foretold.high_s for foretold, wall in told)
    return f"{within} of {count(len(told), 'wall time')} lay within what was predicted"


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
