"""Runs made by hand, for tests. Knows what a run tells."""

from __future__ import annotations

from typing import Any

from tracekit.rounds.run import Run

S = 1_000_000_000


def run(wall: float = 2.0, begun: int = 100, **more: Any) -> Run:
    """Task a computes from 0 to 1 s, then reads to 2 s; b sleeps from 0.5 s to 1.5 s; the poll is 0.25 s late once."""
    given: dict[str, Any] = {
        "events": [
            (begun, "a", 0, "begin"),
            (begun + S // 2, "b", 0, "begin"),
            (begun + S, "a", 0, "end"),
            (begun + S, "a", 1, "begin"),
            (begun + S * 3 // 2, "b", 0, "end"),
            (begun + 2 * S, "a", 1, "end"),
        ],
        "polls": [("poll", begun, begun), ("poll", begun + S // 2, begun + S * 3 // 4)],
        "steps": {"b": [("sleep", "sleep")], "a": [("compute", "parse"), ("io", "read")]},
        "polls_every": {"poll": 0.5},
        "results": "same",
    }
    return Run(wall, cpu_s=1.0, started_s=0.001, begun=begun, switches=10, preemptions=2, **{**given, **more})
