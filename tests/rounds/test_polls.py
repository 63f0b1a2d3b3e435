"""What is said of polls, on comparisons made by hand. Knows the numbers, and runs nothing."""

from __future__ import annotations

from hand_made_comparison import article, row

from tracekit.rounds.comparison import Comparison, Lane
from tracekit.rounds.polls import polls


def said(comparison: Comparison) -> str:
    """All that is said of polls as one text."""
    return "\n".join(polls(comparison, comparison.measured))


def test_who_starves_the_poll() -> None:
    """A poll that a whole step goes before is starved, and the step is named with its length; the rest come in time."""
    told = said(article())
    rule = "(a turn 1.50 s late, or 500 ms behind a single step)"
    assert (
        f"The poll, due every 500 ms, starves {rule} under sequential (3.00 s late, while io sleeps for 3.00 s)" in told
    )
    assert "asyncio (2.00 s late, while cpu computes for 2.00 s)" in told
    timely = "It comes in time (no turn over 250 ms late) under asyncio+processes and threads: 12.0 ms late at worst."
    assert timely in told


def test_the_turn_that_decides() -> None:
    """Where a turn behind a step decides, its own lateness is shown, and not the latest of another round."""
    lanes = [Lane("cpu", [(0.0, 0.6, "compute", "parse")]), Lane("poll", [(0.0, 0.6, "poll", "poll")])]
    told = said(article(rows=[row("asyncio", 3.0, 1.0, 1.2, 1.0, lanes=lanes)]))
    assert "under asyncio (600 ms late, while cpu computes for 600 ms)." in told


def test_a_short_step_starves_nobody() -> None:
    """A turn that waited for a step, but for less than a period, does not become starved by a later one of another round."""
    lanes = [Lane("cpu", [(0.0, 0.2, "compute", "parse")]), Lane("poll", [(0.0, 0.2, "poll", "poll")])]
    told = said(article(rows=[row("asyncio", 3.0, 1.0, 0.6, 1.0, lanes=lanes)]))
    assert "is held up (a turn over 250 ms late), not starved, under asyncio (600 ms at worst)." in told


def test_a_twin_is_awaited() -> None:
    """A poll did not wait for I/O that other steps went on beside, as asyncio awaits a twin: the step that blocked is named."""
    lanes = [
        Lane("twin", [(0.0, 1.9, "io", "fetch")]),
        Lane("blocks", [(0.1, 1.8, "io", "query")]),
        Lane("poll", [(0.0, 1.9, "poll", "poll")]),
    ]
    told = said(article(rows=[row("asyncio", 3.0, 1.0, 1.9, 1.0, lanes=lanes)]))
    assert "under asyncio (1.90 s late, while blocks blocks for 1.70 s)" in told


def test_threads_take_turns() -> None:
    """A step that computes beside others in threads held nobody up alone; where there is one thread it did."""
    lanes = [
        Lane("long", [(0.0, 0.7, "compute", "parse")]),
        Lane("short", [(0.1, 0.3, "compute", "parse")]),
        Lane("poll", [(0.0, 0.7, "poll", "poll")]),
    ]
    assert "held up (a turn over 250 ms late), not starved, under threads" in said(
        article(rows=[row("threads", 3.0, 1.0, 0.7, 1.0, lanes=lanes)])
    )
    assert "single step) under trio (700 ms late, while long computes" in said(
        article(rows=[row("trio", 3.0, 1.0, 0.7, 1.0, lanes=lanes)])
    )


def test_a_poll_that_is_a_little_late() -> None:
    """Held up for most of its period, but for no whole step, it is not called starved."""
    told = said(article(rows=[row("threads", 3.0, 1.0, 0.3, 1.0)]))
    held_up = "is held up (a turn over 250 ms late), not starved, under threads (300 ms at worst)."
    assert f"The poll, due every 500 ms, {held_up}" in told


def test_several_polls() -> None:
    """Of several polls it is told that they are several, and the shortest time in which one is due."""
    rows = [row("sequential", 5.0, 1.0, 3.0, 1.0), row("threads", 3.0, 1.0, 0.01, 1.0)]
    told = said(article(rows=rows, polls_every_s={"slow": 0.8, "quick": 0.5}))
    assert "The polls, one of them due every 500 ms, starve (a turn 1.50 s late" in told
    assert "They come in time (no turn over 250 ms late) under threads: 10.0 ms late at worst." in told
