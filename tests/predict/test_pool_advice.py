"""A loop whose pool of threads is too small, or is not, laid out by hand. Knows no recording."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tracekit.model.builder import Builder
from tracekit.predict.counsel import Advice
from tracekit.predict.machine import usual
from tracekit.predict.parts import Kind, Piece, StepOf, Strand, Work
from tracekit.predict.pool_advice import find
from tracekit.predict.predict import predict

MS = 1_000_000
FILE = "/app/app.py"


def advised(jobs: int, kind: Kind, model: str = "asyncio+threads", workers: int = 6) -> list[Advice]:
    """What is advised for tasks that each wait for a job of 100 ms in the loop's pool: of 6 threads, as is usual on two cores."""
    steps = (
        StepOf("to_thread", "/usr/lib/python3.11/asyncio/threads.py", 12, "compute"),
        StepOf("fetch", FILE, 3, "io"),
    )
    strand = Strand("Task", (Piece(Kind.GIL, MS // 10), Piece(kind, 100 * MS, 1)), steps=steps, group="to_thread")
    work = Work("app.py", (strand,) * jobs, cores=2, traced_model=model, wall_ns=-(-jobs // workers) * 100 * MS)
    work = replace(work, workers=workers)
    machine = usual(2)
    (now,) = predict(work, (model,), machine)
    return find(Builder("app.py").build(), work, machine, now).advice


def test_a_pool_that_is_too_small() -> None:
    """What waits in few threads is advised to have more: the program's function, how many, and what that brings at best."""
    (advice,) = advised(24, Kind.IO)

    assert (advice.now, advice.model) == ("asyncio+threads", "asyncio+threads")
    assert (advice.hot.name, advice.hot.file, advice.hot.line) == ("fetch", FILE, 3)
    assert "in place of 6" in advice.change
    assert "ThreadPoolExecutor(24)" in advice.change
    assert advice.gain_s is None
    assert advice.gain_high_s == pytest.approx(0.3, rel=0.1)


@pytest.mark.parametrize(
    ("jobs", "kind", "model", "workers"),
    [
        (6, Kind.IO, "asyncio+threads", 6),
        (24, Kind.GIL, "asyncio+threads", 6),
        (24, Kind.IO, "asyncio", 6),
        (200, Kind.IO, "asyncio+threads", 64),
    ],
    ids=["large enough", "computing", "no pool", "as many as are advised"],
)
def test_a_pool_that_is_right(jobs: int, kind: Kind, model: str, workers: int) -> None:
    """Where each job finds a thread, where they compute, where there is no such pool, or a large one, no more are advised."""
    assert advised(jobs, kind, model, workers) == []
