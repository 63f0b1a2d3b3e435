"""Runs the tables of the matrix, each way once, and gives their traces. Knows no row."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from asyncio_matrix.reading import Reading

from tracekit.load import load
from tracekit.model.check import check
from tracekit.model.trace import Trace
from tracekit.spool.core import core

HERE = Path(__file__).resolve().parent
IMPORTED = (HERE.parent, HERE / "site-packages")
RUNS = [("asyncio", "c"), ("asyncio", "py"), ("uvloop", "c"), ("uvloop", "py")]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Trace]:
    """The trace of `tracekit run OPTIONS` of some tables on a loop; the same is run only once."""

    @cache
    def ran(
        loop: str, recorder: str, tables: tuple[str, ...], options: tuple[str, ...]
    ) -> tuple[int, str, Trace | None]:
        out = tmp_path_factory.mktemp(f"{loop}-{recorder}") / "trace.json"
        program = ("-m", "asyncio_matrix.program", loop, *tables)
        path = os.pathsep.join(filter(None, (*map(str, IMPORTED), os.environ.get("PYTHONPATH"))))
        result = subprocess.run(
            [sys.executable, "-m", "tracekit", "run", "-q", *options, "-o", str(out), *program],
            env={**os.environ, "TRACEKIT_CORE": recorder, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
            cwd=out.parent,
        )
        return result.returncode, result.stderr, load(out) if out.exists() else None

    def run(loop: str, recorder: str, tables: tuple[str, ...], *options: str) -> Trace:
        if loop == "uvloop":
            pytest.importorskip("uvloop")
        if recorder == "c" and core.fast is None:
            pytest.skip(core.why)
        status, said, trace = ran(loop, recorder, tables, options)
        assert status == 0, said
        assert said == ""
        assert trace is not None
        return trace

    return run


@pytest.fixture(scope="session", params=RUNS, ids="-".join)
def seen(request: pytest.FixtureRequest, run: Callable[..., Trace]) -> tuple[str, Reading]:
    """Which loop, and what is seen of everything that waits and wakes on it, recorded by either core."""
    loop, recorder = request.param
    trace = run(loop, recorder, ("awaits", "wakes"), "--rate", "0")
    assert check(trace) == []
    return loop, Reading(trace)
