"""All questions asked at once, and the order of their answers. Knows no single question."""

from __future__ import annotations

from tracekit.analyze import SLUGS, analyze
from tracekit.analyze.finding import Finding, urgency
from tracekit.model.builder import Builder

MS = 1_000_000


def test_empty() -> None:
    """A trace of nothing has no findings, and no error either."""
    assert analyze(Builder("nothing").build()) == []


def test_worst_first(hand_made) -> None:
    """The longest block comes first, whatever came first in time, and every slug is in the table."""
    hand_made.step("a", 0, 60)
    hand_made.step("b", 1000, 3000)
    hand_made.step("c", 4000, 4100)
    findings = analyze(hand_made.build())
    assert [finding.details["task"] for finding in findings] == ["b", "c", "a"]
    assert {finding.slug for finding in findings} <= set(SLUGS)


def test_threshold(hand_made) -> None:
    """The threshold is the caller's."""
    hand_made.step("a", 0, 60)
    assert len(analyze(hand_made.build(), 10 * MS)) == 1
    assert analyze(hand_made.build(), 60 * MS) == []


def test_severity_goes_before_length() -> None:
    """A short error is more urgent than a long warning, and that more than a longer info."""
    findings = [
        Finding("x", severity, 0.0, 1.0 / rank, "t", "", "")
        for rank, severity in enumerate(("error", "warning", "info"), 1)
    ]
    assert sorted([findings[2], findings[0], findings[1]], key=urgency) == findings
