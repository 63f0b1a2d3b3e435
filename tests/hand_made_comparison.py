"""A comparison made by hand: the article's mix under four models. Knows what it shows, and not how it would be measured."""

from __future__ import annotations

from typing import Any

from tracekit.rounds.comparison import Bound, Comparison, Gain, Lane, Row

COMPUTES = "cpu"


def lanes(late: float = 0.0) -> list[Lane]:
    """A task that computes for 2 s and one that sleeps for 3 s; the poll's only turn is so late."""
    return [
        Lane("io", [(0.0, 3.0, "sleep", "sleep")]),
        Lane(COMPUTES, [(0.0, 2.0, "compute", "cpu_bound")]),
        Lane("poll", [(0.0, late, "poll", "poll")]),
    ]


def row(model: str, wall: float, speedup: float, late: float, order: float, **more: Any) -> Row:
    """A model that took about `wall` in each of three rounds."""
    given: dict[str, Any] = {
        "walls": [wall, wall * 1.01, wall * 0.99],
        "speedup_low": speedup * 0.98,
        "speedup_high": speedup * 1.02,
        "cpu_s": 2.0,
        "parallelism": 2.5,
        "cores_used": 2.0 / wall,
        "peak_pss_bytes": 10_000_000,
        "startup_s": 0.001,
        "poll_p50_s": late / 2,
        "poll_p99_s": late,
        "switches": 100,
        "preemptions": 10,
        "disorder": (1 - order) / 10,
        "lanes": lanes(late),
    }
    return Row(model, wall, speedup=speedup, poll_worst_s=late, same_order=order, **{**given, **more})


def bound(model: str, sleeps: tuple[float, float] | None, computes: tuple[float, float] | None) -> Bound:
    """What the controls brought, from the least to the most."""
    return Bound(
        model,
        *(None if gain is None else Gain((gain[0] + gain[1]) / 2, gain[0], gain[1]) for gain in (sleeps, computes)),
    )


def article(**more: Any) -> Comparison:
    """What the article says: coroutines starve the poll and keep their order, threads neither, a pool beside the loop is best."""
    rows = [
        row("sequential", 5.0, 1.0, 3.0, 1.0),
        row("threads", 3.4, 1.47, 0.012, 0.0, gil_wait_s=0.4),
        row("asyncio", 3.2, 1.5625, 2.0, 1.0, blocks=1, block_worst_s=2.0),
        row("asyncio+processes", 3.0, 1.667, 0.004, 1.0, peak_pss_bytes=40_000_000, blocks=0),
        Row("trio", failed="trio is not installed: pip install trio"),
    ]
    controls = [
        bound("sequential", (1.0, 1.0), (1.0, 1.0)),
        bound("threads", (7.9, 8.1), (0.9, 1.1)),
        bound("asyncio+processes", (7.8, 8.0), (1.8, 2.0)),
    ]
    given: dict[str, Any] = {"polls_every_s": {"poll": 0.5}, "rows": rows, "controls": controls, "results_alike": True}
    given |= {
        "workload": "article",
        "about": "The classic mix.",
        "cores": 2,
        "python": "3.11.7",
        "scale": 1.0,
        "repeat": 3,
    }
    return Comparison(**{**given, **more})
