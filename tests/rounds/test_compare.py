"""Comparing for real: small workloads, run under models in child processes. Judges no time, only what follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracekit.errors import UsageError
from tracekit.rounds.compare import compare
from tracekit.rounds.comparison import Lane

WORKLOAD = """
from tracekit.workload import compute, poll, sleep, task

def double(number):
    return number * 2

def total(numbers):
    return sum(numbers)

def workload(scale):
    '''Two that double, one that adds up.'''
    twos = [task(f"two {n}", sleep(0.02), compute(double), given=n) for n in (1, 2)]
    return [*twos, task("sum", compute(total), after=twos), poll(0.01)]
"""

FAILS = """
import threading
from tracekit.workload import compute, task

def on_main_thread():
    if threading.current_thread() is not threading.main_thread():
        raise ValueError("not here")

def workload(scale):
    return [task("picky", compute(on_main_thread))]
"""


@pytest.fixture
def spec(tmp_path: Path) -> str:
    """A file with a workload."""
    path = tmp_path / "jobs.py"
    path.write_text(WORKLOAD)
    return str(path)


def test_measured(spec: str) -> None:
    """Every model is a row in the order of all models, with what it took, its lanes and its trace."""
    said: list[tuple[int, int, str]] = []
    comparison = compare(
        spec, ["asyncio", "sequential"], repeat=2, controls=False, say=lambda *words: said.append(words)
    )
    assert (comparison.workload, comparison.about) == ("jobs", "Two that double, one that adds up.")
    assert [row.model for row in comparison.rows] == ["sequential", "asyncio"]
    assert comparison.polls_every_s == {"poll": 0.01}
    assert comparison.results_alike is True
    for row in comparison.rows:
        assert row.failed == ""
        assert len(row.walls) == 2
        assert row.speedup is not None
        assert row.peak_pss_bytes is not None
        assert row.same_order is not None
        assert [lane.task for lane in row.lanes] == ["two 1", "two 2", "sum", "poll"]
        assert [part[2:] for part in row.lanes[0].parts] == [("sleep", "sleep"), ("compute", "double")]
        assert row.trace is not None
    assert _end(comparison.rows[1].lanes[1]) <= comparison.rows[1].lanes[2].parts[0][0]
    assert comparison.rows[1].blocks == 0
    assert comparison.trace is not None
    assert {process.name.partition(":")[0] for process in comparison.trace.processes} == {"sequential", "asyncio"}
    assert [done for done, _, _ in said] == list(range(7))
    assert said[-1][:2] == (6, 6)


def _end(lane: Lane) -> float:
    return max(end for _, end, _, _ in lane.parts)


def test_a_model_that_fails(tmp_path: Path) -> None:
    """It is a row that says why, in one line with the task and the exception; the others are compared all the same."""
    (tmp_path / "fails.py").write_text(FAILS)
    models = ["sequential", "threads"]
    comparison = compare(str(tmp_path / "fails.py"), models, repeat=1, controls=False, traced=False)
    fine, failed = comparison.rows
    assert fine.wall_s is not None
    assert "picky" in failed.failed
    assert "ValueError: not here" in failed.failed
    assert "\n" not in failed.failed
    assert failed.wall_s is None
    assert comparison.measured == [fine]


def test_order_of_rounds_is_seeded(spec: str) -> None:
    """Rounds are shuffled, in the same way each time; another seed shuffles otherwise."""

    def order(seed: int) -> list[str]:
        said: list[str] = []
        models = ["sequential", "threads", "asyncio"]
        compare(spec, models, repeat=3, seed=seed, controls=False, traced=False, say=lambda _d, _t, w: said.append(w))
        return said

    first = order(1)
    assert first == order(1)
    assert first != order(2)
    assert len(first) == 10


def test_controls(spec: str) -> None:
    """Pure sleep and pure computing run under the same models: coroutines overlap the one, and not the other."""
    comparison = compare(spec, ["sequential", "asyncio"], repeat=1, traced=False)
    bounds = {bound.model: bound for bound in comparison.controls}
    assert bounds.keys() == {"sequential", "asyncio"}
    assert (bounds["sequential"].sleeping, bounds["sequential"].computing) == (1.0, 1.0)
    assert (bounds["asyncio"].sleeping or 0) > 2
    assert (bounds["asyncio"].computing or 9) < 2


def test_predicted(spec: str) -> None:
    """From one traced run every model that ran is predicted, and the comparison says from which."""
    comparison = compare(spec, ["sequential", "threads"], repeat=1, controls=False, predicted_from="threads")
    assert comparison.traced_model == "threads"
    for row in comparison.rows:
        assert row.predicted is not None
        assert row.predicted.low_s <= row.predicted.wall_s <= row.predicted.high_s


def test_predicted_from_whichever_ran(tmp_path: Path) -> None:
    """Where sequential fails and nobody asked for a model, the first that ran foretells."""
    (tmp_path / "fails.py").write_text(
        "import threading\n"
        "from tracekit.workload import compute, task\n"
        "def elsewhere(number):\n"
        "    assert threading.current_thread() is not threading.main_thread()\n"
        "    return sum(range(number))\n"
        "def workload(scale):\n"
        "    return [task('one', compute(elsewhere), given=300_000), task('two', compute(elsewhere), given=300_000)]\n"
    )
    models = ["sequential", "threads", "thread-pool"]
    comparison = compare(str(tmp_path / "fails.py"), models, repeat=1, controls=False, predicted_from="")
    assert comparison.traced_model == "threads"
    assert [row.predicted is not None for row in comparison.rows] == [False, True, True]


def test_without_sequential(spec: str) -> None:
    """There is no speed-up, and a note says why."""
    comparison = compare(spec, ["threads"], repeat=1, controls=False, traced=False)
    assert comparison.rows[0].speedup is None
    assert any("sequential did not run" in note for note in comparison.notes)


@pytest.mark.parametrize(
    ("spec", "more", "complaint"),
    [
        ("nowhere.py", {}, "there is no file nowhere.py"),
        ("article", {"models": ["fibres"]}, "no model is called 'fibres'"),
        ("article", {"scale": 0.0}, "a scale of 0 makes no workload"),
        ("article", {"scale": float("nan")}, "a scale of nan makes no workload"),
        ("article", {"repeat": 0}, "0 rounds measure nothing"),
        ("article", {"models": ["trio"], "predicted_from": "asyncio"}, "asyncio is not among the models that run"),
    ],
)
def test_what_makes_no_sense(spec: str, more: dict[str, object], complaint: str) -> None:
    """It is refused in one line before anything runs."""
    with pytest.raises(UsageError, match=complaint):
        compare(spec, **more)  # type: ignore[arg-type]
