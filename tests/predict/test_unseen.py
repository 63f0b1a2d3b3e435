"""What is said where too little was seen to advise anything, from programs laid out by hand. Knows no recording."""

from __future__ import annotations

import pytest
from hand_made_states import lay_states
from laid_out_programs import Laid, alone, calls, threads

from tracekit.model.trace import Category, Pool, Trace
from tracekit.predict.advice import advise
from tracekit.predict.counsel import Counsel


def told(trace: Trace) -> Counsel:
    """What is advised, which must be nothing at all."""
    counsel = advise(trace)
    assert counsel.advice == ()
    assert counsel.fine == ()
    return counsel


@pytest.mark.parametrize(("life", "word"), [(50, "over after 50.0 ms"), (5000, "`tracekit run` has one")])
def test_nobody_looked(life: float, word: str) -> None:
    """Of a short program that nobody looked at it is said to give it more to do; of a long one to record it with an observer."""
    (sentence,) = told(alone("", life=life, watched=False)).unknown

    assert word in sentence
    assert ("--rate 1000" in sentence) == (life < 1000)


def seldom(many: int = 1, share: float = 0.2) -> Trace:
    """A program with some threads at whose begin nobody looked yet."""
    laid = Laid(200)
    lay_states(
        laid.builder,
        laid.main,
        (200 * share, "running" if many == 1 else "waiting for a lock"),
        start=200 * (1 - share),
    )
    for number in range(many if many > 1 else 0):
        row = laid.thread(f"work {number}", 0, 200, starter=laid.main)
        lay_states(laid.builder, row, (200 * share, "running"), start=200 * (1 - share))
    return laid.builder.build(exit_status=0)


@pytest.mark.parametrize("many", [1, 4])
def test_too_little_was_seen(many: int) -> None:
    """Where most of the time nobody looked, nothing is advised and nothing called fine: it is said what to record."""
    counsel = told(seldom(many))

    assert any("Too little was seen" in sentence and "--rate 1000" in sentence for sentence in counsel.unknown)
    assert counsel.models == {}


def test_enough_was_seen() -> None:
    """Where somebody looked for most of the time, that is not said."""
    assert not any("Too little" in sentence for sentence in advise(seldom(4, 0.9)).unknown)


def test_a_simulation_that_is_far_off() -> None:
    """Where what was traced takes much longer than its own simulation, nothing is called fine, and that is said."""
    counsel = told(threads("reading or writing", many=2, waiting="waiting for the GIL"))

    assert any(sentence.startswith("Simulated as it ran, threads") for sentence in counsel.unknown)


@pytest.mark.parametrize("trace", [threads("running", waiting="waiting for the GIL"), calls("running")])
def test_a_simulation_that_is_near(trace: Trace) -> None:
    """Where the simulation comes out as what was traced, nothing of that is said."""
    assert not any("Simulated" in sentence for sentence in advise(trace).unknown)


def jobs(count: int, each: float, started: int = 2) -> Trace:
    """Alike jobs on a pool's worker, one every 50 µs.

    Args:
        each: how long one runs, µs.
        started: how many processes the pool has; 0: threads.
    """
    laid = Laid(count * 0.05)
    laid.builder.pools.append(Pool(laid.process, "Pool", limit=2, started=started))
    worker = laid.thread("worker", 0, laid.life, starter=laid.main)
    lay_states(laid.builder, laid.main, (laid.life, "waiting for a lock"))
    lay_states(laid.builder, worker, (laid.life, "running"))
    args = {"pool": 0, "queued_ns": 0, "function": "square", "file": "/app/work.py", "line": 3}
    for number in range(count):
        start = number * 0.05
        laid.slice(worker, start, start + each / 1000, "square", Category.JOB, args=args)
    return laid.builder.build(exit_status=0)


@pytest.mark.parametrize(("started", "chunks"), [(2, True), (0, False)])
def test_jobs_too_small_for_a_pool(started: int, chunks: bool) -> None:
    """Of very many tiny jobs it is said that a plain loop does them, or larger ones; no pool is advised, no gain promised."""
    counsel = told(jobs(2000, 1, started))

    (sentence,) = [each for each in counsel.unknown if "plain loop" in each]
    assert sentence.startswith("2000 jobs took 2.00 ms in all, 1.00 µs each, most of them of square (/app/work.py:3)")
    assert ("chunksize" in sentence) == chunks
    assert counsel.models == {}
    assert counsel.bound == {}


def few() -> Trace:
    """Some tiny jobs in a program that takes a second."""
    laid = Laid(1000)
    laid.builder.pools.append(Pool(laid.process, "Pool", limit=2, started=2))
    worker = laid.thread("worker", 0, 1000, starter=laid.main)
    for thread, doing in ((laid.main, "running"), (worker, "waiting for a lock")):
        lay_states(laid.builder, thread, (1000, doing))
    for number in range(20):
        laid.slice(worker, number, number + 0.001, "square", Category.JOB, args={"pool": 0, "queued_ns": 0})
    return laid.builder.build(exit_status=0)


@pytest.mark.parametrize("trace", [jobs(300, 49, started=0), few()])
def test_jobs_that_a_pool_may_run(trace: Trace) -> None:
    """Of jobs that last, or are few beside all that the program does, that is not said."""
    assert not any("plain loop" in sentence for sentence in advise(trace).unknown)
