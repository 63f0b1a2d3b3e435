"""The child: what it writes, what it says of what is wrong, what it must not load, and what a trace of it holds."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests_support import rows_of

from tracekit.compare import models
from tracekit.compare.journal import Journal
from tracekit.load import load
from tracekit.model.check import check
from tracekit.spool.core import core

HERE = [name for name in models.MODELS if not models.get(name).missing()]
CORES = [name for name in ("c", "py") if name == "py" or core.fast is not None]
HEAVY = ("numpy", "click", "rich", "orjson", "structlog", "viztracer", "pyarrow", "tracekit.model", "tracekit.load")

TRACED = """
import asyncio
import os
import time

from tracekit.workload import compute, io, poll, sleep, task

def wait(number):
    time.sleep(0.01)
    return number

async def wait_async(number):
    await asyncio.sleep(0.01)
    return number

def workload(scale):
    first = task("first", io(wait, wait_async), compute(repr), given=1)
    second = task("second", sleep(0.01), io(wait), given=2)
    return [first, second, task("last", compute(repr), after=[first, second]), poll(0.004, "beat")]
"""
STEPS = {
    ("first", 0, "io", "wait", True, None),
    ("first", 1, "compute", "repr", False, None),
    ("second", 0, "sleep", "sleep", True, None),
    ("second", 1, "io", "wait", False, None),
    ("last", 0, "compute", "repr", False, "first␞second"),
}


@pytest.mark.parametrize("model", HERE)
def test_it_is_light(child: Callable[..., Any], model: str) -> None:
    """Nothing heavy of tracekit's is in a process that is measured, nor in its workers."""
    run = child(
        f"""
        import sys
        from tracekit.workload import compute, io, task

        def heavy(_):
            found = [name for name in {HEAVY!r} if name in sys.modules]
            print(len(found), *found, flush=True)

        def workload(scale):
            return [task("here", compute(heavy), io(heavy), given=1)]
        """,
        model,
    )

    assert (run.status, run.stdout) == (0, "0\n0\n")


@pytest.mark.parametrize("name", CORES)
@pytest.mark.parametrize("model", HERE)
def test_a_trace_of_it_holds_all_steps(child: Callable[..., Any], model: str, name: str, tmp_path: Path) -> None:
    """Each step, each turn of a poll and the whole run are spans that say what they are; times agree with the journal's."""
    out = tmp_path / "trace.json"
    if model == "interpreters" and name == "c":
        name = ""  # asked for by name, it would be missed aloud in the interpreters that cannot load it
    run = child(TRACED, model, core=name, before=("tracekit", "run", "--quiet", "-o", str(out), "-m"))

    assert (run.status, run.stderr) == (0, "")
    trace = load(out)
    assert check(trace) == []
    spans = [row for row in rows_of(trace, "SPAN") if not row.unfinished]
    steps = {_told(row): row for row in spans if "tracekit_step" in row.args}
    assert set(steps) == STEPS
    whole = next(row for row in spans if row.name == "tracekit model")
    assert (whole.args["tracekit_model"], whole.args["tracekit_workload"]) == (model, "jobs")
    turns = [row for row in spans if row.args.get("tracekit_kind") == "poll"]
    assert Counter(row.name for row in turns) == {"beat": len(run.told["polls"])}
    assert [row.args["tracekit_late_ns"] for row in turns] == [at - due for _, due, at in run.told["polls"]]
    assert {row.args["tracekit_every_ns"] for row in turns} == {4_000_000}
    lengths = {(name, step): 0 for name, step, *_ in STEPS}
    for at, name, step, what in run.told["events"]:
        lengths[name, step] += at if what == "end" else -at
    for (name, step, *_), row in steps.items():
        assert lengths[name, step] <= row.end - row.start <= whole.end - whole.start


def _told(row: Any) -> tuple[Any, ...]:
    names = ("tracekit_step", "tracekit_kind", "tracekit_step_name", "tracekit_awaitable", "tracekit_after")
    return (row.name, *(row.args.get(name) for name in names))


def test_many_before_one_are_all_told(child: Callable[..., Any], tmp_path: Path) -> None:
    """Where the names of those before find no room in one text, further ones hold the rest."""
    out = tmp_path / "trace.json"
    run = child(
        """
        from tracekit.workload import compute, sleep, task

        def workload(scale):
            tasks = [task(f"a page of some length, {number}", sleep(0)) for number in range(100)]
            return [*tasks, task("last", compute(len), after=tasks)]
        """,
        "sequential",
        before=("tracekit", "run", "--quiet", "-o", str(out), "-m"),
    )

    assert run.status == 0
    args = next(row.args for row in rows_of(load(out), "SPAN") if row.name == "last")
    texts = [
        args["tracekit_after"],
        *(args[f"tracekit_after_{number}"] for number in range(1, 10) if f"tracekit_after_{number}" in args),
    ]
    assert len(texts) > 1
    assert "␞".join(texts).split("␞") == [f"a page of some length, {number}" for number in range(100)]
    assert "tracekit_after_left_out" not in args


def test_the_scale_is_the_workload_s(child: Callable[..., Any]) -> None:
    """What stands on the command line is what the function is called with."""
    source = (
        "from tracekit.workload import sleep, task\ndef workload(scale):\n    return [task(repr(scale), sleep(0))]\n"
    )

    assert list(child(source, "sequential", "0.5").told["steps"]) == ["0.5"]


@pytest.mark.parametrize("scale", ["0", "-1", "nan", "inf", "much"])
def test_no_scale_is_said(child: Callable[..., Any], scale: str) -> None:
    """In one line, without a traceback."""
    run = child("article", "sequential", scale)

    assert (run.status, run.stderr) == (1, f"'{scale}' is no scale: give a number more than 0, such as 0.5\n")


def test_results_that_differ_are_told(child: Callable[..., Any]) -> None:
    """The digest is of the results: equal ones have one, in whatever order a set shows itself; others another."""
    source = """
    from tracekit.workload import compute, task

    class Page:
        pass

    def words(number):
        return {f"word {n}" for n in range(9)}, {"b": 1, "a": Page}, frozenset("abc"), Page(), number

    def workload(scale):
        return [task("a", compute(words), given=scale)]
    """
    runs = [child(source, "sequential", scale).told["results_alike"] for scale in ("1", "1.0", "2")]

    assert runs[0] == runs[1] != runs[2]


def test_where_nothing_can_be_written_is_said(child: Callable[..., Any], tmp_path: Path) -> None:
    """In one line."""
    out = tmp_path / "nowhere" / "out.json"
    run = child(TRACED, "sequential", out=out)

    says = f"cannot write {out}: No such file or directory; name a file in a directory that may be written to\n"
    assert (run.status, run.stderr) == (1, says)


def test_too_few_arguments_are_said(tmp_path: Path) -> None:
    """In one line, with what they would be."""
    command = [sys.executable, "-m", "tracekit.compare.child", "article"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "SPEC MODEL SCALE OUT" in done.stderr


def test_only_the_run_is_paid_for() -> None:
    """What a process computes before the run begins and after the last result is there is no processor time of the model's."""
    journal = Journal()
    _compute()
    before = time.process_time_ns()
    journal.begin("sequential", "nothing")
    journal.finish()
    between = time.process_time_ns() - before
    _compute()
    assert 0 < journal.spent <= between


def _compute() -> None:
    until = time.process_time_ns() + 1_000_000
    while time.process_time_ns() < until:
        pass
