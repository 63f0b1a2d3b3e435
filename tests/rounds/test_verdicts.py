"""Verdicts, on comparisons made by hand. Knows the numbers, and runs nothing."""

from __future__ import annotations

import hand_made_comparison as hand_made
from hand_made_comparison import article, row

from tracekit.predict.parts import Prediction
from tracekit.rounds.comparison import Bound, Comparison, Lane, Row
from tracekit.rounds.verdicts import overlaps, verdicts


def said(comparison: Comparison) -> str:
    """All verdicts as one text."""
    return "\n".join(verdicts(comparison))


def test_who_is_best() -> None:
    """The fastest, by how much against sequential and against the next, with intervals."""
    assert verdicts(article())[0] == (
        "asyncio+processes is the fastest: 3.00 s, 1.67x as fast as sequential (1.63x to 1.70x); the next, asyncio, takes "
        "1.07x as long (1.07x to 1.07x)."
    )


def test_sequential_is_the_next() -> None:
    """What the fastest brings against sequential is told once, also where that comes next."""
    rows = [row("sequential", 5.0, 1.0, 0.0, 1.0), row("threads", 3.0, 1.67, 0.0, 1.0)]
    assert (
        verdicts(article(rows=rows))[0]
        == "threads is the fastest: 3.00 s, 1.67x as fast as sequential (1.64x to 1.70x)."
    )


def test_who_cannot_be_told_apart() -> None:
    """Where one was faster in some rounds and the other in others, none is called the best alone."""
    one, other = row("threads", 3.0, 1.0, 0.0, 1.0), row("asyncio", 3.05, 1.0, 0.0, 1.0, walls=[2.9, 3.05, 3.1])
    assert "asyncio cannot be told from it" in said(article(rows=[one, other]))


def test_who_starves_the_poll() -> None:
    """A poll that a whole step goes before is starved, and the step is named with its length; the rest come in time."""
    told = said(article())
    assert "The poll, due every 500 ms, starves under sequential (3.00 s late, while io sleeps for 3.00 s)" in told
    assert "asyncio (2.00 s late, while cpu computes for 2.00 s)" in told
    assert "It comes in time under asyncio+processes and threads: 12.0 ms late at worst." in told


def test_a_twin_is_awaited() -> None:
    """A poll did not wait for I/O that other steps went on beside, as asyncio awaits a twin: the step that blocked is named."""
    lanes = [
        Lane("twin", [(0.0, 1.9, "io", "fetch")]),
        Lane("blocks", [(0.1, 1.8, "io", "query")]),
        Lane("poll", [(0.0, 1.9, "poll", "poll")]),
    ]
    told = said(article(rows=[row("asyncio", 3.0, 1.0, 1.9, 1.0, lanes=lanes)]))
    assert "starves under asyncio (1.90 s late, while blocks blocks for 1.70 s)" in told


def test_threads_take_turns() -> None:
    """A step that computes beside others in threads held nobody up alone; where there is one thread it did."""
    lanes = [
        Lane("long", [(0.0, 0.7, "compute", "parse")]),
        Lane("short", [(0.1, 0.3, "compute", "parse")]),
        Lane("poll", [(0.0, 0.7, "poll", "poll")]),
    ]
    assert "held up, not starved, under threads" in said(
        article(rows=[row("threads", 3.0, 1.0, 0.7, 1.0, lanes=lanes)])
    )
    assert "starves under trio (700 ms late, while long computes" in said(
        article(rows=[row("trio", 3.0, 1.0, 0.7, 1.0, lanes=lanes)])
    )


def test_a_poll_that_is_a_little_late() -> None:
    """Held up for most of its period, but for no whole step, it is not called starved."""
    told = said(article(rows=[row("threads", 3.0, 1.0, 0.3, 1.0)]))
    assert "The poll, due every 500 ms, is held up, not starved, under threads (300 ms at worst)." in told


def test_several_polls() -> None:
    """Of several polls it is told that they are several, and the shortest time in which one is due."""
    rows = [row("sequential", 5.0, 1.0, 3.0, 1.0), row("threads", 3.0, 1.0, 0.01, 1.0)]
    told = said(article(rows=rows, polls_every_s={"slow": 0.8, "quick": 0.5}))
    assert "The polls, one of them due every 500 ms, starve under sequential (3.00 s late" in told
    assert "They come in time under threads: 10.0 ms late at worst." in told


def test_without_polls() -> None:
    """Nothing is said of what there is not."""
    quiet = row("threads", 3.0, 1.0, 0.0, 1.0)
    quiet.poll_worst_s = None
    assert "poll" not in said(article(rows=[quiet], polls_every_s={}))


def test_order() -> None:
    """Coroutines order alike in all runs; of threads the share of pairs is told, and how much was turned round."""
    told = said(article())
    assert "in the same order under asyncio+processes, asyncio and sequential." in told
    assert (
        "Not so under threads (0% of the pairs of runs were alike); up to 10% of neighbouring events change places."
        in told
    )


def test_memory() -> None:
    """Who takes the least and the most."""
    assert "10.0 MB; asyncio+processes the most, 40.0 MB (4.00x)." in said(article())


def test_too_little_to_do() -> None:
    """What is over sooner than threads have started tells nothing of models: that comes first, and what to ask for."""
    first = verdicts(article(rows=[row("sequential", 0.002, 1.0, 0.0, 1.0), row("threads", 0.003, 1.0, 0.0, 1.0)]))[0]
    assert first.startswith("There is too little to do here to tell models apart, 2.00 ms")
    assert first.endswith("as --scale 100.")


