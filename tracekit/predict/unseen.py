"""Unseen: what cannot be told because nobody looked, too seldom, or at a bad time; what to record then. Knows no advice."""

from __future__ import annotations

from collections import Counter

from tracekit.analyze import core_starved, words
from tracekit.model.trace import Trace
from tracekit.predict.model_advice import groups_of
from tracekit.predict.parts import Prediction, Work

_SHORT_NS = 1_000_000_000  # about so long a program should take, so that an observer sees enough of it
_MOST = 0.5
_FAR = 0.3  # a simulation of what was traced that is further away than that leaves out something
_SMALL_NS = {"process-pool": 50_000, "thread-pool": 20_000}  # passing a job to a worker and back costs more than that
_PASSING = 0.1  # of the program's time: so much passing must cost at least
_MORE = "run it with more to do (a larger input, or the work repeated, until it takes some seconds)"


def find(trace: Trace) -> list[str]:
    """What the whole trace cannot tell; a sentence each."""
    if not trace.states:
        return [_nobody(trace)]
    return [
        "Other programs had the cores for a good part of the time (this one used {cores_used:.2f} of {cores} while its threads "
        "wanted more), so that all took longer than it need: record it again where it is alone.".format(
            **finding.details
        )
        for finding in core_starved.find(trace, 0)
        if finding.details["cause"] in ("others", "both")
    ]


def _nobody(trace: Trace) -> str:
    if trace.duration < _SHORT_NS:
        return (
            f"The program was over after {words.duration(trace.duration)}, and nobody looked at its threads in that time, so "
            f"that computing cannot be told from waiting: {_MORE}, and record that with `tracekit run --rate 1000`, whose "
            "observer needs some tenths of a second to begin."
        )
    return (
        "Nobody watched the threads from outside, so that computing cannot be told from waiting: record it again with an "
        "observer (`tracekit run` has one, unless --rate is 0; `tk.start(rate=100)` starts one)."
    )


def too_little(work: Work) -> str:
    """Why nothing is told of some work of which too little was seen, or that is in too small parts; "" where all is well."""
    small = _too_small(work)
    if small:
        return small
    told: Counter[bool] = Counter()
    for strand in work.strands:
        for piece in strand.pieces:
            told[piece.step >= len(strand.steps) or bool(strand.steps[piece.step].kind)] += piece.ns
    if told[False] <= _MOST * (told[True] + told[False]):
        return ""
    largest = max(groups_of(work, Counter()), key=lambda group: group.total)
    many = f"{len(largest.strands)} of them" if len(largest.strands) > 1 else "it"
    return (
        f"Too little was seen of {largest.what or 'the program'} to tell whether it computes or waits ({many} took "
        f"{words.duration(largest.total)} in all), and so what another model would bring: {_MORE}, and record that with "
        "`tracekit run --rate 1000`."
    )


def _too_small(work: Work) -> str:
    """What jobs need that are so small that a pool of any kind does little but pass them."""
    limit, count = _SMALL_NS.get(work.traced_model, 0), len(work.strands)
    total = sum(piece.ns for strand in work.strands for piece in strand.pieces)
    if not count or total > limit * count or limit * count < _PASSING * work.wall_ns:
        return ""
    largest = max(groups_of(work, Counter()), key=lambda group: len(group.strands))
    chunks = " (in `map` or `imap` that is a larger chunksize)" if work.traced_model == "process-pool" else ""
    took = f"{words.duration(total)} in all, {words.duration(total // count)} each"
    return (
        f"{words.count(count, 'job')} took {took}, most of them of "
        f"{largest.what or 'one function'}: to pass one to a worker, and its result back, costs more than it does, so that "
        "there is little to gain from any pool. Do them in a plain loop, in the process itself; or put many of them into one "
        f"job{chunks}, and record that: what another model would bring, jobs as small as these cannot tell."
    )


def too_far(work: Work, now: Prediction) -> str:
    """Why predictions are rough where what was traced comes out otherwise itself; "" where it does not."""
    if abs(now.wall_s * 1e9 - work.wall_ns) <= _FAR * work.wall_ns:
        return ""
    return (
        f"Simulated as it ran, {now.model}, the work takes {words.duration(round(now.wall_s * 1e9))}; it took "
        f"{words.duration(work.wall_ns)}. What made the difference was not seen, so that the times of the other models are "
        "rough: compare them with each other only."
    )
