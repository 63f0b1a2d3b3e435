"""Every model: the same results, steps in their order, polls, and workers that find a file. Each in a child, as users run it."""

from __future__ import annotations

import collections
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tracekit.compare import models
from tracekit.errors import TracekitError, UsageError

HERE = [name for name in models.MODELS if not models.get(name).missing()]
every = pytest.mark.parametrize("model", HERE)
WORKERS = ("processes", "process-pool", "asyncio+processes")

MIXED = """
import asyncio
import os
import time

from tracekit.workload import compute, io, poll, sleep, task

def fetch(number):
    time.sleep(0.01)
    return [number] * 3

async def fetch_async(number):
    await asyncio.sleep(0.01)
    return [number] * 3

def nothing():
    return {"set of texts": {"a", "b", "c"}}

def count(numbers):
    return sum(numbers) + sum(range(20_000)) * 0

def merge(results):
    return results

def workload(scale):
    pages = [task(f"page {n}", io(fetch, fetch_async), compute(count), given=n) for n in range(int(4 * scale))]
    index = task("index", compute(merge), sleep(0.001), io(repr), after=[pages[2], pages[0], pages[2]])
    slow = task("slow", sleep(0.05), compute(count), io(fetch, fetch_async), given=(1, 2))
    last = task("last", compute(merge), after=["index", slow])
    bare = task("bare", sleep(0.001), compute(nothing))
    only = task("only", sleep(0.001), given=None)
    return [last, index, *pages, slow, bare, only, poll(0.005), poll(0.01, "heartbeat", os.getpid)]
"""
STEPS = {"last": 1, "index": 3, "slow": 3, "bare": 2, "only": 1, **{f"page {n}": 2 for n in range(4)}}
AFTER = [("page 2", "index"), ("page 0", "index"), ("index", "last"), ("slow", "last")]


@pytest.fixture(scope="module")
def alike() -> dict[str, str]:
    """The digest of the results of the mixed workload, once a model has given it."""
    return {}


@every
def test_results_order_and_polls_are_those_of_the_plan(
    child: Callable[..., Any], model: str, alike: dict[str, str]
) -> None:
    """Each step runs once, in its order; what comes after others begins when they have ended; polls take their turns."""
    run = child(MIXED, model)

    assert (run.status, run.stderr) == (0, "")
    told = run.told
    assert told["results_alike"] == alike.setdefault("mixed", told["results_alike"])
    assert collections.Counter(event[1] for event in told["events"]) == {
        name: 2 * count for name, count in STEPS.items()
    }
    at = {(task, step, what): time for time, task, step, what in told["events"]}
    assert len(at) == len(told["events"])
    for name, count in STEPS.items():
        times = [at[name, step, what] for step in range(count) for what in ("begin", "end")]
        assert times == sorted(times)
    for before, later in AFTER:
        assert at[before, STEPS[before] - 1, "end"] <= at[later, 0, "begin"]
    assert told["begun"] <= min(at.values())
    assert max(at.values()) <= told["ended"]
    _check_polls(told)


def _check_polls(told: dict[str, Any]) -> None:
    assert told["polls_every"] == {"poll": 0.005, "heartbeat": 0.01}
    for name, every_s in told["polls_every"].items():
        turns = [(due, at) for polled, due, at in told["polls"] if polled == name]
        assert turns[0][0] == told["begun"]
        assert all(due <= at <= told["ended"] for due, at in turns)
        assert all(later[0] >= turn[1] + every_s * 1e9 for turn, later in pairwise(turns))