def test_memory_of_a_blink() -> None:
    """Of runs that were over at once nobody has seen what they took."""
    assert "Memory" not in said(
        article(rows=[row("sequential", 0.01, 1.0, 0.0, 1.0), row("threads", 0.02, 1.0, 0.0, 1.0)])
    )


def test_more_cores_bring_nothing() -> None:
    """Where a model of one core is level with the best, the others are not needed."""
    told = said(article(rows=[row("asyncio", 3.0, 1.0, 0.0, 1.0), row("processes", 2.95, 1.0, 0.0, 1.0)]))
    assert "More cores save no time here: asyncio runs on one of 2" in told
    assert "starves" not in told


def test_nobody_tried_more_cores() -> None:
    """Where no model ran that computes on several cores, nothing is said of them: threads compute on one as well."""
    assert "cores" not in said(
        article(rows=[row("sequential", 3.0, 1.0, 0.0, 1.0), row("threads", 3.0, 1.0, 0.0, 1.0)])
    )


def test_more_cores_bring_no_time_but_the_poll() -> None:
    """Where the model of one core starves the poll, that is said in the same breath; and who does not, of those as fast."""
    rows = [row("asyncio", 3.0, 1.0, 2.0, 1.0), row("processes", 3.0, 1.0, 0.01, 1.0)]
    told = said(article(rows=rows))
    assert "ahead; but it starves the poll." in told or "of all; but it starves the poll." in told
    least = "Of these processes keeps the poll most in time, 5.00 ms late on the median, 10.0 ms at worst"
    assert f"{least} (1.00 s and 2.00 s under asyncio)." in told


def test_a_single_late_turn_decides_nothing() -> None:
    """Where all polls come in time, the model under which they mostly are the least late is named, not the best worst turn's."""
    rows = [row("threads", 3.0, 1.0, 0.012, 0.0), row("processes", 3.0, 1.0, 0.02, 1.0, poll_p50_s=0.001)]
    told = said(article(rows=rows))
    assert (
        "Of these processes keeps the poll most in time, 1.00 ms late on the median, 20.0 ms at worst (6.00 ms" in told
    )


def test_where_polls_are_held_up_the_worst_turn_decides() -> None:
    """What is mostly in time, but held up once, is not called more in time than what never is."""
    rows = [row("asyncio", 3.0, 1.0, 2.0, 1.0, poll_p50_s=0.001), row("processes", 3.0, 1.0, 0.5, 1.0)]
    assert "Of these processes keeps the poll most in time" in said(article(rows=rows))


def test_more_cores_pay() -> None:
    """Where the best kept more than one core busy, and the best on one is slower."""
    rows = [row("asyncio", 3.0, 1.0, 0.0, 1.0), row("processes", 1.5, 1.0, 0.0, 1.0, cores_used=1.9)]
    assert "More cores pay: processes kept 1.9 of 2 busy; the best on one, asyncio, takes 3.00 s." in said(
        article(rows=rows)
    )


def test_threads_that_use_more_cores() -> None:
    """Threads that give up the GIL use several cores, too, and that is said also where no process was tried."""
    rows = [row("sequential", 3.0, 1.0, 0.0, 1.0), row("threads", 1.5, 2.0, 0.0, 1.0, cores_used=1.9)]
    assert "More cores pay: threads kept 1.9 of 2 busy; the best on one, sequential, takes" in said(article(rows=rows))


def test_controls() -> None:
    """What a model does side by side follows from what it brings to pure sleep and pure computing."""
    assert overlaps(Bound("threads", 8.0, 1.0)) == "waits, not computing"
    assert overlaps(Bound("processes", 8.0, 1.9)) == "waits and computing"
    assert overlaps(Bound("sequential", 1.0, 1.0)) == "nothing"
    assert overlaps(Bound("trio", 8.0, None)) == "waits"
    assert "on pure sleep asyncio+processes brings 7.90x, on pure Python computing 1.90x" in said(article())


def test_different_results() -> None:
    """Models that did not return the same are no rivals, and that is said."""
    assert "did not all return the same" in said(article(results_alike=False))
    assert "did not all return the same" not in said(article())


def test_no_model_ran() -> None:
    """One sentence, where there is nothing to compare."""
    assert verdicts(article(rows=[Row("trio", failed="no")])) == ["No model could run this workload."]


def predicted(model: str, wall: float) -> Prediction:
    """A prediction of some seconds."""
    return Prediction(model, wall, wall * 0.9, wall * 1.1, None, None, None)


def test_predictions_are_held_to_account() -> None:
    """How far off they were, where most, and whether the choice was right."""
    comparison = article(traced_model="sequential")
    for told in comparison.rows[:-1]:
        told.predicted = predicted(told.model, (told.wall_s or 0) * 1.1)
    comparison.rows[1].predicted = predicted("threads", 1.7)
    assert verdicts(comparison)[-1] == (
        "Predicted from one traced run of sequential: off by 10% (median), at most by 50% (threads); it would have chosen "
        "threads, which is slower than asyncio+processes, the fastest."
    )


def test_every_verdict_is_a_sentence() -> None:
    """They end with a full stop, and hold no empty number."""
    for sentence in verdicts(article()):
        assert sentence.endswith(".")
        assert "None" not in sentence
    assert hand_made.COMPUTES in said(article())
