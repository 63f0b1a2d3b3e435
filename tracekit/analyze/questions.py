"""The table of questions that are asked of a trace, and the one verb that asks them all. Knows no single answer."""

from __future__ import annotations

from collections.abc import Callable

from tracekit.analyze import loop_blocked
from tracekit.analyze.finding import Finding, urgency
from tracekit.model.trace import Trace

THRESHOLD_NS = 50_000_000

QUESTIONS: dict[str, Callable[[Trace, int], list[Finding]]] = {
    loop_blocked.SLUG: loop_blocked.find,
}

SLUGS = tuple(QUESTIONS)


def analyze(trace: Trace, threshold_ns: int = THRESHOLD_NS) -> list[Finding]:
    """Everything found in `trace`, worst first.

    Args:
        threshold_ns: what lasts longer than this (and not just as long) is worth a finding.
    """
    found = [finding for find in QUESTIONS.values() for finding in find(trace, threshold_ns)]
    return sorted(found, key=urgency)