@pytest.mark.parametrize("model", ["sequential", "asyncio", "gevent", "trio"])
def test_a_poll_that_is_starved_shows(child: Callable[..., Any], model: str) -> None:
    """What is overdue when the last task ends has its turn then: its lateness is seen, though nobody could look before."""
    run = child(
        """
        import time
        from tracekit.workload import compute, poll, task

        def burn(seconds):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                pass

        def workload(scale):
            return [task("burn", compute(burn), given=0.1), task("next", compute(burn), given=0.1), poll(0.001)]
        """,
        model,
    )

    (last, end) = max((time, name) for time, name, _, what in run.told["events"] if what == "end")
    begin = next(time for time, name, _, what in run.told["events"] if name == end and what == "begin")
    due, at = run.told["polls"][-1][1:]
    assert due < last <= at
    assert at - due >= (last - begin) / 2


def test_a_sequential_run_takes_as_long_as_all_of_it(child: Callable[..., Any]) -> None:
    """The figures of the child are those of the run: nothing overlaps, and a poll waits for the step that runs."""
    told = child(MIXED, "sequential").told

    lengths = [time * (1 if what == "end" else -1) for time, _, _, what in told["events"]]
    assert sum(lengths) <= told["ended"] - told["begun"]
    assert told["wall_s"] == pytest.approx((told["ended"] - told["begun"]) / 1e9)
    assert max(at - due for _, due, at in told["polls"]) >= 0.04e9
    assert told["steps"]["slow"] == [["sleep", "sleep"], ["compute", "count"], ["io", "fetch"]]
    assert 0 <= told["started_s"] <= told["wall_s"]
    assert told["cpu_s"] > 0
    assert told["switches"] >= told["preemptions"] >= 0


@pytest.mark.parametrize("model", WORKERS)
def test_what_workers_use_counts(child: Callable[..., Any], model: str) -> None:
    """CPU time of worker processes is in the run's, and their steps are in its events."""
    run = child(
        """
        import time
        from tracekit.workload import compute, task

        def burn(seconds):
            end = time.process_time() + seconds
            while time.process_time() < end:
                pass

        def workload(scale):
            return [task("burn", compute(burn), given=0.2)]
        """,
        model,
    )

    assert run.told["cpu_s"] >= 0.19
    assert [event[1:] for event in run.told["events"]] == [["burn", 0, "begin"], ["burn", 0, "end"]]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("model", WORKERS)
def test_workers_that_start_anew_load_the_file(
    child: Callable[..., Any], model: str, method: str, tmp_path: Any
) -> None:
    """A worker that inherits nothing finds the functions of a file, and loads it once, whatever the directory."""
    run = child(
        f"""
        import multiprocessing
        import os
        from tracekit.workload import compute, task

        if __name__ == "jobs" and multiprocessing.parent_process() is None:
            multiprocessing.set_start_method({method!r})
        with open({str(tmp_path / "loaded")!r}, "a") as file:
            print(os.getpid(), file=file)

        class Page:
            def __repr__(self):
                return "a page"

        def load(number):
            return Page(), number, multiprocessing.parent_process() is not None

        def workload(scale):
            return [task(f"page {{number}}", compute(load), compute(repr), given=number) for number in range(3)]
        """,
        model,
    )

    assert (run.status, run.stderr) == (0, "")
    loaded = (tmp_path / "loaded").read_text().split()
    assert len(set(loaded)) == len(loaded) >= 2


def test_names_are_loaded_lazily_and_known() -> None:
    """Every name has its module, with what the package promises; another name is said, with those that there are."""
    for name in models.MODELS:
        model = models.get(name)
        assert callable(model.run)
        assert isinstance(model.missing(), str)
    with pytest.raises(UsageError, match=r"no model is called 'fibers': there are sequential, .*, interpreters$"):
        models.get("fibers")


@pytest.mark.parametrize("model", [name for name in models.MODELS if name not in HERE])
def test_a_model_that_cannot_run_here_says_so(child: Callable[..., Any], model: str) -> None:
    """Why, and what it takes."""
    with pytest.raises(TracekitError, match=r"cannot run here: .*needs|cannot run here: .*pip install"):
        models.prepare(model)
    assert child(MIXED, model).stderr.startswith(f"{model} cannot run here: ")
