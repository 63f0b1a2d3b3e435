"""What fails ends the run, under every model: one line, at once, nothing left behind. Each in a child, as users run it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracekit.compare import models

HERE = [name for name in models.MODELS if not models.get(name).missing()]
every = pytest.mark.parametrize("model", HERE)
WORKERS = ("processes", "process-pool", "asyncio+processes")

FAILS = """
import threading
import time

from tracekit.workload import compute, io, poll, sleep, task

def fine(number=0):
    return number

def bad(number):
    raise {error}

def forbidden(result):
    open({path!r}, "w").close()

def workload(scale):
    try:
        first = task("first", compute(fine), {kind}(bad), given=1)
        beside = [task(f"beside {{n}}", {beside}) for n in range(2)]
        yield [first, task("next", compute(forbidden), after=first), *beside, poll(0.01)]
    finally:
        print("cleaned up")
"""


@every
@pytest.mark.parametrize("kind", ["compute", "io"])
def test_a_task_that_fails_ends_the_run(child: Callable[..., Any], model: str, kind: str, tmp_path: Any) -> None:
    """One line with task, step and what was raised; what comes after it does not run; the workload is cleaned up."""
    mark = tmp_path / "ran"
    source = FAILS.format(error="ValueError('no such\\n page')", kind=kind, beside="sleep(0.01)", path=str(mark))
    run = child(source, model)

    line = "task 'first' failed in step 2 of 2 (bad): ValueError: no such page (jobs.py, line 11)\n"
    assert (run.status, run.stderr, run.stdout, run.told) == (1, line, "cleaned up\n", {})
    assert not mark.exists()


@pytest.mark.parametrize(
    ("first", "says"),
    [
        (
            "task('a', io(takes_nothing), given=1)",
            "step 1 of 1 (takes_nothing): {}; it is called with one argument, what the",
        ),
        (
            "task('a', io(takes_one))",
            "step 1 of 1 (takes_one): {}; it is called without an argument, since the task is",
        ),
        (
            "task('a', sleep(0), io(takes_one), io(takes_nothing), given=1)",
            "step 3 of 3 (takes_nothing): {}; it is called",
        ),
        (
            "task('a', io(takes_two), after='b')",
            "step 1 of 1 (takes_two): {}; it is called with one argument, the list of",
        ),
    ],
)
def test_a_step_that_takes_something_else(child: Callable[..., Any], first: str, says: str) -> None:
    """A function that cannot be called with what a step gets: the line says what that is."""
    source = (
        "from tracekit.workload import io, sleep, task\ndef takes_nothing(): ...\ndef takes_one(one): ...\n"
        f"def takes_two(one, two): ...\ndef workload(scale): return [{first}, task('b', sleep(0))]\n"
    )
    before, after = says.split("{}")
    said = child(source, "sequential").stderr
    assert said.startswith(f"task 'a' failed in {before}TypeError: ")
    assert after in said


@pytest.mark.parametrize("model", [name for name in HERE if name not in ("sequential", "asyncio")])
def test_nobody_waits_for_what_never_ends(child: Callable[..., Any], model: str) -> None:
    """Where a task fails, others that wait for ever don't keep the run from ending."""
    forever = "io(threading.Event().wait)" if model not in (*WORKERS, "interpreters") else "sleep(3600)"
    run = child(FAILS.format(error="ValueError('bad')", kind="io", beside=forever, path="/"), model)

    assert (run.status, run.stderr.count("\n")) == (1, 1)
    assert "task 'first' failed" in run.stderr


@every
def test_a_task_may_not_leave_the_program(child: Callable[..., Any], model: str) -> None:
    """SystemExit in a step is a failure like others, not a quiet end."""
    run = child(FAILS.format(error="SystemExit(0)", kind="io", beside="sleep(0)", path="/"), model)

    assert run.status == 1
    assert "failed in step 2 of 2 (bad): SystemExit: 0" in run.stderr


@every
def test_a_poll_that_fails_ends_the_run(child: Callable[..., Any], model: str) -> None:
    """One line that names the poll."""
    run = child(
        """
        from tracekit.workload import poll, sleep, task

        def look():
            raise ValueError("not there")

        def workload(scale):
            return [task("long", sleep(0.3)), poll(0.01, "look", look)]
        """,
        model,
    )

    line = "poll 'look' failed: ValueError: not there (jobs.py, line 5)\n"
    assert (run.status, run.stderr) == (1, line)


@pytest.mark.parametrize("model", WORKERS)
def test_a_worker_that_dies_ends_the_run(child: Callable[..., Any], model: str) -> None:
    """A process that is gone without a result is said, and nobody waits for it."""
    run = child(
        """
        import os
        from tracekit.workload import compute, sleep, task

        def workload(scale):
            return [task("dies", compute(os._exit), given=3), task("long", sleep(60) , compute(repr))]
        """,
        model,
    )

    assert run.status == 1
    # A pool that lost a worker fails all that it has, and does not tell whose worker that was.
    assert run.stderr.startswith("task 'dies'" if model == "processes" else ("task 'dies'", "task 'long'"))
    assert run.stderr.count("\n") == 1
    assert ("exited with 3" if model == "processes" else "worker process ended") in run.stderr


@pytest.mark.parametrize("model", WORKERS)
def test_no_worker_stays_behind(child: Callable[..., Any], model: str, tmp_path: Path) -> None:
    """Where a task fails, the processes of the others, which are busy, are gone when the child is."""
    known = tmp_path / "workers"
    run = child(
        f"""
        import os
        import time
        from tracekit.workload import compute, io, task

        def busy():
            with open({str(known)!r} + ".part", "w") as file:
                file.write(str(os.getpid()))
            os.rename({str(known)!r} + ".part", {str(known)!r})
            time.sleep(3600)

        def fail():
            while not os.path.exists({str(known)!r}):
                time.sleep(0.001)
            raise ValueError

        def workload(scale):
            return [task("busy", compute(busy)), task("fail", io(fail))]
        """,
        model,
    )

    assert (run.status, run.stderr) == (1, "task 'fail' failed in step 1 of 1 (fail): ValueError (jobs.py, line 15)\n")
    assert not Path("/proc", known.read_text()).exists()


UNSENT = """
import threading
from tracekit.workload import compute, task

def lock():
    return threading.Lock()

def workload(scale):
    return [task("lambda", compute(lambda: 3))]

def result(scale):
    return [task("lambda", compute(lock))]
"""


@pytest.mark.parametrize("name", ["", ":result"])
@pytest.mark.parametrize("model", [name for name in HERE if name in (*WORKERS, "interpreters")])
def test_what_cannot_be_sent_is_said(child: Callable[..., Any], model: str, name: str) -> None:
    """A lambda, or a result that cannot be pickled: one line, and what to do. A process that is forked takes the lambda."""
    run = child(UNSENT, model, name=name)

    if (model, name) == ("processes", ""):
        assert run.status == 0
        return
    assert run.status == 1
    assert run.stderr.startswith("task 'lambda' cannot ")
    assert run.stderr.count("\n") == 1
    assert "pickle" in run.stderr
