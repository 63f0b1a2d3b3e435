"""The table of questions that are asked of a trace, and the one verb that asks them all. Knows no single answer."""

from __future__ import annotations

from collections.abc import Callable

from tracekit.analyze import (
    busy_polling,
    core_starved,
    deadlock,
    exception_never_retrieved,
    gil_contention,
    lock_contention,
    loop_blocked,
    loop_saturated,
    never_awaited,
    pool_overhead,
    pool_oversized,
    pool_starved,
    process_died,
    task_lost,
    task_never_yields,
    task_pending,
)
from tracekit.analyze.finding import Finding, urgency
from tracekit.model.trace import Trace

THRESHOLD_NS = 50_000_000

QUESTIONS: dict[str, Callable[[Trace, int], list[Finding]]] = {
    question.SLUG: question.find
    for question in (
        loop_blocked,
        loop_saturated,
        busy_polling,
        task_never_yields,
        task_pending,
        task_lost,
        never_awaited,
        exception_never_retrieved,
        deadlock,
        lock_contention,
        gil_contention,
        core_starved,
        process_died,
        pool_starved,
        pool_overhead,
        pool_oversized,
    )
}

SLUGS = tuple(QUESTIONS)


def analyze(trace: Trace, threshold_ns: int = THRESHOLD_NS) -> list[Finding]:
    """Everything found in `trace`, worst first.

    Args:
        threshold_ns: what lasts longer than this (and not just as long) is worth a finding.
    """
    found = [finding for find in QUESTIONS.values() for finding in find(trace, threshold_ns)]
    return sorted(found, key=urgency)
