"""Verdicts, on comparisons made by hand. Knows the numbers, and runs nothing."""

from __future__ import annotations

import hand_made_comparison as hand_made
import pytest
from hand_made_comparison import article, bound, row

from tracekit.predict.parts import Prediction
from tracekit.rounds.comparison import Comparison, Row
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


def test_who_is_close() -> None:
    """A model within 5 % of the fastest is named as that, also where every round tells them apart."""
    one, other = row("threads", 3.0, 1.0, 0.0, 1.0), row("asyncio", 3.1, 1.0, 0.0, 1.0, walls=[3.1, 3.15, 3.1])
    told = verdicts(article(rows=[one, other]))[0]
    assert "Within 5% of it: asyncio." in told
    assert "Not told" not in told


def test_who_cannot_be_told_apart() -> None:
    """A model far behind on the median that was once faster is not called as fast: its time stands there."""
    one, other = row("threads", 3.0, 1.0, 0.0, 1.0), row("asyncio", 4.5, 1.0, 0.0, 1.0, walls=[2.9, 4.5, 4.6])
    told = verdicts(article(rows=[one, other]))[0]
    assert told.endswith("(0.98x to 1.02x). Not told from it by 3 rounds: asyncio (4.50 s).")
    assert "Within" not in told
    assert "most in time" not in told


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
    assert "asyncio runs on one of 2, and none is faster on the median; but it starves the poll." in told
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
    rows[0].walls = [1.4, 3.0, 3.1]  # faster once: the rounds do not tell
    assert "More cores" not in said(article(rows=rows))


def test_threads_that_use_more_cores() -> None:
    """Threads that give up the GIL use several cores, too, and that is said also where no process was tried."""
    rows = [row("sequential", 3.0, 1.0, 0.0, 1.0), row("threads", 1.5, 2.0, 0.0, 1.0, cores_used=1.9)]
    assert "More cores pay: threads kept 1.9 of 2 busy; the best on one, sequential, takes" in said(article(rows=rows))


def test_one_core_is_the_fastest_of_all() -> None:
    """That is said only where nobody is level with it."""
    rows = [row("sequential", 3.0, 1.0, 0.0, 1.0), row("processes", 4.0, 1.0, 0.0, 1.0)]
    assert "sequential runs on one of 2, the fastest of all." in said(article(rows=rows))
    level = [rows[0], row("processes", 4.0, 1.0, 0.0, 1.0, walls=[2.9, 4.0, 4.0])]
    assert "sequential runs on one of 2, and none is faster on the median." in said(article(rows=level))


def test_what_waits_needs_no_core() -> None:
    """Where the fastest keeps no core busy, nothing is said of cores."""
    rows = [row("asyncio", 3.0, 1.0, 0.0, 1.0), row("processes", 2.95, 1.0, 0.0, 1.0, cores_used=0.02)]
    assert "cores" not in said(article(rows=rows))


SLEEPS = (7.8, 8.0)


@pytest.mark.parametrize(
    ("model", "sleeps", "computes", "told"),
    [
        ("threads", SLEEPS, (0.9, 1.1), "waits, not computing"),
        ("processes", SLEEPS, (1.8, 2.0), "waits and computing"),
        ("processes", SLEEPS, (0.73, 1.77), "waits, computing?"),
        ("asyncio", SLEEPS, (1.3, 1.4), "waits, computing?"),  # on one thread: noise
        ("interpreters", (1.1, 2.1), (0.7, 0.9), "waits?, not computing"),
        ("sequential", (1.0, 1.0), (1.0, 1.0), "nothing"),
        ("trio", SLEEPS, None, "waits"),
    ],
)
def test_overlaps(model: str, sleeps: tuple[float, float], computes: tuple[float, float] | None, told: str) -> None:
    """A model does side by side what even its slowest run shows, and does not what even its fastest does not show."""
    assert overlaps(bound(model, sleeps, computes)) == told


def test_overlaps_without_a_gil() -> None:
    """Threads compute side by side where there is no GIL; coroutines on one thread never do."""
    assert overlaps(bound("threads", SLEEPS, (1.8, 1.9)), has_gil=False) == "waits and computing"
    assert overlaps(bound("trio", SLEEPS, (1.8, 1.9)), has_gil=False) == "waits, computing?"


def test_controls() -> None:
    """Each control stands with the least and the most that it may be; what they do not tell is not said."""
    brings = "on pure sleep asyncio+processes brings 7.80x to 8.00x, on pure Python computing "
    assert f"{brings}1.80x to 2.00x; it overlaps waits and computing." in said(article())
    noisy = article(controls=[bound("asyncio+processes", (7.8, 8.0), (0.7, 1.8))])
    assert f"{brings}0.70x to 1.80x; it overlaps waits." in said(noisy)
    untold = article(controls=[bound("asyncio+processes", (1.1, 8.0), (0.7, 1.8))])
    assert "on pure Python computing 0.70x to 1.80x.\n" in said(untold)


def test_different_results() -> None:
    """Models that did not return the same are no rivals: that is said first, and who they are."""
    comparison = article(results_alike=False)
    assert verdicts(comparison)[0].startswith("The models did not all return the same: ")
    for told in comparison.measured:
        told.same_results = told.model not in ("threads", "asyncio")
    assert verdicts(comparison)[0].startswith("asyncio and threads did not return what sequential did: ")
    comparison.rows[0].same_results = False
    assert verdicts(comparison)[0].startswith("Not even sequential returned the same in all rounds: ")
    assert "return" not in said(article())


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
    comparison.rows[2].wall_s = 3.3  # predicted: 3.52 s, and 3.17 s at least
    assert verdicts(comparison)[-1] == (
        "Predicted from one traced run of sequential: off by 10% (median), at most by 50% (threads); 3 of 4 wall times "
        "lay within what was predicted; it would have chosen threads, which is slower than asyncio+processes, the fastest."
    )


def test_every_verdict_is_a_sentence() -> None:
    """They end with a full stop, and hold no empty number."""
    for sentence in verdicts(article()):
        assert sentence.endswith(".")
        assert "None" not in sentence
    assert hand_made.COMPUTES in said(article())
