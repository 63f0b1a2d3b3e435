"""The shape of a finding in JSON. Knows no check."""

from __future__ import annotations

from tracekit.analyze.finding import Finding


def test_keys() -> None:
    """The common keys are always there, null where unknown, and the kind's own beside them."""
    finding = Finding("slug", "info", 1.0, 2.0, "MainThread", "It was so.", "Do it.", details={"task": "a"})
    assert finding.to_dict() == {
        "slug": "slug",
        "severity": "info",
        "start_s": 1.0,
        "duration_s": 2.0,
        "track": "MainThread",
        "sentence": "It was so.",
        "advice": "Do it.",
        "function": None,
        "file": None,
        "line": None,
        "library": None,
        "task": "a",
    }
