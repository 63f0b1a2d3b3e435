"""The built-in workloads, each run in children of its own: alike under the models, and gone afterwards. Knows their names."""

from __future__ import annotations

import ast
import inspect
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tracekit.compare import find
from tracekit.workload import Poll, Task

NAMES = sorted(
    ("article", "sleeping", "computing", "crawl", "files", "parsing", "queries", "pipeline", "arrays", "mixed")
)
MODELS = ("sequential", "threads", "processes", "asyncio", "asyncio+processes")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of its own for temporary files, of this process and of children."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


def made(name: str, scale: float) -> tuple[list[Task | Poll], Iterator[Any]]:
    """What a workload gives, and what has to be closed afterwards."""
    result = find.find(name).function(scale)
    if inspect.isgenerator(result):
        return next(result), result
    return result, iter(())


def test_the_list_says_what_each_is() -> None:
    """All are listed, each with one sentence that fits into a line."""
    listed = find.builtins()

    assert sorted(listed) == NAMES
    for line in listed.values():
        assert line.endswith(".")
        assert len(line) <= 118


@pytest.mark.parametrize("name", NAMES)
def test_each_says_what_its_comparison_must_show(name: str) -> None:
    """A workload's text tells its shape, and what to look for."""
    text = ast.get_docstring(ast.parse(Path(find.find(name).where).read_text()))

    assert text is not None
    assert "\n\nShape: " in text
    assert "\n\nWhat its comparison must show: " in text


@pytest.mark.parametrize("name", NAMES)
def test_the_scale_leaves_the_shape(name: str, temporary: Path) -> None:
    """Tasks, steps and polls are the same at any scale, and what they are made of can be sent to another process."""
    shapes = []
    for scale in (0.02, 0.05):
        entries, rest = made(name, scale)
        tasks = [entry for entry in entries if isinstance(entry, Task)]
        polls = [entry for entry in entries if isinstance(entry, Poll)]
        assert [repr(task) for task in pickle.loads(pickle.dumps(tasks))] == [repr(task) for task in tasks]
        assert next(rest, "ended") == "ended"
        shapes.append(
            (
                [(task.name, [step.name for step in task.steps], task.after) for task in tasks],
                [poll.name for poll in polls],
            )
        )

    assert shapes[0] == shapes[1]
    assert shapes[0][1], "a poll looks on"
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_models_agree(name: str, child: Callable[..., Any], temporary: Path) -> None:
    """A workload has the same results under every model, from any directory, says nothing, and leaves no file behind."""
    alike = {}
    for model in MODELS:
        run = child(name, model, "0.02")
        assert (run.status, run.stdout, run.stderr) == (0, "", ""), model
        ended = [event for event in run.told["events"] if event[3] == "end"]
        assert len(ended) == sum(len(steps) for steps in run.told["steps"].values()), model
        alike[model] = run.told["results_alike"]
        assert list(temporary.iterdir()) == [], model

    assert len(set(alike.values())) == 1, alike


@pytest.mark.parametrize("model", ["gevent", "trio"])
def test_guests_fetch_the_same_pages(model: str, child: Callable[..., Any]) -> None:
    """The crawl's server and its pages are the same for loops that are not asyncio's."""
    pytest.importorskip(model)
    usual, run = child("crawl", "sequential", "0.02"), child("crawl", model, "0.02")

    assert (run.status, run.stderr) == (0, "")
    assert run.told["results_alike"] == usual.told["results_alike"]


def polls_within_the_computing(told: dict[str, Any]) -> int:
    """How many polls looked while the article's computing task was in its step."""
    times = {(task, what): time for time, task, _, what in told["events"]}
    begin, end = times["2s CPU Bound", "begin"], times["2s CPU Bound", "end"]
    return sum(begin < at < end for _, _, at in told["polls"])


def test_the_article_starves_polls_on_a_loop_alone(child: Callable[..., Any]) -> None:
    """While the article's task computes, no poll looks under asyncio, and some do under threads and with a pool of processes."""
    within = {
        model: polls_within_the_computing(child("article", model, "0.4").told)
        for model in ("asyncio", "threads", "asyncio+processes")
    }

    assert within["asyncio"] == 0
    assert within["threads"] > 0
    assert within["asyncio+processes"] > 0


def test_coroutines_of_the_article_keep_their_order(child: Callable[..., Any]) -> None:
    """Two runs under asyncio begin and end the article's steps in the same order."""
    first, second = ([event[1:] for event in child("article", "asyncio", "0.2").told["events"]] for _ in range(2))

    assert first == second
    assert first[0] == ["0s IO Bound", 0, "begin"]


def test_a_failure_leaves_nothing_behind(child: Callable[..., Any], temporary: Path) -> None:
    """A workload whose step fails ends with one line, its directory is removed, and its server ends."""
    run = child(
        """
        from tempfile import TemporaryDirectory
        from tracekit.compare.builtin._site import serving
        from tracekit.workload import compute, sleep, task

        def broken(port):
            raise ValueError("no good")

        def workload(scale):
            with TemporaryDirectory() as folder, serving(1, 50, (1.0, 2.0)) as port:
                yield [task("one", compute(broken), given=port), task("two", sleep(0.01))]
        """,
        "threads",
    )

    # The server holds stderr too: that it was read to its end says that the server is gone.
    assert run.status == 1
    assert run.stderr.count("\n") == 1
    assert "no good" in run.stderr
    assert list(temporary.iterdir()) == []
